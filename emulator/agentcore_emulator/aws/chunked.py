"""The content coding `aws-chunked`, taken off while a body comes in.

Amazon S3 user guide, "Signature calculations for the Authorization header: Transferring payload in multiple chunks":
each chunk is `SIZE[;chunk-signature=…]` in hexadecimal, CRLF, the data, CRLF; the last has no data, and what follows it
are trailing headers.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Dechunker"]

# Bytes. A size with its signature, and a trailing checksum, are far shorter.
_LONGEST_LINE: Final = 8 * 1024


class Dechunker:
    """Feed it the coded body piece by piece.

    `whole` says that the last chunk has come; `trailers` are the headers after it, by lower-case name.
    """

    def __init__(self) -> None:
        self.whole = False
        self.trailers: dict[str, str] = {}
        self._rest = bytearray()
        self._missing = 0
        self._after_data = False

    def feed(self, piece: bytes) -> bytes:
        """The data in a piece. Raises `ValueError` where it is not coded so."""
        data = bytearray()
        self._rest += piece
        while self._rest:
            if self._missing:
                taken = self._rest[: self._missing]
                del self._rest[: len(taken)]
                data += taken
                self._missing -= len(taken)
                continue
            end = self._rest.find(b"\r\n")
            if end < 0:
                if len(self._rest) > _LONGEST_LINE:
                    raise ValueError("a line is too long")
                break
            line = bytes(self._rest[:end])
            del self._rest[: end + 2]
            self._line(line)
        return bytes(data)

    def _line(self, line: bytes) -> None:
        if self._after_data:
            if line:
                raise ValueError("a chunk is longer than it says")
            self._after_data = False
        elif self.whole:
            name, separator, value = line.decode("latin-1").partition(":")
            if separator:
                self.trailers[name.strip().lower()] = value.strip()
        else:
            size = line.partition(b";")[0].strip()
            self._missing = int(size, 16)
            if self._missing < 0:
                raise ValueError("a chunk has a negative size")
            self.whole = self._missing == 0
            self._after_data = not self.whole
