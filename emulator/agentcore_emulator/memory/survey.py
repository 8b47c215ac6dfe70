"""What is in a store, counted. What has expired at `now`, in milliseconds, does not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, String, cast, distinct, func, or_, select

from agentcore_emulator.memory.tables import branches, events, memories, records, sessions, strategies

__all__ = ["ActorCounts", "MemoryCounts", "SessionCounts", "actors_of", "all_memories", "sessions_of"]

_COUNT: ColumnElement[Any] = func.count()


@dataclass(frozen=True)
class _Events:
    """How many, how long their payloads are as JSON, and when the latest says it was, in milliseconds."""

    events: int
    size: int
    last: int | None


@dataclass(frozen=True)
class MemoryCounts(_Events):
    """A memory; the records' texts are in its size too."""

    id: str
    expiry_days: int
    strategies: int
    actors: int
    sessions: int
    records: int


@dataclass(frozen=True)
class ActorCounts(_Events):
    """An actor of a memory."""

    actor: str
    sessions: int


@dataclass(frozen=True)
class SessionCounts(_Events):
    """A session of an actor; `branches` besides main."""

    session: str
    branches: int


def all_memories(connection: Connection, now: int) -> Sequence[MemoryCounts]:
    """Every memory that is not being deleted, in the order of creation."""
    alive = or_(records.c.expires_at.is_(None), records.c.expires_at > now)
    length = func.sum(func.length(records.c.text))
    people = func.count(distinct(sessions.c.actor_id))
    said = _said(connection, events.c.memory_key, events, events.c.expires_at > now)
    held = _grouped(connection, sessions.c.memory_key, [_COUNT, people], sessions, sessions.c.keep_until > now)
    noted = _grouped(connection, records.c.memory_key, [_COUNT, length], records, alive)
    rules = _grouped(connection, strategies.c.memory_key, [_COUNT], strategies, strategies.c.gone_at.is_(None))
    found = []
    for row in connection.execute(select(memories).where(memories.c.gone_at.is_(None)).order_by(memories.c.key)):
        (session_count, actor_count), (record_count, texts) = held.get(row.key, (0, 0)), noted.get(row.key, (0, 0))
        counted = said.get(row.key, _NOTHING)
        found.append(
            MemoryCounts(
                **{**counted, "size": counted["size"] + texts},
                id=row.id,
                expiry_days=row.expiry_days,
                strategies=rules.get(row.key, [0])[0],
                actors=actor_count,
                sessions=session_count,
                records=record_count,
            )
        )
    return found


def actors_of(connection: Connection, memory_id: str, now: int) -> Sequence[ActorCounts]:
    """The actors of a memory, by name."""
    within = [memories.c.id == memory_id, sessions.c.keep_until > now]
    said = _said(connection, sessions.c.actor_id, _EVENTS, *within, events.c.expires_at > now)
    held = _grouped(connection, sessions.c.actor_id, [_COUNT], sessions.join(memories), *within)
    return [
        ActorCounts(**said.get(actor, _NOTHING), actor=actor, sessions=count)
        for actor, (count,) in sorted(held.items())
    ]


def sessions_of(connection: Connection, memory_id: str, actor: str, now: int) -> Sequence[SessionCounts]:
    """The sessions of an actor, in the order of creation."""
    within = [memories.c.id == memory_id, sessions.c.actor_id == actor, sessions.c.keep_until > now]
    said = _said(connection, sessions.c.key, _EVENTS, *within, events.c.expires_at > now)
    forks = _grouped(connection, sessions.c.key, [_COUNT], branches.join(sessions).join(memories), *within)
    query = select(sessions).select_from(sessions.join(memories)).where(*within).order_by(sessions.c.key)
    return [
        SessionCounts(**said.get(row.key, _NOTHING), session=row.session_id, branches=forks.get(row.key, [0])[0])
        for row in connection.execute(query)
    ]


_EVENTS = events.join(sessions, sessions.c.key == events.c.session_key).join(
    memories, memories.c.key == sessions.c.memory_key
)
_NOTHING: Mapping[str, Any] = {"events": 0, "size": 0, "last": None}


def _said(
    connection: Connection, group: ColumnElement[Any], tables: FromClause, *conditions: ColumnElement[bool]
) -> dict[Any, Mapping[str, Any]]:
    size = func.sum(func.length(cast(events.c.payload, String)))
    counted = _grouped(connection, group, [_COUNT, size, func.max(events.c.timestamp)], tables, *conditions)
    return {key: dict(zip(_NOTHING, values, strict=True)) for key, values in counted.items()}


def _grouped(
    connection: Connection,
    group: ColumnElement[Any],
    values: Sequence[ColumnElement[Any]],
    tables: FromClause,
    *conditions: ColumnElement[bool],
) -> dict[Any, Sequence[Any]]:
    query = select(group, *values).select_from(tables).where(*conditions).group_by(group)
    return {key: rest for key, *rest in connection.execute(query)}
