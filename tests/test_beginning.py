from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from agentcore_emulator.beginning import Beginning

LIMIT = 64 * 1024


def body(*pieces: bytes, more: bool = False) -> list[dict[str, Any]]:
    """The messages of a request with these pieces, and maybe more to come."""
    last = len(pieces) - 1
    return [
        {"type": "http.request", "body": piece, "more_body": more or number < last}
        for number, piece in enumerate(pieces)
    ]


class Client:
    """An ASGI `receive` that counts how often it is asked; asked for too much, it fails."""

    def __init__(self, messages: Iterable[dict[str, Any]]) -> None:
        self.asked = 0
        self._messages = list(messages)

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return self._messages[self.asked - 1]


async def test_what_is_read_ahead_still_comes() -> None:
    messages = body(b"one ", b"two ", b"three")
    beginning = Beginning(Client(messages))
    assert await beginning.read() == b"one two three"
    assert [await beginning() for _ in messages] == messages


async def test_what_has_come_is_known() -> None:
    messages = body(b"one ", b"two")
    client = Client(messages)
    beginning = Beginning(client)
    assert [await beginning() for _ in messages] == messages
    assert await beginning.read() == b"one two"
    assert client.asked == 2, "nothing was waited for"


async def test_half_of_it_has_come() -> None:
    messages = body(b"one ", b"two ", b"three")
    beginning = Beginning(Client(messages))
    first = await beginning()
    assert await beginning.read() == b"one two three"
    assert [first, await beginning(), await beginning()] == messages


async def test_no_more_than_the_beginning_is_waited_for() -> None:
    client = Client([*body(b"x" * LIMIT, more=True), *body(b"rest")])
    beginning = Beginning(client)
    assert await beginning.read() == b"x" * LIMIT
    assert client.asked == 1
    assert [(await beginning())["body"] for _ in range(2)] == [b"x" * LIMIT, b"rest"]
    assert await beginning.read() == b"x" * LIMIT


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
async def test_its_size(size: int) -> None:
    assert len(await Beginning(Client(body(b"y" * size))).read()) == min(size, LIMIT)


async def test_a_client_that_goes_away() -> None:
    beginning = Beginning(Client([*body(b"one ", more=True), {"type": "http.disconnect"}]))
    assert await beginning.read() == b"one "
    assert [(await beginning())["type"] for _ in range(2)] == ["http.request", "http.disconnect"]
