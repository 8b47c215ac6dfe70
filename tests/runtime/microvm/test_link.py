from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentcore_emulator.runtime.microvm.link import Finding, Link


class Guest:
    """The other end of a link."""

    def __init__(self) -> None:
        self.findings: asyncio.Queue[Finding] = asyncio.Queue()
        self.link = Link(self.findings.put_nowait)
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        self._ours.setblocking(False)

    async def open(self) -> None:
        await self.link.open(self._theirs)

    async def say(self, *messages: Any) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            await asyncio.get_running_loop().sock_sendall(self._ours, line + b"\n")

    async def settle(self) -> None:
        """Return when all that was said has been taken in."""
        await self.say({"quirk": "q", "place": "p", "remedy": "r"})
        while await self.findings.get() != Finding("q", "p", "r"):
            pass

    async def hear(self) -> Any:
        data = await asyncio.get_running_loop().sock_recv(self._ours, 1000)
        return json.loads(data) if data else None

    def die(self) -> None:
        self._ours.close()


@pytest.fixture
async def guest() -> AsyncIterator[Guest]:
    guest = Guest()
    await guest.open()
    yield guest
    guest.link.close()
    guest.die()


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_serving(guest: Guest, kind: str) -> None:
    await guest.say({"serving": kind}, {"serving": "tcp"})
    assert await guest.link.serving == kind
    await guest.settle()


async def test_what_a_guest_reports(guest: Guest) -> None:
    await guest.say({"elsewhere": 9999}, {"elsewhere": 9998}, {"handler": "a.py:3 (f)"}, {"failed": "it broke"})
    await guest.say({"quirk": "payload-type", "place": "a.py:3", "remedy": "do not"})
    assert await guest.findings.get() == Finding("payload-type", "a.py:3", "do not")
    assert guest.link.elsewhere == [9999, 9998]
    assert guest.link.handler == "a.py:3 (f)"
    assert guest.link.failure == "it broke"


@pytest.mark.parametrize(
    "message",
    [[], 7, None, {}, {"serving": 1}, {"serving": "x"}, {"failed": None}, {"elsewhere": "8080"}, {"modules": "json"}],
)
async def test_what_it_cannot_mean_is_passed_over(guest: Guest, message: Any) -> None:
    await guest.say(message)
    await guest.settle()
    assert not guest.link.serving.done()
    assert (guest.link.failure, guest.link.elsewhere, guest.link.handler) == (None, [], None)


@pytest.mark.parametrize("line", [b"no JSON", b"[" * 100_000, b"\xff"])
async def test_a_line_that_is_no_json_ends_the_conversation(guest: Guest, line: bytes) -> None:
    await guest.say(line)
    await asyncio.wait([guest.link.serving])
    assert guest.link.serving.cancelled()


async def test_modules_are_asked_for_once(guest: Guest) -> None:
    asked = [asyncio.create_task(guest.link.modules()) for _ in range(2)]
    assert await guest.hear() == {"report": "modules"}
    await guest.say({"modules": ["json", 7, "asyncio"]}, {"modules": ["late"]})
    assert await asyncio.gather(*asked) == [["json", "asyncio"]] * 2
    await guest.settle()


async def test_a_long_list_of_modules(guest: Guest) -> None:
    asked = asyncio.create_task(guest.link.modules())
    await guest.hear()
    many = [f"package.module_{number}" for number in range(20_000)]
    await guest.say({"modules": many})
    assert await asked == many


async def test_a_guest_that_dies_answers_no_more(guest: Guest) -> None:
    asked = asyncio.create_task(guest.link.modules())
    await guest.hear()
    guest.die()
    assert await asked == []
    await asyncio.wait([guest.link.serving])
    assert guest.link.serving.cancelled()


async def test_hanging_up(guest: Guest) -> None:
    guest.link.close()
    assert await guest.hear() is None
    assert await guest.link.modules() == []


async def test_a_link_that_was_never_opened() -> None:
    link = Link(lambda finding: None)
    assert await link.modules() == []
    link.close()
