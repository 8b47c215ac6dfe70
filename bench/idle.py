"""What idle sessions cost: memory each, and cores for a hundred of them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import address, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_SESSIONS = 100
_WINDOWS = 3
_WINDOW_SECONDS = 10.0
_MEGABYTES_AIM = 12.0
_CORES_AIM = 0.07


def run(state: Path) -> list[Row]:
    """Proportional set size as the kernel counts it; processor time of the emulator, its zygotes and its guests."""
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row("needs Linux's /proc", "not measured")]
    with emulator_with_learnt_imports(state) as emulator:
        for _ in range(_SESSIONS - 1):
            post(address(emulator), invocations(emulator), 1, new_session())
        guests = [session["pid"] for session in emulator.sessions()]
        sizes = [_proportional_megabytes(pid) for pid in guests]
        cores = []
        for _ in range(_WINDOWS):
            before = _processor_seconds(_processes(emulator, guests))
            time.sleep(_WINDOW_SECONDS)
            cores.append((_processor_seconds(_processes(emulator, guests)) - before) / _WINDOW_SECONDS)
    size = sum(sizes) / len(sizes)
    return [
        Row("sessions", str(len(guests))),
        Row(
            "memory of one (mean)",
            f"{size:.1f} MB",
            spread(sizes, "MB"),
            f"≤ {_MEGABYTES_AIM:.0f} MB",
            size <= _MEGABYTES_AIM,
        ),
        Row(
            f"cores burnt by all, in {_WINDOW_SECONDS:.0f} s",
            f"{median(cores):.3f}",
            spread(cores, "", 3),
            f"≤ {_CORES_AIM}",
            median(cores) <= _CORES_AIM,
        ),
    ]


def _processes(emulator: EmulatorProcess, guests: Iterable[int]) -> set[int]:
    parents = {_parent(pid) for pid in guests}
    return {emulator.pid, *guests, *parents}


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    # The second field is the command's name in parentheses and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _processor_seconds(pids: Iterable[int]) -> float:
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def _proportional_megabytes(pid: int) -> float:
    match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert match is not None, f"no Pss in /proc/{pid}/smaps_rollup"
    return int(match[1]) / 1000
