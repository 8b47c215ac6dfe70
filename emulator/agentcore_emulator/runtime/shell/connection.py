"""A client's WebSocket, frame by frame, on the protocol of `websockets` without its network code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import CLOSED, OPEN, Protocol, Side

from agentcore_emulator.runtime.shell.framing import LARGEST_FRAME

__all__ = ["Connection", "Received"]

_READ_SIZE: Final = 64 * 1024

# A client that has been told to go needs a moment to answer, before its connection is closed under it.
_GOODBYE_SECONDS: Final = 0.5


class Received(NamedTuple):
    """A frame that has come. `message` is the binary one that it completes, `text` whether it completes a text."""

    message: bytes | None = None
    text: bool = False


class Connection:
    """One connection whose opening handshake is over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = Protocol(Side.SERVER, max_size=LARGEST_FRAME)
        self._parts: list[bytes] = []
        self._text = False

    @property
    def broken(self) -> str | None:
        """What was wrong with what has come, if it was that which ended the connection: code and reason."""
        sent = self._protocol.close_sent
        return None if sent is None or self._protocol.close_rcvd is not None else f"{int(sent.code)}: {sent.reason}"

    async def received(self) -> AsyncIterator[Received]:
        """Each frame, pings too, which are answered here; ends with the connection.

        What breaks the protocol ends it with code 1002, or 1009 for a message that is too big.
        """
        while True:
            self._flush()
            for event in self._protocol.events_received():
                assert isinstance(event, Frame), "only a handshake has other events"
                yield self._assembled(event)
            if self._protocol.state is not OPEN:
                return
            try:
                await self._writer.drain()
                await self._hear()
            except OSError:
                return

    async def send(self, message: bytes) -> None:
        """Send a binary message; returns when there is room for another. `ConnectionError` if the client has gone."""
        try:
            self._protocol.send_binary(message)
        except InvalidState:
            raise ConnectionError("the WebSocket is closed") from None
        self._flush()
        await self._writer.drain()

    async def close(self, code: int, reason: str, announcement: bytes | None = None) -> None:
        """Say good-bye, after an announcement if there is one, and give the client a moment to answer."""
        with contextlib.suppress(InvalidState):
            if announcement is not None:
                self._protocol.send_binary(announcement)
            self._protocol.send_close(code, reason)
        self._flush()
        await self.closed()

    async def closed(self) -> None:
        """Give up the connection once the client has seen its end, or does not look."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._writer.drain()
                while self._protocol.state is not CLOSED and self._protocol.close_rcvd is None:
                    await self._hear()
                    self._flush()
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()

    async def _hear(self) -> None:
        if data := await self._reader.read(_READ_SIZE):
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._writer.is_closing():
                return
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof():
                self._writer.write_eof()

    def _assembled(self, event: Frame) -> Received:
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._parts, self._text = [], event.opcode is Opcode.TEXT
        elif event.opcode is not Opcode.CONT:
            return Received()
        self._parts.append(bytes(event.data))
        if not event.fin:
            return Received()
        return Received(text=True) if self._text else Received(b"".join(self._parts))
