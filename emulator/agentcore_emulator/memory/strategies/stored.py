"""The strategies of a memory in the state file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from agentcore_emulator.memory.strategies.changes import Changes
from agentcore_emulator.memory.tables import strategies

__all__ = ["active", "of", "shown", "store"]

_OF = select(strategies).where(strategies.c.memory_key == bindparam("memory_key")).order_by(strategies.c.key)


def of(connection: Connection, memory_key: int, now: int) -> list[Row[Any]]:
    """The strategies that a memory has at `now`, in the order in which they came."""
    rows = connection.execute(_OF, {"memory_key": memory_key})
    return [row for row in rows if row.gone_at is None or row.gone_at > now]


def active(connection: Connection, memory_key: int, now: int) -> list[Row[Any]]:
    """The strategies that events concern at `now`: neither being created nor being deleted."""
    rows = connection.execute(_OF, {"memory_key": memory_key})
    return [row for row in rows if row.gone_at is None and row.ready_at <= now]


def store(connection: Connection, memory_key: int, changes: Changes, now: int, delay: int = 0) -> None:
    """Make `changes`, which are there after `delay` milliseconds, and forget the strategies that are gone at `now`."""
    names = {one["name"] for one in changes.added}
    for strategy in changes.deleted:
        # One that another takes the place of does not stay until that is ready.
        gone_at = now if strategy["name"] in names else now + delay
        connection.execute(update(strategies).where(strategies.c.key == strategy["key"]).values(gone_at=gone_at))
    connection.execute(delete(strategies).where(strategies.c.memory_key == memory_key, strategies.c.gone_at <= now))
    for strategy in changes.modified:
        values = {name: strategy[name] for name in ("namespace_template", "configuration", "settings")}
        values["updated_at"] = now
        connection.execute(update(strategies).where(strategies.c.key == strategy["key"]).values(values))
    # Without a delay it is not `now`, which a clock that is set back would make the future.
    times = {"created_at": now, "updated_at": now, "ready_at": now + delay if delay else 0}
    for strategy in changes.added:
        connection.execute(insert(strategies).values({**strategy, **times, "memory_key": memory_key}))


def shown(rows: Sequence[Row[Any]], now: int, new: Collection[str] = ()) -> list[dict[str, Any]]:
    """The model's `MemoryStrategy`s. Those whose ids are `new` are CREATING, however soon they are ready."""
    return [_shown(row, now, row.id in new) for row in rows]


def _shown(row: Row[Any], now: int, is_new: bool) -> dict[str, Any]:
    strategy = {
        "strategyId": row.id,
        "name": row.name,
        "type": row.type,
        **row.settings,
        "createdAt": row.created_at / 1000,
        "updatedAt": row.updated_at / 1000,
        "status": _status(row, now, is_new),
    }
    return strategy if row.configuration is None else {**strategy, "configuration": row.configuration}


def _status(row: Row[Any], now: int, is_new: bool) -> str:
    if row.gone_at is not None:
        return "DELETING"
    return "CREATING" if is_new or now < row.ready_at else "ACTIVE"
