"""Looks at WebSocket frames that go by, without taking them apart (RFC 6455, section 5.2)."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["FrameScanner", "FrameTooLarge", "close_frame"]

_CLOSE: Final = 8
_MASKED: Final = 0x80


class FrameTooLarge(Exception):
    """A frame is over the limit. `before` is how many bytes of what was scanned come before it."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.before = before


class FrameScanner:
    """Follows one direction of a connection.

    `closing` is set once a close frame has gone by, `lost` once a frame was too large: it cannot be followed further.
    """

    def __init__(self, largest: int) -> None:
        self.closing = False
        self.lost = False
        self._largest = largest
        self._head = b""
        self._left = 0

    @property
    def between(self) -> bool:
        """Whether the last frame has ended and the next has not begun."""
        return not self._left and not self._head

    def scan(self, data: bytes) -> int:
        """Go on by some bytes; returns how many frames' heads end in them. Raises `FrameTooLarge`."""
        at = count = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            head = self._head + data[at : at + 14 - len(self._head)]
            size, length = _measure(head)
            if length is None:
                self._head = head
                break
            if length > self._largest:
                self.lost = True
                raise FrameTooLarge(at)
            at += size - len(self._head)
            self._head, self._left = b"", length
            self.closing |= head[0] & 0x0F == _CLOSE
            count += 1
        return count


def _measure(head: bytes) -> tuple[int, int | None]:
    """The sizes of a frame's head and of its payload, None as long as the head is not whole."""
    if len(head) < 2:
        return 2, None
    extended = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    size = 2 + extended + (4 if head[1] & _MASKED else 0)
    if len(head) < size:
        return size, None
    if not extended:
        return size, head[1] & 0x7F
    (length,) = struct.unpack_from("!H" if extended == 2 else "!Q", head, 2)
    return size, length


def close_frame(code: int, reason: str, *, masked: bool = False) -> bytes:
    """A whole close frame; `reason` is at most 123 bytes. What goes to a server must be masked, if only by zeros."""
    payload = struct.pack("!H", code) + reason.encode()
    return bytes((0x88, len(payload) | (_MASKED if masked else 0))) + (bytes(4) if masked else b"") + payload
