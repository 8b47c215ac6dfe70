"""Events that a stream is still to get: noted with the change itself, and gone when the stream has them.

Everything here happens within a transaction of the caller's, so that no change is without its event and no event
without its change, whenever the process ends. Times are milliseconds. The events are those of the AWS developer guide,
"Memory record streaming".
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from agentcore_emulator.memory.tables import DAY, memories, strategies, stream_events

__all__ = ["RecordEvent", "configured", "done", "due", "happened"]

RecordEvent = Literal["MemoryRecordCreated", "MemoryRecordUpdated", "MemoryRecordDeleted"]

_log = logging.getLogger(__name__)

# For how long a stream keeps records unless it is told otherwise. Whoever reads it later would not find them, either.
_KEPT: Final = DAY
_MOST: Final = 500

_MEMORY = select(memories.c.id, memories.c.settings).where(memories.c.key == bindparam("memory"))
_TYPE = select(strategies.c.type).where(
    strategies.c.memory_key == bindparam("memory"), strategies.c.id == bindparam("strategy")
)
_PURGE = delete(stream_events).where(stream_events.c.created_at <= bindparam("before"))
_INSERTION = insert(stream_events)


def happened(connection: Connection, memory_key: int, event: RecordEvent, record: Mapping[str, Any], now: int) -> None:
    """Note what has happened to a record, of which `record` has the columns, if its memory has a stream.

    Of one that is deleted only the id is told.
    """
    memory = connection.execute(_MEMORY, {"memory": memory_key}).one()
    resource = _resource(memory.settings)
    if resource is None:
        return
    told = {"memoryRecordId": record["id"]}
    if event != "MemoryRecordDeleted":
        told = {**told, **_metadata(connection, memory_key, record)}
        if resource["contentConfigurations"][0].get("level") == "FULL_CONTENT":
            told["memoryRecordText"] = record["text"]
    _note(connection, resource, record["id"], event, memory.id, told, now)


def configured(connection: Connection, memory: Row[Any], now: int) -> None:
    """Note that a memory's stream is another one by now, or its first, or that it has none any more.

    A new one is told as soon as the memory is ready. What the old one has not taken it does not get any more.
    """
    resource = _resource(memory.settings)
    stream_arn = None if resource is None else resource["dataStreamArn"]
    old = (stream_events.c.memory_id == memory.id, stream_events.c.stream_arn.is_distinct_from(stream_arn))
    connection.execute(delete(stream_events).where(*old))
    if resource is not None:
        told = {"message": f"Streaming enabled for memory resource: {memory.id}"}
        _note(connection, resource, memory.id, "StreamingEnabled", memory.id, told, now, max(now, memory.ready_at))


def due(connection: Connection, now: int, without: Collection[str] = ()) -> tuple[Sequence[Row[Any]], int | None]:
    """Up to 500 events that are due, in order, and when the earliest that is not due yet will be.

    Streams whose ARNs are in `without` are left out, and so is what has waited for a day.
    """
    wanted = (
        stream_events.c.stream_arn.not_in(without),
        stream_events.c.due_at <= now,
        stream_events.c.created_at > now - _KEPT,
    )
    query = select(stream_events).where(*wanted).order_by(stream_events.c.key).limit(_MOST)
    later = select(func.min(stream_events.c.due_at)).where(stream_events.c.due_at > now)
    return connection.execute(query).all(), connection.execute(later).scalar()


def done(connection: Connection, keys: Sequence[int]) -> None:
    """Forget events that their stream has."""
    connection.execute(delete(stream_events).where(stream_events.c.key.in_(keys)))


def _resource(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The model's `KinesisResource`; there is one at most."""
    for resource in settings.get("streamDeliveryResources", {}).get("resources", ()):
        kinesis: Mapping[str, Any] = resource["kinesis"]
        return kinesis
    return None


def _metadata(connection: Connection, memory_key: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """What either content level has of a record. One that was made without a strategy has none here, either."""
    told: dict[str, Any] = {"namespaces": [record["namespace"]], "createdAt": record["created_at"]}
    if record["strategy_id"] is not None:
        told["memoryStrategyId"] = record["strategy_id"]
        named = {"memory": memory_key, "strategy": record["strategy_id"]}
        # Records outlive their strategy.
        if (kind := connection.execute(_TYPE, named).scalar()) is not None:
            told["memoryStrategyType"] = kind
    return {**told, "metadata": record["metadata"]} if record["metadata"] else told


def _note(
    connection: Connection,
    resource: Mapping[str, Any],
    partition: str,
    event: str,
    memory_id: str,
    told: Mapping[str, Any],
    now: int,
    due_at: int | None = None,
) -> None:
    lost = connection.execute(_PURGE, {"before": now - _KEPT}).rowcount
    if lost:
        _log.warning("%d events of memory records are dropped, which their streams have not taken for a day", lost)
    moment = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    values = {
        "memory_id": memory_id,
        "stream_arn": resource["dataStreamArn"],
        "partition_key": partition,
        "event": {"memoryStreamEvent": {"eventType": event, "eventTime": moment, "memoryId": memory_id, **told}},
        "created_at": now,
        "due_at": now if due_at is None else due_at,
    }
    connection.execute(_INSERTION, values)
