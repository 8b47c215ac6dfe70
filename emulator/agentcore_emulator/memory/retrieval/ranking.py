"""What the ways of finding records have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, Connection

__all__ = ["Ranked", "Ranking"]

Ranked = Callable[[Connection, str, Sequence[ColumnElement[bool]], str], Iterator[tuple[int, float]]]
"""Ranks the records of one memory. Called with a normalized namespace, conditions on `records`, and a question.

Gives key and score, from 0 to 1, of records, the highest score first and the newest of equals. All that lie below the
namespace, meet the conditions and have to do with the question are among them; others may be.
"""


class Ranking(Protocol):
    """One way to tell how much records have to do with a question."""

    async def open(self) -> None:
        """Begin with whatever goes on in the background."""

    async def close(self) -> None:
        """End it."""

    async def prepare(self, memory_key: int) -> Ranked:
        """What ranks the records of a memory, with all in it that are written by now."""
