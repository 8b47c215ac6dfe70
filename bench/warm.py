"""A warm invocation through the emulator, against the same agent called directly."""

from __future__ import annotations

import time
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.effort import Effort
from bench.load import measure
from bench.pairs import part_of, side_by_side
from bench.report import Row
from bench.subjects import address, direct_agent, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_AIM = 1.4


def run(state: Path, effort: Effort) -> list[Row]:
    """Raw requests side by side, then boto3's."""
    with emulator_with_learnt_imports(state) as emulator, direct_agent() as (direct, _):
        session = new_session()
        measure(address(emulator), invocations(emulator), effort.requests, session)
        measure(direct, "/invocations", effort.requests)
        rows = side_by_side(
            lambda: measure(address(emulator), invocations(emulator), effort.requests, session),
            lambda: measure(direct, "/invocations", effort.requests),
            rounds=effort.rounds,
            aim=_AIM,
        )
        sdk = [_boto3(emulator, session, effort.requests) for _ in range(effort.rounds)]
    return [*rows, part_of("through the emulator by boto3, p50", sdk, 0.5)]


def _boto3(emulator: EmulatorProcess, session: str, count: int) -> list[float]:
    client = emulator.client("bedrock-agentcore")
    times = []
    for _ in range(count):
        started = time.perf_counter()
        answer = client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b"{}")
        answer["response"].read()
        times.append((time.perf_counter() - started) * 1000)
    return times
