"""uvicorn's connection, mended where clients that send several requests at once can tell."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["Connection"]


class Connection(HttpToolsProtocol):
    """Tells every request that its client has gone, and writes nothing into the middle of an answer.

    Of several pipelined requests uvicorn (0.50) tells only the last, and not the one that is being served. Its answer
    then goes to a closed transport, which uvloop refuses with RuntimeError. And it answers what is no HTTP with 400 at
    once, even while the answer to the request before is under way.
    """

    _unanswered: tuple[RequestResponseCycle, ...] = ()

    def on_headers_complete(self) -> None:
        """Note the request that begins."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._unanswered = (*(cycle for cycle in self._unanswered if not cycle.response_complete), self.cycle)

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
