"""The beginning of a request's body, which may be looked at before, while and after it is relayed."""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Receive

__all__ = ["Beginning"]

# Bytes. Messages of JSON-RPC are small, apart from what their parameters carry.
_LIMIT: Final = 64 * 1024


class Beginning:
    """An ASGI `receive` that remembers the first 64 KB of the body that came through it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: list[Message] = []
        self._known = bytearray()
        self._over = False

    async def __call__(self) -> Message:
        """The next message."""
        return self._ahead.pop(0) if self._ahead else await self._next()

    async def read(self) -> bytes:
        """All of the body, or the first 64 KB of a larger one, or what came of it until the client went away."""
        while not self._over:
            self._ahead.append(await self._next())
        return bytes(self._known)

    async def _next(self) -> Message:
        message = await self._receive()
        if not self._over:
            self._known += message.get("body", b"")
            self._over = not message.get("more_body", False) or len(self._known) >= _LIMIT
            del self._known[_LIMIT:]
        return message
