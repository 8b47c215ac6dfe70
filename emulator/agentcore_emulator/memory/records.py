"""Memory records, one at a time and in lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException
from agentcore_emulator.memory import memories, record_rules, recording
from agentcore_emulator.memory.namespaces import below
from agentcore_emulator.memory.record_filters import metadata_conditions
from agentcore_emulator.memory.record_rules import SYSTEM
from agentcore_emulator.memory.tables import milliseconds, records
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["Records", "find_record", "not_expired", "scope", "summary"]


class Records:
    """GetMemoryRecord, ListMemoryRecords and DeleteMemoryRecord of bedrock-agentcore.

    Results are the output structures of the botocore model. All of them take the memory's id or ARN, and raise
    ValidationException when `memoryId` is neither and ResourceNotFoundException when there is no such memory or record,
    or when the record has expired. `namespace` of GetMemoryRecord and DeleteMemoryRecord is for policies of AWS alone.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get_memory_record(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryRecord": MemoryRecord}`."""
        now = milliseconds(self._clock.time())
        row = await self._store.read(lambda c: _find(c, given, now))
        expiry = {} if row.expires_at is None else {"expiresAt": row.expires_at / 1000}
        return {"memoryRecord": {**summary(row), **expiry}}

    async def delete_memory_record(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryRecordId"}`."""
        now = milliseconds(self._clock.time())
        await self._store.write(lambda c: recording.remove(c, _find(c, given, now).key, now))
        return {"memoryRecordId": given["memoryRecordId"]}

    async def list_memory_records(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryRecordSummaries": [MemoryRecordSummary], "nextToken"?}`, the newest first.

        Empty for a namespace without records. AWS documents no order. Raises ValidationException for a token that
        another listing gave, for filters that make no sense, and unless there is one of namespace and namespacePath.
        """
        now = milliseconds(self._clock.time())
        return await self._store.read(lambda c: _list(c, given, now))


def find_record(connection: Connection, memory_key: int, record_id: str, now: int) -> Row[Any] | None:
    """The row of a memory's record, unless it has expired."""
    named = (records.c.memory_key == memory_key, records.c.id == record_id, not_expired(now))
    return connection.execute(select(records).where(*named)).first()


def not_expired(now: int) -> ColumnElement[bool]:
    """The condition on `records` that leaves out what has expired."""
    return or_(records.c.expires_at.is_(None), records.c.expires_at > now)


def scope(
    memory: Row[Any], given: Mapping[str, Any], narrowed: Mapping[str, Any], at: str, now: int
) -> Sequence[ColumnElement[bool]]:
    """The conditions on `records` that a listing or a search puts.

    `given` has `namespace` or `namespacePath`, `narrowed` a `memoryStrategyId` and `metadataFilters`, which the request
    has at `at`. Raises ValidationException for what makes no sense.
    """
    path, deep = record_rules.place(given)
    indexed = record_rules.indexed_keys(memory.settings)
    conditions = [
        records.c.memory_key == memory.key,
        below(records.c.namespace, path) if deep else records.c.namespace == path,
        not_expired(now),
        *metadata_conditions(narrowed.get("metadataFilters", ()), indexed, at),
    ]
    if strategy := narrowed.get("memoryStrategyId"):
        conditions.append(records.c.strategy_id == strategy)
    return conditions


def summary(row: Row[Any]) -> dict[str, Any]:
    """The model's `MemoryRecordSummary`, without a score.

    A record that was made without a strategy shows none, though the model requires one.
    """
    shown = {
        "memoryRecordId": row.id,
        "content": {"text": row.text},
        "namespaces": [row.namespace],
        "createdAt": row.created_at / 1000,
        "timestamp": row.timestamp / 1000,
        "metadata": {
            **(row._mapping["metadata"] or {}),
            f"{SYSTEM}recordType": {"stringValue": row.kind},
            f"{SYSTEM}createdAt": {"dateTimeValue": row.created_at / 1000},
            f"{SYSTEM}updatedAt": {"dateTimeValue": row.updated_at / 1000},
        },
    }
    return shown if row.strategy_id is None else {**shown, "memoryStrategyId": row.strategy_id}


def _find(connection: Connection, given: Mapping[str, Any], now: int) -> Row[Any]:
    memory = memories.find(connection, given["memoryId"], now)
    row = find_record(connection, memory.key, given["memoryRecordId"], now)
    if row is None:
        raise ResourceNotFoundException(f"Memory record not found: {given['memoryRecordId']}")
    return row


def _list(connection: Connection, given: Mapping[str, Any], now: int) -> dict[str, Any]:
    memory = memories.find(connection, given["memoryId"], now)
    conditions = [*scope(memory, given, given, "metadataFilters", now)]
    decisive = ("namespace", "namespacePath", "memoryStrategyId", "metadataFilters")
    listing = Listing("ListMemoryRecords", memory.id, *(given.get(name) for name in decisive))
    if position := listing.position(given.get("nextToken")):
        conditions.append(records.c.key < int(position))
    size = given.get("maxResults", record_rules.PAGE)
    query = select(records).where(*conditions).order_by(records.c.key.desc()).limit(size + 1)
    rows = connection.execute(query).all()
    return {"memoryRecordSummaries": [summary(row) for row in rows[:size]], **listing.continued(rows, size, "key")}
