"""A program's standard streams, from the host's side: pipes, or a terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

__all__ = ["Piece", "Streams"]

# What a terminal can hold that its reader has not been told of.
_TERMINAL_CAPACITY = 128 * 1024

# Between two looks at what is thrown away.
_PAUSE_SECONDS = 0.01

_LARGEST_READ = 64 * 1024

# In columns and lines, before the client has told how large its window is.
_FIRST_SIZE = (80, 24)


class Piece(NamedTuple):
    """Some output: where it came from (`stdout` or `stderr`), and its bytes."""

    stream: str
    data: bytes


class Streams:
    """The host's ends, and until `hand_over` the program's: standard input, output and error.

    Without a terminal the input is empty. With one the three are one, and what is written to it are keys pressed.
    """

    def __init__(self, *, terminal: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._sources: dict[int, str] = {}
        self._terminal: int | None = None
        self._open: list[int] = []
        self._watched: list[int] = []
        self._woken = asyncio.Event()
        self._pause: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._blocked: asyncio.Future[None] | None = None
        self.theirs: list[int] = []
        try:
            self._make(terminal)
        except OSError:
            self.close()
            raise

    def _make(self, terminal: bool) -> None:
        if terminal:
            self._terminal, theirs = os.openpty()
            self._open.append(self._terminal)
            self.theirs = [theirs] * 3
            self._sources[self._terminal] = "stdout"
            self.resize(*_FIRST_SIZE)
        else:
            self.theirs.append(os.open(os.devnull, os.O_RDONLY))
            for name in ("stdout", "stderr"):
                ours, theirs = os.pipe()
                self._open.append(ours)
                self.theirs.append(theirs)
                self._sources[ours] = name
        for descriptor in self._open:
            os.set_blocking(descriptor, False)

    def hand_over(self) -> None:
        """Close this process's copies of the program's ends, once the program has its own."""
        for descriptor in set(self.theirs):
            os.close(descriptor)
        self.theirs = []

    async def pieces(self, ended: asyncio.Future[Any], size: int) -> AsyncGenerator[Piece]:
        """What comes, in pieces of up to `size` bytes, and no faster than they are asked for.

        The last is what was there when `ended` was done: what a program has left in the background may write on.
        """
        ended.add_done_callback(lambda _: self._woken.set())
        while not ended.done():
            self._woken.clear()
            self._watched = list(self._sources)
            for descriptor in self._watched:
                self._loop.add_reader(descriptor, self._woken.set)
            try:
                await self._woken.wait()
            finally:
                self._watch_none()
            for descriptor, name in list(self._sources.items()):
                if data := self._read(descriptor, size):
                    yield Piece(name, data)
        last = {descriptor: max(_waiting(descriptor), _TERMINAL_CAPACITY) for descriptor in self._sources}
        for descriptor, name in list(self._sources.items()):
            left = last[descriptor]
            while left > 0 and (data := self._read(descriptor, min(size, left))):
                left -= len(data)
                yield Piece(name, data)

    async def write(self, data: bytes) -> None:
        """Press keys; returns when the terminal has taken them all. Nothing happens if it is gone."""
        async with self._writing:
            while data and self._terminal is not None:
                try:
                    data = data[os.write(self._terminal, data) :]
                except BlockingIOError:
                    await self._takes_more(self._terminal)
                except OSError:
                    return

    async def _takes_more(self, terminal: int) -> None:
        blocked = self._blocked = self._loop.create_future()
        self._loop.add_writer(terminal, _release, blocked)
        try:
            await blocked
        finally:
            if self._blocked is not None:
                self._loop.remove_writer(terminal)
                self._blocked = None

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, in columns and lines; what runs in its foreground learns of it."""
        if self._terminal is not None:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def discard(self) -> None:
        """Read on and throw away what comes: whoever still writes is neither to be held up nor to fail."""
        for descriptor in list(self._sources):
            self._read(descriptor, _LARGEST_READ)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._discard_more) if self._sources else None

    def _discard_more(self) -> None:
        self._watched = list(self._sources)
        for descriptor in self._watched:
            self._loop.add_reader(descriptor, self._discard_now)

    def _discard_now(self) -> None:
        self._watch_none()
        self.discard()

    def close(self) -> None:
        """Give all up, which hangs up a terminal. A second call does nothing."""
        self.hand_over()
        self._watch_none()
        self._woken.set()
        if self._pause is not None:
            self._pause.cancel()
        if self._blocked is not None and self._terminal is not None:
            self._loop.remove_writer(self._terminal)
            blocked, self._blocked = self._blocked, None
            _release(blocked)
        self._terminal = None
        self._sources.clear()
        for descriptor in self._open:
            os.close(descriptor)
        self._open.clear()

    def _watch_none(self) -> None:
        # Before one is closed: its number may be another's soon.
        for descriptor in self._watched:
            self._loop.remove_reader(descriptor)
        self._watched = []

    def _read(self, descriptor: int, size: int) -> bytes:
        """What is there, nothing if it is nothing; a source that has come to its end is one no more."""
        if descriptor not in self._sources:
            return b""
        try:
            data = os.read(descriptor, size)
        except BlockingIOError:
            return b""
        except OSError:  # So a terminal tells that nobody has it open any more.
            data = b""
        if not data:
            del self._sources[descriptor]
        return data


def _release(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _waiting(descriptor: int) -> int:
    """How many bytes there are to be read."""
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0])
