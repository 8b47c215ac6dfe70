"""The tables of `agentcore-emulator memory inspect`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box, filesize
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from agentcore_emulator.memory.survey import ActorCounts, MemoryCounts, SessionCounts

__all__ = ["of_actors", "of_memories", "of_sessions"]


def of_memories(memories: Sequence[MemoryCounts]) -> Table:
    """One row for each memory."""
    table = _table(
        "Memory", "Keeps", "Strategies", "Actors", "Sessions", "Events", "Records", "Size", "Last event (UTC)"
    )
    for each in memories:
        counts = (each.strategies, each.actors, each.sessions, each.events, each.records)
        _add(table, each.id, f"{each.expiry_days} days", *map(_number, counts), _size(each.size), _moment(each.last))
    return table


def of_actors(actors: Sequence[ActorCounts]) -> Table:
    """One row for each actor."""
    table = _table("Actor", "Sessions", "Events", "Size", "Last event (UTC)")
    for each in actors:
        _add(table, each.actor, _number(each.sessions), _number(each.events), _size(each.size), _moment(each.last))
    return table


def of_sessions(sessions: Sequence[SessionCounts]) -> Table:
    """One row for each session."""
    table = _table("Session", "Branches", "Events", "Size", "Last event (UTC)")
    for each in sessions:
        _add(table, each.session, _number(each.branches), _number(each.events), _size(each.size), _moment(each.last))
    return table


def _table(name: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*map(Text, cells))


def _number(number: int) -> str:
    return f"{number:,}"


def _size(size: int) -> str:
    return filesize.decimal(size)


def _moment(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%d %H:%M")
