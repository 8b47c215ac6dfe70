"""From `agentcore-emulator start` to its line `Ready`."""

from __future__ import annotations

import time
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess
from bench.effort import Effort
from bench.report import Row, median, spread
from bench.subjects import AGENT, emulator_with_learnt_imports

__all__ = ["run"]

_AIM = 1.0


def run(state: Path, effort: Effort) -> list[Row]:
    """In turns: with what was learnt of the agent before, and for an agent never seen."""
    with emulator_with_learnt_imports(state):
        pass
    known, new = [], []
    for _ in range(effort.starts):
        known.append(_start("--state-dir", str(state)))
        new.append(_start())
    return [_row("an agent seen before", known), _row("a new agent", new)]


def _start(*options: str) -> float:
    started = time.perf_counter()
    with EmulatorProcess(AGENT, *options):
        return time.perf_counter() - started


def _row(what: str, seconds: list[float]) -> Row:
    value = median(seconds)
    return Row(what, f"{value:.2f} s", spread(seconds, "s", 2), f"≤ {_AIM:.1f} s", value <= _AIM)
