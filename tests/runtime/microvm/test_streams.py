"""A program's streams from the host's side, with this process in the program's place."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from agentcore_emulator.runtime.microvm.streams import Piece, Streams

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Program:
    """The streams, and a program's copies of its ends."""

    def __init__(self, *, terminal: bool) -> None:
        self.streams = Streams(terminal=terminal)
        self.stdin, self.stdout, self.stderr = map(os.dup, self.streams.theirs)
        self.streams.hand_over()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def all(self, size: int = 1000) -> list[Piece]:
        return [piece async for piece in self.streams.pieces(self.ended, size)]

    def end(self) -> None:
        for descriptor in (self.stdin, self.stdout, self.stderr):
            os.close(descriptor)


@pytest.fixture
async def pipes() -> Program:
    return Program(terminal=False)


@pytest.fixture
async def terminal() -> Program:
    return Program(terminal=True)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = sorted(Path("/proc/self/fd").iterdir())
    yield
    assert sorted(Path("/proc/self/fd").iterdir()) == before


async def test_each_pipe_by_its_name_in_pieces(pipes: Program) -> None:
    os.write(pipes.stdout, b"abcde")
    os.write(pipes.stderr, b"xy")
    reading = asyncio.create_task(pipes.all(size=3))
    await asyncio.sleep(0)
    pipes.ended.set_result(None)
    pieces = await reading
    assert [data for stream, data in pieces if stream == "stdout"] == [b"abc", b"de"]
    assert [data for stream, data in pieces if stream == "stderr"] == [b"xy"]
    assert os.read(pipes.stdin, 1) == b""
    pipes.end()
    pipes.streams.close()


async def test_a_piece_comes_when_it_is_written(pipes: Program) -> None:
    pieces = pipes.streams.pieces(pipes.ended, 1000)
    for text in (b"one", b"two"):
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        assert not waiting.done()
        os.write(pipes.stdout, text)
        assert await waiting == Piece("stdout", text)
    await pieces.aclose()
    pipes.end()
    pipes.streams.close()


async def test_closed_streams_are_not_the_end(pipes: Program) -> None:
    reading = asyncio.create_task(pipes.all())
    pipes.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not reading.done()
    pipes.ended.set_result(None)
    assert await reading == []
    pipes.streams.close()


async def test_at_the_end_comes_what_was_there_and_no_more(pipes: Program) -> None:
    """What a program has left in the background may write without end."""
    os.set_blocking(pipes.stdout, False)
    os.write(pipes.stdout, b"x" * 65_536)
    pipes.ended.set_result(None)
    seen = 0
    async for piece in pipes.streams.pieces(pipes.ended, 10_000):
        seen += len(piece.data)
        with contextlib.suppress(BlockingIOError):
            os.write(pipes.stdout, b"y" * 4096)
    assert 65_536 <= seen <= 3 * 65_536
    pipes.end()
    pipes.streams.close()


async def test_nobody_who_writes_is_held_up_by_what_is_discarded(pipes: Program, until: Until) -> None:
    os.set_blocking(pipes.stdout, False)
    pipes.streams.discard()
    written = 0

    def write() -> bool:
        nonlocal written
        try:
            written += os.write(pipes.stdout, b"x" * 65_536)
        except BlockingIOError:
            return False
        return written > 500_000

    await until(write)
    pipes.end()
    pipes.streams.close()


async def test_a_terminal(terminal: Program) -> None:
    assert all(os.isatty(descriptor) for descriptor in (terminal.stdin, terminal.stdout, terminal.stderr))
    assert os.get_terminal_size(terminal.stdout) == (80, 24)
    terminal.streams.resize(132, 50)
    assert os.get_terminal_size(terminal.stdout) == (132, 50)
    await terminal.streams.write(b"typed\n")
    assert os.read(terminal.stdin, 100) == b"typed\n"
    os.write(terminal.stderr, b"printed")
    terminal.ended.set_result(None)
    assert b"".join(piece.data for piece in await terminal.all()) == b"typed\r\nprinted"
    terminal.end()
    terminal.streams.close()


async def test_a_terminal_that_everybody_has_left(terminal: Program) -> None:
    os.write(terminal.stdout, b"last words")
    terminal.end()
    terminal.ended.set_result(None)
    assert await terminal.all() == [Piece("stdout", b"last words")]
    await terminal.streams.write(b"x")
    terminal.streams.resize(1, 1)
    terminal.streams.close()


async def test_keys_wait_for_who_reads_them(terminal: Program) -> None:
    tty.setraw(terminal.stdin)
    keys = os.urandom(500_000)
    writing = asyncio.create_task(terminal.streams.write(keys))
    loop = asyncio.get_running_loop()
    taken = b""
    while len(taken) < len(keys):
        ready, _, _ = await loop.run_in_executor(None, select.select, [terminal.stdin], [], [], 20)
        assert ready, "some keys were lost"
        taken += os.read(terminal.stdin, 65_536)
    assert taken == keys
    await writing
    terminal.end()
    terminal.streams.close()


async def test_closing_lets_who_reads_go_on_to_the_end(terminal: Program) -> None:
    reading = asyncio.create_task(terminal.all())
    await asyncio.sleep(0)
    terminal.streams.close()
    await asyncio.sleep(0)
    assert not reading.done()
    terminal.ended.set_result(None)
    assert await reading == []
    with pytest.raises(OSError, match="Input/output error"):
        os.write(terminal.stdout, b"to whom?")
    terminal.end()


async def test_closing_lets_who_writes_go(terminal: Program) -> None:
    attributes = termios.tcgetattr(terminal.stdin)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(terminal.stdin, termios.TCSANOW, attributes)
    writing = asyncio.create_task(terminal.streams.write(b"x" * 1_000_000))
    await asyncio.sleep(0)
    assert not writing.done()
    terminal.streams.close()
    terminal.streams.close()
    await writing
    terminal.end()
