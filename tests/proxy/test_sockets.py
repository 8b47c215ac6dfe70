from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from agentcore_emulator.proxy.sockets import HeadTooLarge, peek, read_head, reset


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection; neither blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


async def test_what_is_peeked_at_stays(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    waiting = asyncio.create_task(peek(ours, 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    theirs.sendall(b"abc")
    assert await waiting == b"ab"
    assert await peek(ours, 10) == b"abc"
    assert ours.recv(10) == b"abc"
    theirs.close()
    assert await peek(ours, 1) == b""


async def test_a_head_is_read_to_its_end_and_no_further(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.1\r\n\r\n\x16rest")
    assert await read_head(ours) == b"GET / HTTP/1.1\r\n\r\n"
    assert ours.recv(10) == b"\x16rest"


async def test_a_head_that_comes_byte_by_byte(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    reading = asyncio.create_task(read_head(ours))
    for number in head:
        theirs.sendall(bytes([number]))
        await asyncio.sleep(0)
    theirs.sendall(b"rest")
    assert await reading == head
    assert await peek(ours, 10) == b"rest"


async def test_a_head_that_never_ends(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"a" * 20_000)
    with pytest.raises(HeadTooLarge):
        await read_head(ours)


async def test_a_client_that_goes_away_within_a_head(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"GET / HTTP/1.1\r\n")
    theirs.close()
    with pytest.raises(EOFError):
        await read_head(ours)


async def test_nothing_is_left_of_a_reader_that_is_cancelled(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reading = asyncio.create_task(read_head(ours))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not asyncio.get_running_loop().remove_reader(ours.fileno())
    theirs.sendall(b"x")


async def test_a_reset_is_no_end(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reset(theirs)
    with pytest.raises(ConnectionResetError):
        await peek(ours, 1)
