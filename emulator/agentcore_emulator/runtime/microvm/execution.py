"""A program that runs in a microVM beside its agent: a command, or a shell. The guest's side is `guest/execute.py`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from agentcore_emulator.runtime.microvm.streams import Piece, Streams

__all__ = ["CannotExecute", "Execution"]


class CannotExecute(Exception):
    """The program does not run; the text says why."""


class Execution:
    """One program: `start`, then `pieces`, then `leave`. `end` ends it with all that it has left in the background.

    `ended` is done when the program itself has ended: its exit code, negative for a signal, or None if it was cut off
    with its microVM. `gone` is done when nothing is left of it. Making one raises `CannotExecute`, too.
    """

    def __init__(self, *, terminal: bool) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int | None] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._terminal = terminal
        try:
            self._streams = Streams(terminal=terminal)
        except OSError as error:
            raise _no_room(error) from None
        self._writer: asyncio.StreamWriter | None = None
        self._ending = False
        self._left = False
        self._watching: asyncio.Task[None] | None = None

    async def start(
        self, launcher: Sequence[str], environ: Mapping[str, str], order: Mapping[str, Any], pidfd: int | None
    ) -> None:
        """Run what `order` says; it is as `guest/execute.py` takes it, which `launcher` starts. Raises `CannotExecute`.

        `pidfd` is that of an isolated guest.
        """
        with contextlib.ExitStack() as handed_over:
            try:
                await self._start(launcher, environ, {**order, "terminal": self._terminal}, pidfd, handed_over)
            except BaseException as error:
                self._left = True
                self.sever()
                if self._watching is None:
                    self._over()
                if isinstance(error, OSError):
                    raise _no_room(error) from None
                raise

    async def pieces(self, size: int) -> AsyncIterator[Piece]:
        """What it prints until it ends, in pieces of up to `size` bytes, read no faster than they are asked for."""
        async for piece in self._streams.pieces(self.ended, size):
            yield piece

    async def write(self, data: bytes) -> None:
        """Press keys at its terminal; returns when they are all taken."""
        await self._streams.write(data)

    def resize(self, width: int, height: int) -> None:
        """Give its terminal another size, in columns and lines."""
        self._streams.resize(width, height)

    def kill(self) -> None:
        """End the program and whatever of its has not detached itself from it; `ended` tells when that is done."""
        if self._writer is not None:
            self._writer.write(b'{"kill": true}\n')

    def hang_up(self) -> None:
        """Take its terminal away, of which the kernel tells it by SIGHUP."""
        self._streams.close()

    def leave(self) -> None:
        """Nobody asks for what it prints any more. A terminal is hung up; a program without one may go on printing."""
        self._left = True
        if self._terminal or self.gone.done():
            self._streams.close()
        else:
            self._streams.discard()

    def sever(self) -> None:
        """Have everything ended, what runs in the background included; `gone` tells when that is done."""
        self._ending = True
        if self._writer is not None:
            self._writer.transport.abort()

    async def end(self) -> None:
        """End everything, what runs in the background included."""
        self.sever()
        await asyncio.wait((self.gone,))

    async def _start(
        self,
        launcher: Sequence[str],
        environ: Mapping[str, str],
        order: Mapping[str, Any],
        pidfd: int | None,
        handed_over: contextlib.ExitStack,
    ) -> None:
        descriptors: list[int] = []
        if pidfd is not None:
            descriptors = [os.dup(pidfd)]  # The guest may be gone, and its own closed, before the launcher starts.
            handed_over.callback(os.close, *descriptors)
        ours, theirs = socket.socketpair()
        handed_over.enter_context(theirs)
        handed_over.callback(self._streams.hand_over)
        reader, self._writer = await asyncio.open_connection(sock=ours)
        if self._ending:
            raise CannotExecute("its microVM has ended")
        descriptors = [theirs.fileno(), *self._streams.theirs, *descriptors]
        process = await asyncio.create_subprocess_exec(
            *launcher,
            ",".join(map(str, descriptors)),
            env=dict(environ),
            pass_fds=set(descriptors),
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        handed_over.close()  # Only the program is to hold them from here on.
        self._writer.write(json.dumps(order).encode() + b"\n")
        running: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._watching = asyncio.create_task(self._watch(process, reader, running))
        message = await running
        if "running" not in message:
            raise CannotExecute(str(message.get("failed", "its microVM has ended")))

    async def _watch(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        running: asyncio.Future[dict[str, Any]],
    ) -> None:
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if not running.done():
                    running.set_result(message)
                elif "exited" in message and not self.ended.done():
                    self.ended.set_result(message["exited"])
        except (OSError, ValueError):
            pass  # Cut off, in the middle of a line even.
        if not running.done():
            running.set_result({})
        await process.wait()
        self._over()

    def _over(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if not self.ended.done():
            self.ended.set_result(None)
        self.gone.set_result(None)
        if self._left:
            self._streams.close()


def _no_room(error: OSError) -> CannotExecute:
    return CannotExecute(f"this system has no room for another program: {error.strerror}")
