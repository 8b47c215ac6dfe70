"""Carries one HTTP request to a guest and its answer back, as bytes, both ways at once, holding nothing back.

Written on `httptools` over asyncio's streams because relaying is what this project exists for: a general client adds a
third or more to a warm invocation, and re-frames what it relays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import httptools
from starlette.types import Receive

__all__ = ["BrokenGuest", "ClientGone", "Exchange"]

_READ_SIZE = 64 * 1024

# The parser itself takes heads of any size, and an agent that never ends one would fill the emulator's memory.
_LARGEST_HEAD = 1024 * 1024


class BrokenGuest(Exception):
    """The guest hung up, or spoke something that is not HTTP; the text says which."""


class ClientGone(Exception):
    """The client went away before its request was whole."""


class Exchange:
    """One request and its response over a connection that serves nothing else.

    `request`, then `head`, then `body`; `complete` once the last of the answer has been read. The upload goes on while
    the answer is read, for an agent may answer before it has read everything.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.complete = False
        self.aborted = False
        self._reader = reader
        self._writer = writer
        self._parser = httptools.HttpResponseParser(self)
        self._upload: asyncio.Task[None] | None = None
        self._chunks: list[bytes] = []
        self._headers_complete = False
        self._bodiless = False
        self._close_delimited = True
        self._head_size = 0
        self._failure: BrokenGuest | None = None

    # Callbacks of httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        """One response header; what comes after the body is dropped, as there may be no end of it."""
        if not self._headers_complete:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The end of the head; an interim answer (1xx) is dropped and the real head awaited."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        self._headers_complete = True
        # Its length is that of the body that it does not have.
        self.complete = self._bodiless
        self._close_delimited = not any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    def on_body(self, data: bytes) -> None:
        """A piece of the body, unframed."""
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """The end of the message."""
        if self._headers_complete:
            self.complete = True

    # The exchange

    async def request(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], receive: Receive, length: int | None
    ) -> None:
        """Send the head and start on the body, which comes from the ASGI `receive`.

        `length` is the body's announced size in bytes, None if the client sends it in chunks.
        Raises `ClientGone` or `BrokenGuest`.
        """
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        first: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if not more:
            length = len(first)
        framing = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        self._bodiless = method == "HEAD"
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (*headers, framing, ("connection", "close"))]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self._writer.write(head + (_chunk(first) if length is None else first))
        if more:
            self._upload = asyncio.create_task(self._upload_rest(receive, chunked=length is None))
        else:
            with contextlib.suppress(OSError):  # A guest that has hung up may have answered all the same.
                await self._writer.drain()

    async def _upload_rest(self, receive: Receive, *, chunked: bool) -> None:
        while True:
            try:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
            except Exception:
                # The agent must not take half a request for a whole one. Whoever reads the answer learns the reason.
                self._writer.transport.abort()
                raise
            data: bytes = message.get("body", b"")
            more: bool = message.get("more_body", False)
            if data:
                self._writer.write(_chunk(data) if chunked else data)
            if not more:
                if chunked:
                    self._writer.write(b"0\r\n\r\n")
                return
            try:
                await self._writer.drain()
            except OSError:
                return  # It may have answered without reading on; the reading side finds out.

    async def head(self) -> None:
        """Wait until `status` and `headers` are there. Raises `BrokenGuest` or `ClientGone`."""
        while not self._headers_complete:
            await self._read()

    async def body(self) -> AsyncIterator[bytes]:
        """The body's bytes, each piece as soon as the guest has sent it. Raises `BrokenGuest` if it is cut short."""
        while True:
            if self._chunks:
                data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
                self._chunks.clear()
                yield data
            if self.complete:
                return
            await self._read()

    async def _read(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            data = await self._reader.read(_READ_SIZE)
        except OSError as error:
            data = b""
            reason = f"the connection to the agent broke: {error}"
        else:
            reason = "the agent closed the connection"
        if not data:
            if self._upload is not None and self._upload.done() and not self._upload.cancelled():
                self._upload.result()
            if self._headers_complete and self._close_delimited:
                self.complete = True
                return
            raise BrokenGuest(f"{reason} {'in the middle of its answer' if self._headers_complete else 'unanswered'}")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._failure = BrokenGuest(f"the agent's answer is not HTTP: {error}")
        if self._headers_complete:
            return  # What stood before the failure is relayed, as it would be if it had come alone.
        self._head_size += len(data)
        if self._head_size > _LARGEST_HEAD:
            self._failure = BrokenGuest(f"the head of the agent's answer is over {_LARGEST_HEAD:,} bytes long")
        if self._failure is not None:
            raise self._failure

    def _upgraded(self, _: bytes) -> None:
        """The agent speaks something else from here on."""
        self._failure = BrokenGuest("the agent answered with a protocol upgrade")

    def abort(self) -> None:
        """Break off: whoever reads the answer gets `BrokenGuest`, and `aborted` tells why."""
        self.aborted = True
        self._writer.transport.abort()

    async def close(self) -> None:
        """Stop an upload that is still under way; the connection is its owner's to close."""
        if self._upload is not None:
            self._upload.cancel()
            await asyncio.gather(self._upload, return_exceptions=True)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
