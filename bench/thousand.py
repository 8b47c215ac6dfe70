"""A thousand live sessions at once: the time to start them, the memory of all, and the cores that they burn."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from bench.crowd import UNMEASURABLE, Crowd, gather
from bench.effort import Effort
from bench.report import Row
from bench.subjects import AGENT, emulator, emulator_with_learnt_imports

__all__ = ["run"]

_CORES_AIM = 0.7

# For each session that is to be started: what one takes, and some to spare.
_MEGABYTES = 15


def run(state: Path, effort: Effort) -> list[Row]:
    """On platform V1 and then on V2; the sessions are started one after the other."""
    if UNMEASURABLE:
        return UNMEASURABLE
    needed = effort.many_sessions * _MEGABYTES
    if _free_megabytes() < needed:
        return [Row(f"needs {needed / 1000:.0f} GB of free memory", "not measured")]
    with emulator_with_learnt_imports(state) as v1:
        booted = gather(v1, effort.many_sessions, effort.idle_seconds)
    with emulator(AGENT, "--platform", "V2") as v2:
        restored = gather(v2, effort.many_sessions, effort.idle_seconds)
    return [Row("sessions", str(len(booted.sizes))), *_rows("V1", booted), *_rows("V2", restored)]


def _free_megabytes() -> float:
    match = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert match is not None, "no MemAvailable in /proc/meminfo"
    return int(match[1]) * 1024 / 1e6


def _rows(platform: str, crowd: Crowd) -> list[Row]:
    rows = [
        crowd.memory(),
        Row("memory of all, with emulator and zygote", f"{(sum(crowd.sizes) + crowd.own_size) / 1000:.2f} GB"),
        Row("time to start all", f"{crowd.start_seconds:.1f} s"),
        Row("time to start one (mean)", f"{crowd.start_seconds / crowd.started * 1000:.1f} ms"),
        crowd.burnt(_CORES_AIM),
    ]
    return [replace(row, what=f"{platform}: {row.what}") for row in rows]
