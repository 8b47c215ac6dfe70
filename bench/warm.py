"""A warm invocation through the emulator, against the same agent called directly."""

from __future__ import annotations

import time
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.effort import Effort
from bench.load import measure
from bench.report import Row, median, quantile, spread
from bench.subjects import address, direct_agent, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_AIM = 1.4


def run(state: Path, effort: Effort) -> list[Row]:
    """In turns, so that what else the machine does meets both alike."""
    with emulator_with_learnt_imports(state) as emulator, direct_agent() as (direct, _):
        session = new_session()
        measure(address(emulator), invocations(emulator), effort.requests, session)
        measure(direct, "/invocations", effort.requests)
        ours, theirs, ratios, sdk = [], [], [], []
        for _ in range(effort.rounds):
            through = measure(address(emulator), invocations(emulator), effort.requests, session)
            alone = measure(direct, "/invocations", effort.requests)
            ratios.append(median(through) / median(alone))
            ours.append(through)
            theirs.append(alone)
            sdk.append(_boto3(emulator, session, effort.requests))
    return [
        _row("through the emulator, p50", ours, 0.5),
        _row("directly, p50", theirs, 0.5),
        _row("through the emulator, p99", ours, 0.99),
        _row("directly, p99", theirs, 0.99),
        Row(
            "ratio of the p50, pair by pair",
            f"{median(ratios):.2f}",
            spread(ratios, "", 2),
            f"≤ {_AIM}",
            median(ratios) <= _AIM,
        ),
        _row("through the emulator by boto3, p50", sdk, 0.5),
    ]


def _row(what: str, rounds: list[list[float]], part: float) -> Row:
    values = [quantile(times, part) for times in rounds]
    return Row(what, f"{median(values):.2f} ms", spread(values, "ms", 2))


def _boto3(emulator: EmulatorProcess, session: str, count: int) -> list[float]:
    client = emulator.client("bedrock-agentcore")
    times = []
    for _ in range(count):
        started = time.perf_counter()
        answer = client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b"{}")
        answer["response"].read()
        times.append((time.perf_counter() - started) * 1000)
    return times
