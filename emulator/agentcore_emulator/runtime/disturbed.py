"""An exchange with an agent while faults strike it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, NoReturn

from starlette.types import Receive

from agentcore_emulator.clock import Clock
from agentcore_emulator.faults import Faults, Hang, Kill, SlowFirstByte
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.relay import BrokenGuest, Exchange
from agentcore_emulator.runtime.session import Session

__all__ = ["Disturbed"]


class Disturbed(Exchange):
    """An `Exchange` that one fault of each kind may strike, which is decided when it is made."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        faults: Faults,
        session: Session,
        microvm: MicroVM,
        clock: Clock,
    ) -> None:
        super().__init__(reader, writer)
        self._journal = session.journal
        self._microvm = microvm
        self._clock = clock
        say = functools.partial(self._journal.happened, level=logging.WARNING)
        strike = functools.partial(faults.strike, operation="InvokeAgentRuntime", session=session.key.session_id)
        self._kill = strike(Kill, say=say)
        self._hang = strike(Hang, say=say)
        self._slow = strike(SlowFirstByte, say=say)

    async def request(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], receive: Receive, length: int | None
    ) -> None:
        """As of `Exchange`."""
        self._receive = receive
        await super().request(method, target, headers, receive, length)

    async def head(self) -> None:
        """As of `Exchange`, or later, or never. To a client that has gone away, the answer is relayed without delay."""
        if self._kill is not None and self._kill.after_bytes == 0:
            self._end()
        if self._hang is not None:
            await self._hold(None)
        await super().head()
        if self._slow is not None:
            await self._hold(self._slow.seconds)

    async def body(self) -> AsyncIterator[bytes]:
        """As of `Exchange`, or the beginning of it and then `BrokenGuest`."""
        if self._kill is None:
            async for piece in super().body():
                yield piece
            return
        left = self._kill.after_bytes
        async for piece in super().body():
            if len(piece) >= left:
                self.complete = False
                yield piece[:left]
                self._end()
            left -= len(piece)
            yield piece
        self._journal.happened(f"the answer ended {left} bytes before the fault would have killed the microVM")

    def _end(self) -> NoReturn:
        self._microvm.kill()
        raise BrokenGuest("a fault killed the microVM")

    async def _hold(self, seconds: float | None) -> None:
        """Return after `seconds`, None meaning never, or when the client goes away.

        Raises `BrokenGuest` when the guest dies or the connection to it is cut: at the session's end, or because the
        agent's time is up.
        """
        gone = asyncio.create_task(self._client_gone())
        cut = asyncio.create_task(self._cut())
        waits: list[asyncio.Future[Any]] = [gone, cut, self._microvm.exited]
        if seconds is not None:
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                if wait is not self._microvm.exited:
                    wait.cancel()
        if self._upload is not None and self._upload.done():
            self._upload.result()
        if gone in done:
            gone.result()
        elif cut in done or self._microvm.exited in done:
            raise BrokenGuest("the connection to the agent was cut before its answer was relayed")

    async def _client_gone(self) -> None:
        if self._upload is not None:
            await asyncio.wait((self._upload,))
            if self._upload.cancelled() or self._upload.exception() is not None:
                return
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _cut(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
