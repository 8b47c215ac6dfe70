"""uvicorn's connection, mended where clients that send several requests at once can tell, and open to WebSockets."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from agentcore_emulator.call import UPGRADE

__all__ = ["Connection"]


class Connection(HttpToolsProtocol):
    """Tells every request that its client has gone, and writes nothing into the middle of an answer.

    Of several pipelined requests uvicorn (0.50) tells only the last, and not the one that is being served. Its answer
    then goes to a closed transport, which uvloop refuses with RuntimeError. And it answers what is no HTTP with 400 at
    once, even while the answer to the request before is under way.

    A request that asks for a WebSocket is one as any other, which can be refused by any answer; the app may also take
    the connection over, by the extension `call.UPGRADE`.
    """

    _unanswered: tuple[RequestResponseCycle, ...] = ()

    def on_headers_complete(self) -> None:
        """Note the request that begins."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._unanswered = (*(cycle for cycle in self._unanswered if not cycle.response_complete), self.cycle)
            if self.parser.should_upgrade() and self._get_upgrade() == b"websocket":
                # Whatever comes after the answer, it is no further request.
                self.cycle.keep_alive = False
                extensions: dict[str, Any] = {UPGRADE: functools.partial(self._accept, self.cycle)}
                self.scope["extensions"] = extensions

    def _should_upgrade(self) -> bool:
        return False  # It is the app that does.

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that the app does not know is none."""

    def _accept(
        self, cycle: RequestResponseCycle, headers: Sequence[tuple[bytes, bytes]], protocol: asyncio.Protocol
    ) -> None:
        """As of `call.Accept`."""
        if cycle.disconnected:
            raise ClientDisconnect
        cycle.response_started = cycle.response_complete = True
        self.connections.discard(self)
        lines = [(b"upgrade", b"websocket"), (b"connection", b"upgrade"), *headers]
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n" + head + b"\r\n")
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; an answer that is under way is cut off instead."""
        if any(cycle.response_started and not cycle.response_complete for cycle in self._unanswered):
            self.transport.close()
        else:
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those that are not answered yet."""
        super().connection_lost(exc)
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
