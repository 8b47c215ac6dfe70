"""Memory records in batches, as pipelines of one's own write them. Each record succeeds or fails by itself."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory import memories, record_rules, recording, strategies
from agentcore_emulator.memory.record_rules import NOT_FOUND, Refused
from agentcore_emulator.memory.records import find_record
from agentcore_emulator.memory.tables import milliseconds
from agentcore_emulator.store import Store

__all__ = ["RecordBatches"]


class RecordBatches:
    """BatchCreateMemoryRecords, BatchUpdateMemoryRecords and BatchDeleteMemoryRecords of bedrock-agentcore.

    Results are `{"successfulRecords": [MemoryRecordOutput], "failedRecords": [MemoryRecordOutput]}`, in the order of
    the request; a batch in which all fail is no error. All of them take the memory's id or ARN, and raise
    ValidationException when `memoryId` is neither and ResourceNotFoundException when there is no such memory. What one
    call has written, every later one finds.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def batch_create_memory_records(self, given: dict[str, Any]) -> dict[str, Any]:
        """A record with a clientToken that the memory has seen is the one that it made then, whatever it says now.

        It is for as long as that record exists. A record that fails shows an id that nothing has. Raises
        ValidationException for the expiry action REMOVE, which there is nothing to do for.
        """
        specification = given.get("recordExpirySpecification")
        if "action" in (specification or {}):
            raise ValidationException(
                "Invalid recordExpirySpecification: REMOVE does not apply when creating records",
                fields=[("recordExpirySpecification.action", "does not apply when creating records")],
            )
        now = milliseconds(self._clock.time())
        lifetime = record_rules.duration(specification)
        expires_at = None if lifetime is None else now + lifetime

        def create(connection: Connection) -> dict[str, Any]:
            memory = memories.find(connection, given["memoryId"], now)
            ids = [_record_id(memory.id, given, number) for number in range(len(given["records"]))]
            return _each(
                zip(ids, given["records"], strict=True),
                lambda record_id, record: _create(connection, memory, record_id, record, now, expires_at),
            )

        return await self._store.write(create)

    async def batch_update_memory_records(self, given: dict[str, Any]) -> dict[str, Any]:
        """What a record does not mention stays. Metadata takes the place of all that was there.

        AWS does not say whether it does. Without a recordExpirySpecification the expiry of a record that has one starts
        anew with the number of days that was last set (botocore model's documentation).
        """
        now = milliseconds(self._clock.time())
        specification = given.get("recordExpirySpecification")

        def update(connection: Connection) -> dict[str, Any]:
            memory = memories.find(connection, given["memoryId"], now)
            recording.purge(connection, now)
            return _each(
                ((record["memoryRecordId"], record) for record in given["records"]),
                lambda record_id, record: _update(connection, memory, record_id, record, now, specification),
            )

        return await self._store.write(update)

    async def batch_delete_memory_records(self, given: dict[str, Any]) -> dict[str, Any]:
        """Remove records. Their `namespace` is for policies of AWS alone."""
        now = milliseconds(self._clock.time())

        def delete(connection: Connection) -> dict[str, Any]:
            memory = memories.find(connection, given["memoryId"], now)
            return _each(
                ((record["memoryRecordId"], record) for record in given["records"]),
                lambda record_id, _: recording.remove(connection, _find(connection, memory, record_id, now).key, now),
            )

        return await self._store.write(delete)


def _each(
    records: Iterable[tuple[str, Mapping[str, Any]]], work: Callable[[str, Mapping[str, Any]], None]
) -> dict[str, Any]:
    """Do `work` on each id and record. What it refuses must not have been begun."""
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for record_id, record in records:
        outcome: dict[str, Any] = {"memoryRecordId": record_id}
        if "requestIdentifier" in record:
            outcome["requestIdentifier"] = record["requestIdentifier"]
        try:
            work(record_id, record)
        except Refused as refusal:
            why = {"errorCode": refusal.code, "errorMessage": refusal.message}
            failed.append({**outcome, "status": "FAILED", **why})
        else:
            done.append({**outcome, "status": "SUCCEEDED"})
    return {"successfulRecords": done, "failedRecords": failed}


def _record_id(memory_id: str, given: Mapping[str, Any], number: int) -> str:
    """The id of a new record: with a clientToken, always the same for its place in the request."""
    token: str = given.get("clientToken", "")
    if not token:
        return recording.new_record_id()
    named = "\0".join((memory_id, token, str(number), given["records"][number]["requestIdentifier"]))
    return f"mem-{uuid.UUID(bytes=hashlib.sha256(named.encode()).digest()[:16], version=4)}"


def _create(
    connection: Connection,
    memory: Row[Any],
    record_id: str,
    record: Mapping[str, Any],
    now: int,
    expires_at: int | None,
) -> None:
    if find_record(connection, memory.key, record_id, now) is not None:
        return
    recording.put(
        connection,
        memory.key,
        record_id=record_id,
        strategy_id=record.get("memoryStrategyId"),
        namespace=record_rules.namespace_of(record["namespaces"]),
        text=record["content"]["text"],
        metadata=_metadata(connection, memory, record, now),
        timestamp=milliseconds(record["timestamp"]),
        now=now,
        expires_at=expires_at,
    )


def _update(
    connection: Connection,
    memory: Row[Any],
    record_id: str,
    record: Mapping[str, Any],
    now: int,
    specification: Mapping[str, Any] | None,
) -> None:
    known = _find(connection, memory, record_id, now)
    metadata = _metadata(connection, memory, record, now)
    values: dict[str, Any] = {"timestamp": milliseconds(record["timestamp"])}
    if "content" in record:
        values["text"] = record["content"]["text"]
    if record.get("namespaces"):
        values["namespace"] = record_rules.namespace_of(record["namespaces"])
    if "memoryStrategyId" in record:
        values["strategy_id"] = record["memoryStrategyId"]
    if "metadata" in record:
        values["metadata"] = metadata
    lifetime = record_rules.duration(specification)
    if lifetime is None and specification is None and known.expires_at is not None:
        # It was set when the record was last written.
        lifetime = known.expires_at - known.updated_at
    values["expires_at"] = None if lifetime is None else now + lifetime
    recording.change(connection, known.key, values, now)


def _metadata(connection: Connection, memory: Row[Any], record: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """What is kept of a record's metadata. Raises `Refused` for an unknown strategy, and for what cannot be kept."""
    metadata: Mapping[str, Any] = record.get("metadata", {})
    record_rules.check_metadata(metadata, record_rules.indexed_keys(memory.settings))
    strategy_id = record.get("memoryStrategyId")
    if strategy_id is None:
        return metadata
    settings = {row.id: row.settings for row in strategies.of(connection, memory.key, now)}
    if strategy_id not in settings:
        raise Refused(NOT_FOUND, f"Memory strategy not found: {strategy_id}")
    return record_rules.kept_metadata(metadata, settings[strategy_id])


def _find(connection: Connection, memory: Row[Any], record_id: str, now: int) -> Row[Any]:
    row = find_record(connection, memory.key, record_id, now)
    if row is None:
        raise Refused(NOT_FOUND, f"Memory record not found: {record_id}")
    return row
