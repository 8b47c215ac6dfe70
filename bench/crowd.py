"""Live sessions of an emulator that nobody calls: which memory each takes, and the cores that all of them burn."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import address, invocations

__all__ = ["UNMEASURABLE", "Crowd", "gather"]

UNMEASURABLE = None if Path("/proc/self/smaps_rollup").exists() else [Row("needs Linux's /proc", "not measured")]
"""The rows to show where none of this can be measured."""

_WINDOWS = 3
_MEGABYTES_AIM = 12.0


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What the sessions cost. Memory is proportional set size as the kernel counts it, in megabytes of 10⁶ bytes."""

    sizes: list[float]
    own_size: float
    """The memory of the emulator and of what lies between it and its guests: zygotes, and who waits for them."""
    cores: list[float]
    """The cores that guests, zygotes and emulator burnt, by the window of `window` seconds."""
    window: float
    started: int
    """How many were started one after the other, in `start_seconds`; the others were there before."""
    start_seconds: float

    def memory(self) -> Row:
        """That of one."""
        size = sum(self.sizes) / len(self.sizes)
        aim = f"≤ {_MEGABYTES_AIM:.0f} MB"
        return Row("memory of one (mean)", f"{size:.1f} MB", spread(self.sizes, "MB"), aim, size <= _MEGABYTES_AIM)

    def burnt(self, aim: float) -> Row:
        """The cores of all."""
        cores = median(self.cores)
        what = f"cores burnt by all, in {self.window:g} s"
        return Row(what, f"{cores:.4f}", spread(self.cores, "", 4), f"≤ {aim}", cores <= aim)


def gather(emulator: EmulatorProcess, count: int, window: float) -> Crowd:
    """Bring the emulator to `count` live sessions, and watch it and them."""
    started = count - len(emulator.sessions())
    before = time.perf_counter()
    for _ in range(started):
        post(address(emulator), invocations(emulator), 1, new_session())
    start_seconds = time.perf_counter() - before
    guests = [session["pid"] for session in emulator.sessions() if session["pid"] is not None]
    own = {emulator.pid}.union(*(_between(pid, emulator.pid) for pid in guests))
    sizes = [_proportional_megabytes(pid) for pid in guests]
    own_size = sum(map(_proportional_megabytes, own))
    cores = []
    for _ in range(_WINDOWS):
        used = _processor_seconds([*own, *guests])
        time.sleep(window)
        cores.append((_processor_seconds([*own, *guests]) - used) / window)
    return Crowd(
        sizes=sizes, own_size=own_size, cores=cores, window=window, started=started, start_seconds=start_seconds
    )


def _between(pid: int, ancestor: int) -> set[int]:
    """The parents of a process below an ancestor of its: one, or with namespaces two."""
    found: set[int] = set()
    # The second field is the command's name in parentheses and may hold anything.
    while (pid := int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])) != ancestor:
        assert pid, f"a guest that does not descend from process {ancestor}"
        found.add(pid)
    return found


def _processor_seconds(pids: Iterable[int]) -> float:
    # In nanoseconds, of each thread: /proc/N/stat counts in ticks of 10 ms, and an idle guest runs for less.
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _proportional_megabytes(pid: int) -> float:
    match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert match is not None, f"no Pss in /proc/{pid}/smaps_rollup"
    return int(match[1]) * 1024 / 1e6
