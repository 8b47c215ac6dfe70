from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

PROGRAM = """
import os, signal, subprocess, sys, threading
os.setpgid(0, 0)
from agentcore_emulator.guest.link import Link
link = Link()
link.connect(int(sys.argv[1]))
link.listen()
"""


class Guest:
    """A process with one end of a link, and the other end."""

    def __init__(self, code: str) -> None:
        self.line, theirs = socket.socketpair()
        self.line.settimeout(30)
        self._lines = self.line.makefile("rb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM + code, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()

    def hear(self) -> Any:
        return json.loads(self._lines.readline())

    def hang_up(self) -> None:
        self._lines.close()
        self.line.close()

    def close(self) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start() -> Iterator[Any]:
    guests: list[Guest] = []

    def start(code: str) -> Guest:
        guests.append(Guest(code))
        return guests[-1]

    yield start
    for guest in guests:
        guest.close()


def test_messages_from_many_threads_are_whole(start: Any) -> None:
    guest = start(
        """
def send(n):
    for _ in range(50):
        link.send({"n": n, "x": "y" * 5000})
threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
signal.pause()
"""
    )
    heard = [guest.hear() for _ in range(400)]
    assert sorted({message["n"] for message in heard}) == list(range(8))
    assert {message["x"] for message in heard} == {"y" * 5000}


def test_it_answers_while_the_agent_is_busy(start: Any) -> None:
    guest = start("link.send({'ready': 1})\nwhile True: pass\n")
    guest.hear()
    guest.line.sendall(b'{"unknown": 1}\n{"report": "mod')
    guest.line.sendall(b'ules"}\n')
    assert "json" in guest.hear()["modules"]


def test_a_guest_whose_host_is_gone_ends_with_what_it_started(start: Any) -> None:
    guest = start(
        """
child = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
link.send({"child": child.pid})
signal.pause()
"""
    )
    child = os.pidfd_open(guest.hear()["child"])
    guest.hang_up()
    assert guest.process.wait(30) == -signal.SIGKILL
    assert select.select([child], [], [], 30)[0]
    os.close(child)


def test_sending_to_a_host_that_is_gone_is_no_error(start: Any) -> None:
    guest = start(
        """
import socket
ours, theirs = socket.socketpair()
quiet = Link()
quiet.connect(os.dup(theirs.fileno()))
theirs.close()
ours.close()
quiet.send({"a": 1})
link.send({"survived": True})
"""
    )
    assert guest.hear() == {"survived": True}


def test_what_is_told_before_there_is_a_line_goes_elsewhere(start: Any) -> None:
    guest = start(
        """
told = []
early = Link(told.append)
early.send({"a": 1})
Link().send({"b": 2})  # Nobody wants it.
link.send({"told": told})
"""
    )
    assert guest.hear() == {"told": [{"a": 1}]}
