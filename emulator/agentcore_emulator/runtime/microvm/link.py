"""The host's end of the line to one guest: what the guest reports, and what it is asked.

The messages are listed in `guest/link.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Finding", "Link"]

_log = logging.getLogger(__name__)

# A report of all loaded modules is the longest message.
_LONGEST_LINE = 4 * 1024 * 1024

# A few ports are enough to tell where an agent listens.
_MOST_PORTS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """A quirk that the agent ran into: its name, the place in the agent's code, and what to do instead."""

    quirk: str
    place: str
    remedy: str


class Link:
    """One guest's line. Reading starts with `open`; `serving` and `failed` are what the boot waits for."""

    def __init__(self, on_finding: Callable[[Finding], None]) -> None:
        loop = asyncio.get_running_loop()
        self.serving: asyncio.Future[str] = loop.create_future()
        self.failure: str | None = None
        self.elsewhere: list[int] = []
        self.handler: str | None = None
        self._on_finding = on_finding
        self._modules: asyncio.Future[list[str]] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, line: socket.socket) -> None:
        """Take over `line` and read it until the guest is gone."""
        reader, self._writer = await asyncio.open_connection(sock=line, limit=_LONGEST_LINE)
        self._reading = asyncio.create_task(self._read(reader))

    async def modules(self) -> list[str]:
        """Ask which importable modules the guest has loaded; an empty list if it dies before it answers."""
        if self._writer is None or self._writer.is_closing():
            return []
        if self._modules is None:
            self._modules = asyncio.get_running_loop().create_future()
            self._writer.write(b'{"report": "modules"}\n')
        return await self._modules

    def close(self) -> None:
        """Hang up. A guest that still lives ends itself."""
        if self._writer is not None:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(line)
        except (OSError, ValueError, RecursionError):
            _log.debug("a guest's line broke", exc_info=True)
        finally:
            if not self.serving.done():
                self.serving.cancel()
            if self._modules is not None and not self._modules.done():
                self._modules.set_result([])

    def _take(self, line: bytes) -> None:
        # The guest is the user's code: what it writes here is checked like any input.
        message = json.loads(line)
        match message:
            case {"serving": "unix" | "tcp" as kind} if not self.serving.done():
                self.serving.set_result(kind)
            case {"failed": str(sentence)}:
                self.failure = sentence
            case {"elsewhere": int(port)} if port not in self.elsewhere and len(self.elsewhere) < _MOST_PORTS:
                self.elsewhere.append(port)
            case {"handler": str(place)}:
                self.handler = place
            case {"quirk": str(quirk), "place": str(place), "remedy": str(remedy)}:
                self._on_finding(Finding(quirk, place, remedy))
            case {"modules": list(names)} if self._modules is not None and not self._modules.done():
                self._modules.set_result([name for name in names if isinstance(name, str)])
