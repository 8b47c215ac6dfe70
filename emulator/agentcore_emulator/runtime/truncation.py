"""The `truncation` quirk, on the HTTP protocol's non-streaming answers.

Nothing is cut on AWS's wire: botocore's `StreamingBody` iterates in pieces of 1,024 bytes, and clients that take the
first for the whole see a truncated answer. `strict` makes every client see that; `warn` tells when one might.
"""

from __future__ import annotations

import logging

from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.relay import Exchange
from agentcore_emulator.runtime.session import Session

__all__ = ["LIMIT", "Truncation"]

QUIRK = "truncation"

LIMIT = 1024
"""Bytes; botocore's `StreamingBody._DEFAULT_CHUNK_SIZE`."""


class Truncation:
    """What the quirk does to one answer. The one exception to relaying bytes as they are."""

    def __init__(self, agent: Agent, exchange: Exchange) -> None:
        kind = next((value for name, value in exchange.headers if name == "content-type"), "")
        applies = agent.runtime.protocol == "HTTP" and not kind.lower().startswith("text/event-stream")
        self._level = agent.quirks[QUIRK] if applies else "off"
        self._size = 0

    def headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The response's headers, with the length that the body will have."""
        if self._level != "strict":
            return headers
        return [(name, str(min(int(value), LIMIT)) if name == "content-length" else value) for name, value in headers]

    def cut(self, piece: bytes) -> bytes:
        """What is left of the next piece."""
        before = self._size
        self._size += len(piece)
        return piece[: max(0, LIMIT - before)] if self._level == "strict" else piece

    def report(self, session: Session, microvm: MicroVM) -> None:
        """Log an answer that is over the limit."""
        if self._level == "off" or self._size <= LIMIT:
            return
        place = microvm.link.handler or str(session.runtime.entrypoint)
        did = "was cut to" if self._level == "strict" else "is more than the first piece of"
        session.journal.happened(
            f"quirk {QUIRK}: {place}: the answer of {self._size:,} bytes {did} {LIMIT:,} bytes; "
            "stream it or keep it short, and read bodies whole in clients",
            level=logging.WARNING,
        )
