"""From `agentcore-emulator start` to its line `Ready`."""

from __future__ import annotations

import time
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess
from bench.report import Row, median, spread
from bench.subjects import AGENT, emulator_with_learnt_imports

__all__ = ["run"]

_STARTS = 7
_AIM = 1.0


def run(state: Path) -> list[Row]:
    """Once with what was learnt of the agent before, once for an agent never seen."""
    with emulator_with_learnt_imports(state):
        pass
    known = [_start("--state-dir", str(state)) for _ in range(_STARTS)]
    new = [_start() for _ in range(_STARTS)]
    met = median(known) <= _AIM
    return [
        Row("an agent seen before", f"{median(known):.2f} s", spread(known, "s", 2), f"≤ {_AIM:.1f} s", met),
        Row("a new agent", f"{median(new):.2f} s", spread(new, "s", 2), f"≤ {_AIM:.1f} s", median(new) <= _AIM),
    ]


def _start(*options: str) -> float:
    started = time.perf_counter()
    with EmulatorProcess(AGENT, *options):
        return time.perf_counter() - started
