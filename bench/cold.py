"""A new session through the zygote, against `python agent.py`, each to its first answer."""

from __future__ import annotations

from pathlib import Path

from bench.effort import Effort
from bench.report import Row, median, quantile, spread
from bench.subjects import direct_agent, emulator_with_learnt_imports, first_answer

__all__ = ["run"]

_AIM = 25.0


def run(state: Path, effort: Effort) -> list[Row]:
    """From the request's first byte, or the process's start, to the whole answer; in turns."""
    forked, started = [], []
    with emulator_with_learnt_imports(state) as emulator:
        for _ in range(effort.rounds):
            forked += [first_answer(emulator) for _ in range(effort.sessions)]
            with direct_agent() as (_, milliseconds):
                started.append(milliseconds)
    p50 = median(forked)
    return [
        Row("new session, p50", f"{p50:.1f} ms", spread(forked, "ms"), f"≤ {_AIM:.0f} ms", p50 <= _AIM),
        Row("new session, p99", f"{quantile(forked, 0.99):.1f} ms"),
        Row("python agent.py", f"{median(started):.0f} ms", spread(started, "ms", 0)),
        Row("ratio", f"{p50 / median(started):.3f}"),
    ]
