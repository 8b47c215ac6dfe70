"""From a store to lines."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, or_, select

from agentcore_emulator.memory.records import not_expired
from agentcore_emulator.memory.tables import (
    branches,
    events,
    memories,
    record_metadata,
    records,
    sessions,
    strategies,
)
from agentcore_emulator.memory.transfer.lines import (
    BRANCH,
    EVENT,
    MEMORY,
    RECORD,
    SESSION,
    STRATEGY,
    Kind,
    TransferError,
    head,
)
from agentcore_emulator.wire import body

__all__ = ["export", "memory_id"]

# Rows that are fetched at a time.
_BATCH = 500


def export(
    connection: Connection,
    write: Callable[[bytes], object],
    *,
    memory: str | None = None,
    actor: str | None = None,
    session: str | None = None,
    now: int,
) -> collections.Counter[str]:
    """Write the lines of all memories, or of the one with that id or name, and count them by kind.

    With an actor or a session, only their sessions, and of memories only those that have one. What has expired at
    `now`, in milliseconds, is left out, and so are memories and strategies that are being deleted. Raises
    `TransferError` when there is nothing of that name.
    """
    chosen = [sessions.c.keep_until > now]
    chosen += [] if actor is None else [sessions.c.actor_id == actor]
    chosen += [] if session is None else [sessions.c.session_id == session]
    which: list[ColumnElement[bool]] = [memories.c.gone_at.is_(None)]
    which += [] if memory is None else [memories.c.id == memory_id(connection, memory)]
    whole = actor is None and session is None
    if not whole:
        which.append(select(sessions.c.key).where(sessions.c.memory_key == memories.c.key, *chosen).exists())
        if connection.execute(select(memories.c.key).where(*which)).first() is None:
            raise TransferError("there is no session of that actor or with that id")
    write(body.dump(head(whole=whole)) + b"\n")
    exporting = _Export(connection, write, chosen, whole=whole, now=now)
    for row in exporting.rows(memories, *which, order=memories.c.key):
        exporting.memory(row)
    return exporting.counts


def memory_id(connection: Connection, name: str) -> str:
    """The id of the memory with that id or name. Raises `TransferError` when there is none."""
    named = or_(memories.c.id == name, memories.c.name == name)
    found = connection.execute(select(memories.c.id).where(named, memories.c.gone_at.is_(None))).scalar()
    if found is None:
        raise TransferError(f"there is no memory with the id or name {name!r}")
    return str(found)


class _Export:
    def __init__(
        self,
        connection: Connection,
        write: Callable[[bytes], object],
        chosen: list[ColumnElement[bool]],
        *,
        whole: bool,
        now: int,
    ) -> None:
        self._connection = connection
        self._write = write
        self._chosen = chosen
        self._whole = whole
        self._now = now
        self.counts: collections.Counter[str] = collections.Counter()

    def rows(self, table: Table, *conditions: ColumnElement[bool], order: ColumnElement[Any]) -> Iterable[Row[Any]]:
        query = select(table).where(*conditions).order_by(order)
        # Not all at once: there may be millions.
        return self._connection.execute(query.execution_options(yield_per=_BATCH))

    def memory(self, row: Row[Any]) -> None:
        where = {"memoryId": row.id}
        self._put(MEMORY, where, [row])
        rules = (strategies.c.memory_key == row.key, strategies.c.gone_at.is_(None))
        self._put(STRATEGY, where, self.rows(strategies, *rules, order=strategies.c.key))
        mine = select(sessions).where(sessions.c.memory_key == row.key, *self._chosen)
        # The sessions of each actor in the order of their creation, in which ListSessions shows them.
        ordered = mine.order_by(sessions.c.actor_id, sessions.c.key).execution_options(yield_per=_BATCH)
        for session in self._connection.execute(ordered):
            self._session({**where, "actorId": session.actor_id, "sessionId": session.session_id}, session)
        if self._whole:
            kept = (records.c.memory_key == row.key, not_expired(self._now))
            for record in self.rows(records, *kept, order=records.c.key):
                self._record(where, record)

    def _session(self, where: Mapping[str, str], row: Row[Any]) -> None:
        self._put(SESSION, where, [row])
        forks = self.rows(branches, branches.c.session_key == row.key, order=branches.c.name)
        self._put(BRANCH, where, _parents_first(list(forks)))
        mine = (events.c.session_key == row.key, events.c.expires_at > self._now)
        self._put(EVENT, where, self.rows(events, *mine, order=events.c.event_id))

    def _record(self, where: Mapping[str, str], row: Row[Any]) -> None:
        noted = select(record_metadata.c.name).distinct().where(record_metadata.c.record_key == row.key)
        keys = sorted(self._connection.execute(noted).scalars()) if row._mapping[records.c.metadata] else []
        self._write(RECORD.write(where, row, indexedKeys=keys))
        self.counts[RECORD.name] += 1

    def _put(self, kind: Kind, where: Mapping[str, str], rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            self._write(kind.write(where, row))
            self.counts[kind.name] += 1


def _parents_first(forks: list[Row[Any]]) -> list[Row[Any]]:
    """The branches of a session, each after the one it forked from; else by name."""
    parents = {fork.name: fork.parent for fork in forks}

    def depth(name: str) -> int:
        steps = 0
        while name in parents:
            name, steps = parents[name], steps + 1
        return steps

    return sorted(forks, key=lambda fork: depth(fork.name))
