"""One client at one shell, from the first status to whatever ends the connection."""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import Any, Final, NamedTuple

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.session import Session
from agentcore_emulator.runtime.shell import framing
from agentcore_emulator.runtime.shell.connection import Connection
from agentcore_emulator.runtime.shell.framing import Channel, frame
from agentcore_emulator.runtime.shell.shell import Shell, Viewer

__all__ = ["converse"]

# AWS developer guide, "Interactive shells (terminals)".
_FRAMES_PER_SECOND: Final = 250
_LONGEST_SECONDS: Final = 60 * 60.0
_MOST_TEXTS: Final = 5

# AWS closes a connection whose client does not read; how soon is not documented.
_PATIENCE_SECONDS: Final = 30.0

# RFC 6455, section 7.4.1, and AWS's own for a client that another one has replaced.
_NORMAL, _GOING_AWAY, _UNSUPPORTED, _POLICY, _INTERNAL_ERROR, _REPLACED = 1000, 1001, 1003, 1008, 1011, 4000


class _End(NamedTuple):
    """How the platform ends a connection: close code, reason, and whether a CLOSE frame announces it."""

    code: int
    reason: str
    announced: bool = False


async def converse(connection: Connection, shell: Shell, clock: Clock, *, reconnected: bool) -> None:
    """Let the client of a connection work at a shell until either side ends it. The shell may live on."""
    await _Conversation(connection, shell, clock).run(reconnected)


class _Conversation:
    def __init__(self, connection: Connection, shell: Shell, clock: Clock) -> None:
        self._connection = connection
        self._shell = shell
        self._session: Session = shell.session
        self._clock = clock
        self._ended: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self._second = 0.0
        self._in_second = 0
        self._texts = 0

    async def run(self, reconnected: bool) -> None:
        viewer = self._shell.attach(functools.partial(self._end, _End(_REPLACED, "another client has connected")))
        too_long = _End(_POLICY, "a connection lasts an hour at most", announced=True)
        limit = self._clock.call_later(_LONGEST_SECONDS, functools.partial(self._end, too_long))
        tasks = (asyncio.create_task(self._take()), asyncio.create_task(self._show(viewer, reconnected)))
        awaited: list[asyncio.Future[Any]] = [*tasks, self._ended]
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            self._shell.detach(viewer)
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):
                self._end(_End(_INTERNAL_ERROR, "the emulator failed"))
                await self._leave()
                raise result
        await self._leave()

    def _end(self, end: _End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    async def _leave(self) -> None:
        shell = f"shell {self._shell.shell_id}"
        if not self._ended.done():
            broken = self._connection.broken
            what = f"its connection was closed with {broken}" if broken else "its client went away"
            self._session.journal.happened(f"{shell}: {what}")
            await self._connection.closed()
            return
        end = self._ended.result()
        level = logging.ERROR if end.code == _INTERNAL_ERROR else logging.INFO
        self._session.journal.happened(f"{shell}: its connection was closed with {end.code}: {end.reason}", level=level)
        announcement = frame(Channel.CLOSE) if end.announced else None
        await self._connection.close(end.code, end.reason, announcement)

    # What the client sends

    async def _take(self) -> None:
        async for received in self._connection.received():
            self._used()
            self._count()
            if received.text:
                self._texts += 1
                if self._texts >= _MOST_TEXTS:
                    self._end(_End(_UNSUPPORTED, "frames must be binary"))
            elif received.message is not None:
                self._texts = 0
                await self._obey(received.message)
            if self._ended.done():
                return

    async def _obey(self, message: bytes) -> None:
        """Do what a frame says. Empty ones and those on other channels say nothing."""
        channel, payload = message[:1], message[1:]
        if channel == bytes([Channel.STDIN]):
            await self._shell.write(payload)
        elif channel == bytes([Channel.RESIZE]):
            try:
                self._shell.resize(*framing.window(payload))
            except ValueError as error:
                await self._connection.send(frame(Channel.STDERR, f"{error}\r\n".encode()))
        elif channel == bytes([Channel.HEARTBEAT]):
            await self._connection.send(frame(Channel.HEARTBEAT))
        elif channel == bytes([Channel.CLOSE]):
            await self._shell.end()
            self._end(_End(_NORMAL, "the shell was closed"))

    def _count(self) -> None:
        now = self._clock.monotonic()
        if now - self._second >= 1:
            self._second, self._in_second = now, 0
        self._in_second += 1
        if self._in_second > _FRAMES_PER_SECOND:
            self._end(_End(_POLICY, f"a client may send {_FRAMES_PER_SECOND} frames a second"))

    # What the client gets

    async def _show(self, viewer: Viewer, reconnected: bool) -> None:
        await self._send(framing.connected(self._shell.shell_id, reconnected=reconnected))
        while (data := await self._shell.shown(viewer, framing.LARGEST_FRAME - 1)) is not None:
            await self._send(frame(Channel.STDOUT, data))
        if self._shell.code is not None:
            await self._send(framing.exited(self._shell.code))
            self._end(_End(_NORMAL, "the shell has ended"))
            return
        microvm = self._session.microvm
        assert microvm is not None, "a shell in a session that is not provisioned"
        if microvm.severed:
            self._end(_End(_GOING_AWAY, "the session has ended", announced=True))
        else:
            await failures.await_death(microvm)
            await self._send(framing.failed(f"Runtime client error. {failures.MORE}"))
            self._end(_End(_INTERNAL_ERROR, "the session's microVM has died"))

    async def _send(self, message: bytes) -> None:
        self._used()
        stalled = _End(_POLICY, "the client does not read what it is sent")
        patience = self._clock.call_later(_PATIENCE_SECONDS, functools.partial(self._end, stalled))
        try:
            await self._connection.send(message)
        finally:
            patience.cancel()

    def _used(self) -> None:
        self._session.last_used = self._clock.time()
