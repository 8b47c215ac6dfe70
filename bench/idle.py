"""What idle sessions cost: memory each, and the cores that all of them burn."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

from agentcore_emulator.testing import new_session
from bench.effort import Effort
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import address, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_WINDOWS = 3
_MEGABYTES_AIM = 12.0
_CORES_AIM = 0.07  # of a hundred sessions


def run(state: Path, effort: Effort) -> list[Row]:
    """Proportional set size as the kernel counts it; processor time of the emulator, its zygotes and its guests."""
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row("needs Linux's /proc", "not measured")]
    with emulator_with_learnt_imports(state) as emulator:
        for _ in range(effort.idle_sessions - 1):
            post(address(emulator), invocations(emulator), 1, new_session())
        guests = [session["pid"] for session in emulator.sessions() if session["pid"] is not None]
        own = {emulator.pid, *map(_parent, guests)}
        sizes = [_proportional_megabytes(pid) for pid in guests]
        own_size = sum(map(_proportional_megabytes, own))
        cores = []
        for _ in range(_WINDOWS):
            before = _processor_seconds([*own, *guests])
            time.sleep(effort.idle_seconds)
            cores.append((_processor_seconds([*own, *guests]) - before) / effort.idle_seconds)
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
        Row("memory of the emulator and its zygote", f"{own_size:.1f} MB"),
        Row(
            f"cores burnt by all, in {effort.idle_seconds:g} s",
            f"{median(cores):.4f}",
            spread(cores, "", 4),
            f"≤ {_CORES_AIM}",
            median(cores) <= _CORES_AIM,
        ),
    ]


def _parent(pid: int) -> int:
    # The second field is the command's name in parentheses and may hold anything.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _processor_seconds(pids: Iterable[int]) -> float:
    # In nanoseconds, of each thread: /proc/N/stat counts in ticks of 10 ms, and an idle guest runs for less.
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _proportional_megabytes(pid: int) -> float:
    match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert match is not None, f"no Pss in /proc/{pid}/smaps_rollup"
    return int(match[1]) * 1024 / 1e6
