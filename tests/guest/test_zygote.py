"""The zygote's side of its line to the host. What becomes of its guests: `tests/runtime/microvm/test_zygote.py`."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.guest import channel
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, MicroVMSpec
from agentcore_emulator.runtime.microvm.resources import SessionFolder


class Zygote:
    """A zygote, and the host's end of its line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "project").mkdir()
        self._links: list[socket.socket] = []
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.settimeout(30)
        self.process = subprocess.Popen(
            [sys.executable, str(GUEST_FOLDER), "zygote", str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()

    def prepare(self, source: str = "", preimport: list[str] | None = None) -> None:
        entrypoint = self.folder / "agent.py"
        entrypoint.write_text(source)
        names = None
        if preimport is not None:
            names = self.folder / "names.json"
            names.write_text(json.dumps(preimport))
        order = {"entrypoint": str(entrypoint), "folders": [str(self.folder)], "preimport": names and str(names)}
        channel.send(self.line, {"prepare": order})

    def hear(self) -> dict[str, Any]:
        message, self.descriptors = channel.receive(self.line)
        assert message is not None
        return message

    def fork(self, number: int) -> None:
        """Order a guest that runs the entry file."""
        spec = MicroVMSpec(
            entrypoint=self.folder / "agent.py",
            project=self.folder,
            environ={},
            port=8080,
            quirks=Quirks.parse("off"),
            folder=SessionFolder(self.folder / str(number)),
            on_line=print,
            on_finding=print,
        )
        spec.folder.make(self.folder / "project", isolated=False)
        link, theirs = socket.socketpair()
        self._links.append(link)
        with theirs, socket.socket(socket.AF_UNIX) as unix, socket.socket() as tcp, Path(os.devnull).open("wb") as log:
            channel.send(
                self.line,
                {"fork": number, "spec": spec.order()},
                [unix.fileno(), tcp.fileno(), log.fileno(), theirs.fileno()],
            )

    def close(self) -> None:
        self.line.close()
        for link in self._links:
            link.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    zygote = Zygote(tmp_path)
    yield zygote
    zygote.close()


def test_it_looks_at_the_entry_file_first(zygote: Zygote) -> None:
    zygote.prepare("import not_there", ["json"])
    assert "no module named 'not_there'" in zygote.hear()["problem"]


def test_it_says_what_it_has_imported(zygote: Zygote) -> None:
    zygote.prepare(preimport=["colorsys", "missing", "json"])
    assert zygote.hear() == {"problem": None}
    assert zygote.hear() == {"ready": 3, "stopped_at": None}


@pytest.mark.parametrize(
    ("end", "status"),
    [("os._exit(0)", 0), ("os._exit(7)", 7 << 8), ("os.kill(os.getpid(), 15)", 15), ("sys.exit(3)", 3 << 8)],
)
def test_it_tells_of_each_end(zygote: Zygote, end: str, status: int) -> None:
    zygote.prepare(f"import os, sys\n{end}")
    zygote.hear(), zygote.hear()
    zygote.fork(41)
    told = zygote.hear()
    assert told["forked"] == 41
    [pidfd] = zygote.descriptors
    assert zygote.hear() == {"exited": 41, "status": status}
    assert select.select([pidfd], [], [], 0)[0], "a pidfd of that guest"
    os.close(pidfd)


def test_no_zombie_is_left(zygote: Zygote) -> None:
    zygote.prepare("import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    os._exit(0)\nos._exit(0)")
    zygote.hear(), zygote.hear()
    for number in range(5):
        zygote.fork(number)
        assert zygote.hear()["forked"] == number
        os.close(zygote.descriptors[0])
        assert zygote.hear() == {"exited": number, "status": 0}
    pid = zygote.process.pid
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""


def test_it_keeps_no_descriptor_of_a_guests(zygote: Zygote) -> None:
    zygote.prepare("import os; os._exit(0)")
    zygote.hear(), zygote.hear()
    folder = Path(f"/proc/{zygote.process.pid}/fd")
    before = len(list(folder.iterdir()))
    for number in range(5):
        zygote.fork(number)
        zygote.hear()
        os.close(zygote.descriptors[0])
        zygote.hear()
    assert len(list(folder.iterdir())) == before


def test_it_ends_with_the_line(zygote: Zygote) -> None:
    zygote.prepare("import signal; signal.pause()")
    zygote.hear(), zygote.hear()
    guests = []
    for number in range(3):
        zygote.fork(number)
        zygote.hear()
        guests += zygote.descriptors
    zygote.line.shutdown(socket.SHUT_RDWR)
    assert zygote.process.wait(30) == 0
    for pidfd in guests:
        assert select.select([pidfd], [], [], 0)[0], "gone before the zygote is"
        os.close(pidfd)


def test_a_line_that_ends_before_anything_was_said(zygote: Zygote) -> None:
    zygote.line.shutdown(socket.SHUT_RDWR)
    assert zygote.process.wait(30) == 0
