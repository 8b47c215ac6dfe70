"""Processes that an agent starts in all the ways by which one can slip away from its parent."""

from __future__ import annotations

import os
import select
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

FLEEING = """
import os, signal, subprocess, sys

def wait(report):
    os.write(report, b"%d\\n" % os.getpid())
    signal.pause()

def exec_and_wait(report, marker):
    code = "import os, signal; os.write(%d, b'%%d\\\\n' %% os.getpid()); signal.pause()" % report
    os.execv(sys.executable, [sys.executable, "-S", "-c", code, marker])

def flee(kind, fifo, marker):
    report = os.open(fifo, os.O_WRONLY)
    os.set_inheritable(report, True)
    if kind == "child":
        if os.fork() == 0:
            exec_and_wait(report, marker)
    elif kind == "session of its own":
        if os.fork() == 0:
            os.setsid()
            exec_and_wait(report, marker)
    elif kind == "daemon":
        middle = os.fork()
        if middle == 0:
            os.setsid()
            if os.fork() == 0:
                exec_and_wait(report, marker)
            os._exit(0)
        os.waitpid(middle, 0)
    elif kind == "daemon without exec":
        middle = os.fork()
        if middle == 0:
            os.setsid()
            if os.fork() == 0:
                wait(report)
            os._exit(0)
        os.waitpid(middle, 0)
    os.close(report)
"""

KINDS = ["child", "session of its own", "daemon", "daemon without exec"]


class Fugitives:
    """Finds the processes that agents started, and waits for their end."""

    def __init__(self, folder: Path) -> None:
        self.marker = f"marker-{uuid.uuid4()}"
        self.fifo = folder / "fugitives"
        os.mkfifo(self.fifo)
        self._reports = os.open(self.fifo, os.O_RDWR)
        self._watched: dict[int, int] = {}

    def code(self, *kinds: str) -> str:
        """Python for the agent: start one of each kind."""
        calls = "".join(f"flee({kind!r}, {str(self.fifo)!r}, {self.marker!r})\n" for kind in kinds)
        return FLEEING + calls

    def caught(self, count: int) -> list[int]:
        """Wait until `count` of them run; returns their pids."""
        text = b""
        while text.count(b"\n") < count:
            ready, _, _ = select.select([self._reports], [], [], 30)
            assert ready, "they did not start"
            text += os.read(self._reports, 1000)
        pids = [int(line) for line in text.split()]
        self.watch(*pids)
        return pids

    def watch(self, *pids: int) -> None:
        """Look at these processes as well."""
        for pid in pids:
            self._watched[pid] = os.pidfd_open(pid)

    def gone(self) -> None:
        """Wait until every one of them has ended; fails the test if one lives on."""
        for pid, descriptor in self._watched.items():
            ended, _, _ = select.select([descriptor], [], [], 20)
            assert ended, f"process {pid} lives on: {Path(f'/proc/{pid}/cmdline').read_text()!r}"
        assert not self.marked(), "a process that was not watched lives on"

    def ended(self) -> bool:
        """Whether every one of them has ended by now."""
        return all(select.select([descriptor], [], [], 0)[0] for descriptor in self._watched.values())

    def alive(self) -> bool:
        """Whether every one of them still runs."""
        return not any(select.select([descriptor], [], [], 0)[0] for descriptor in self._watched.values())

    def marked(self) -> list[int]:
        """The running processes that have the marker among their arguments. Zombies have none."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if self.marker.encode() in (folder / "cmdline").read_bytes():
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found

    def close(self) -> None:
        os.close(self._reports)
        for pid, descriptor in self._watched.items():
            if not select.select([descriptor], [], [], 0)[0]:
                os.kill(pid, 9)
            os.close(descriptor)


@pytest.fixture
def fugitives(tmp_path: Path) -> Iterator[Fugitives]:
    fugitives = Fugitives(tmp_path)
    yield fugitives
    fugitives.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """One way to slip away."""
    return str(request.param)
