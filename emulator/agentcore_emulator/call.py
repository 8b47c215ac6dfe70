"""One request for an operation that looks after its own answer: a relayed one, a stream, a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request as HTTPRequest
from starlette.types import Message, Receive, Scope, Send

from agentcore_emulator.beginning import Beginning
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.wire.request import Answer, Request
from agentcore_emulator.wire.service import Operation

__all__ = ["UPGRADE", "Accept", "Call", "TrackedSend", "read_body", "send_answer"]

UPGRADE: Final = "agentcore_emulator.upgrade"
"""The ASGI extension under which a request that asks for a WebSocket has its `Accept`."""

Accept = Callable[[Sequence[tuple[bytes, bytes]], asyncio.Protocol], None]
"""Answers 101 with these header lines beside `Upgrade` and `Connection`, and gives the connection to the protocol.

Raises Starlette's `ClientDisconnect` if nobody is there any more.
"""

# JSON operations are small; the largest is a CreateEvent of 10 MB (AWS quotas page).
_LARGEST_BODY: Final = 16 * 1024 * 1024


class TrackedSend:
    """An ASGI `send` that remembers whether an answer has begun, after which there can be no other."""

    def __init__(self, send: Send) -> None:
        self.began = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Send."""
        self.began = True
        await self._send(message)


@dataclass(slots=True)
class Call:
    """One such request. `headers` have lower-case names, and of repeated ones the first."""

    operation: Operation
    labels: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    request_id: str
    scope: Scope
    receive: Beginning
    send: TrackedSend

    @property
    def answering(self) -> bool:
        """Whether an answer has begun."""
        return self.send.began

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for found, value in self.query if found == name), None)

    def parse(self, body: bytes = b"") -> dict[str, Any]:
        """The operation's input by member name, without a blob payload. Raises `ValidationException`."""
        return self.operation.parse(Request(self.labels, self.query, self.headers, body))

    async def body(self) -> bytes:
        """As `read_body`."""
        return await read_body(self.scope, self.receive)

    async def reply(self, answer: Answer) -> None:
        """Send a whole answer."""
        await send_answer(answer, self.send)

    @property
    def accept(self) -> Accept | None:
        """What takes the connection over, if the client asks for a WebSocket."""
        extension: Accept | None = self.scope.get("extensions", {}).get(UPGRADE)
        if extension is None:
            return None

        def accept(headers: Sequence[tuple[bytes, bytes]], protocol: asyncio.Protocol) -> None:
            self.send.began = True
            extension(headers, protocol)

        return accept


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a JSON operation.

    Raises `ValidationException` for one over 16 MB, Starlette's `ClientDisconnect` if the client goes away within it.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in HTTPRequest(scope, receive).stream():
        size += len(piece)
        if size > _LARGEST_BODY:
            raise ValidationException(f"The request body is larger than {_LARGEST_BODY} bytes", reason="CannotParse")
        pieces.append(piece)
    return b"".join(pieces)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send a whole answer."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
