"""Server-sent events, decoded from bytes as they arrive (WHATWG HTML standard, "Interpreting an event stream")."""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\r|\n")


class Decoder:
    """Turns pieces of a stream, cut anywhere, into the data of its events.

    Only `data` fields are looked at, the only ones that the AgentCore SDK sends. An event that the stream does not
    finish is dropped, as the standard says.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_return = False
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[str]:
        """The data of every event that `piece` completes, several lines of one event joined by newlines.

        Characters may be cut apart between pieces. Bytes that are no UTF-8 become U+FFFD.
        """
        if not piece:
            return []
        if self._after_return:  # the line ended with the carriage return; this is the other half of its end
            piece = piece.removeprefix(b"\n")
        self._after_return = piece.endswith(b"\r")
        *ended, rest = _LINE_END.split(piece)
        events = []
        for part in ended:
            line = bytes(self._rest) + part
            self._rest.clear()
            events += self._line(line)
        self._rest += rest
        return events

    def _line(self, line: bytes) -> list[str]:
        if line:
            field, _, value = line.partition(b":")
            if field == b"data":
                self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
            return []
        event, self._data = self._data, []
        return ["\n".join(event)] if event else []
