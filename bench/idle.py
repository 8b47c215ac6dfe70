"""What idle sessions cost: memory each, and the cores that all of them burn."""

from __future__ import annotations

from pathlib import Path

from bench.crowd import UNMEASURABLE, gather
from bench.effort import Effort
from bench.report import Row
from bench.subjects import emulator_with_learnt_imports

__all__ = ["run"]

_CORES_AIM = 0.07  # of a hundred sessions


def run(state: Path, effort: Effort) -> list[Row]:
    """Proportional set size as the kernel counts it; processor time of the emulator, its zygotes and its guests."""
    if UNMEASURABLE:
        return UNMEASURABLE
    with emulator_with_learnt_imports(state) as emulator:
        crowd = gather(emulator, effort.idle_sessions, effort.idle_seconds)
    return [
        Row("sessions", str(len(crowd.sizes))),
        crowd.memory(),
        Row("memory of the emulator and its zygote", f"{crowd.own_size:.1f} MB"),
        crowd.burnt(_CORES_AIM),
    ]
