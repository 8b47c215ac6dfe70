"""A new session through the zygote, against `python agent.py`, each to its first answer."""

from __future__ import annotations

from pathlib import Path

from agentcore_emulator.testing import new_session
from bench.load import post
from bench.report import Row, median, quantile, spread
from bench.subjects import address, direct_agent, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_SESSIONS = 40
_PROCESSES = 5
_AIM = 25.0


def run(state: Path) -> list[Row]:
    """From the request's first byte, or the process's start, to the whole answer."""
    with emulator_with_learnt_imports(state) as emulator:
        place = address(emulator), invocations(emulator)
        for _ in range(3):
            post(*place, 1, new_session())
        forked = [post(*place, 1, new_session())[0] for _ in range(_SESSIONS)]
    started = []
    for _ in range(_PROCESSES):
        with direct_agent() as (_, milliseconds):
            started.append(milliseconds)
    p50 = median(forked)
    return [
        Row("new session, p50", f"{p50:.1f} ms", spread(forked, "ms"), f"≤ {_AIM:.0f} ms", p50 <= _AIM),
        Row("new session, p99", f"{quantile(forked, 0.99):.1f} ms"),
        Row("python agent.py", f"{median(started):.0f} ms", spread(started, "ms", 0)),
        Row("ratio", f"{p50 / median(started):.3f}"),
    ]
