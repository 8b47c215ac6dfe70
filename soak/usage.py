"""What the emulator and all below it hold of the machine, as Linux's /proc tells."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentcore_emulator.config import STATE_FILE

__all__ = ["Usage", "measure"]


@dataclass(frozen=True)
class Usage:
    """Megabytes are the resident ones, of the emulator itself and of all `processes` below it."""

    processes: int
    descriptors: int
    emulator_megabytes: float
    below_megabytes: float

    @property
    def counts(self) -> tuple[int, int]:
        """What must be the same to the last one."""
        return self.processes, self.descriptors

    def growth(self, before: Usage) -> dict[str, float]:
        """By how many megabytes each has grown."""
        return {
            "the emulator": self.emulator_megabytes - before.emulator_megabytes,
            "the processes below it": self.below_megabytes - before.below_megabytes,
        }

    def __str__(self) -> str:
        return (
            f"emulator {self.emulator_megabytes:.1f} MB, {self.processes} processes below it "
            f"{self.below_megabytes:.1f} MB, {self.descriptors} descriptors"
        )


def measure(pid: int) -> Usage:
    """What the process `pid` and its descendants hold now."""
    below = _descendants(pid)
    return Usage(
        processes=len(below),
        descriptors=sum(map(_descriptors, [pid, *below])),
        emulator_megabytes=_resident_megabytes(pid),
        below_megabytes=sum(map(_resident_megabytes, below)),
    )


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        # One that has ended meanwhile is not counted, here or below.
        with suppress(OSError):
            # The second field is the command's name in parentheses and may hold anything.
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found = list(children.get(pid, ()))
    for each in found:
        found += children.get(each, ())
    return found


def _descriptors(pid: int) -> int:
    count = 0
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                # The state file has up to five connections, each made when it is first needed.
                count += STATE_FILE not in str(entry.readlink())
    return count


def _resident_megabytes(pid: int) -> float:
    with suppress(OSError):
        match = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(match[1]) * 1024 / 1e6 if match else 0.0
    return 0.0
