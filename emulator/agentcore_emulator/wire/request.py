"""What comes in from a client and what goes back, apart from any web framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Answer", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """What an operation's input is parsed from.

    `path` maps a label to its percent-decoded value, as `Service.match` returns it. `query` holds decoded pairs in
    their order, `headers` lower-case names. `body` stays empty for an operation whose payload is a blob: that is
    relayed, never buffered here.
    """

    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP response: status, header fields, body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
