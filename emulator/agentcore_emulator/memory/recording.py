"""Writing memory records: the one way in which anything makes, changes or removes one.

Everything here happens within a transaction of the caller's, and is told to the memory's stream, if it has one. Times
are milliseconds. Metadata is in the form of the model's `MemoryRecordMetadataMap`, with dates in seconds. What is
written can be found at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from agentcore_emulator.memory.retrieval import index
from agentcore_emulator.memory.stream_delivery import outbox
from agentcore_emulator.memory.tables import memories, milliseconds, record_metadata, records

__all__ = ["change", "indexed_keys", "new_record_id", "purge", "put", "remove", "restore"]

_PURGE = delete(records).where(records.c.expires_at <= bindparam("now"))
_SAME = select(records).where(
    records.c.memory_key == bindparam("memory"),
    records.c.strategy_id == bindparam("strategy"),
    records.c.namespace == bindparam("namespace"),
    records.c.subject == bindparam("subject"),
    or_(records.c.expires_at.is_(None), records.c.expires_at > bindparam("now")),
)
_INSERTION = insert(records).returning(records.c.key)
_BY_KEY = select(records).where(records.c.key == bindparam("record"))
_CHANGE = update(records).where(records.c.key == bindparam("record"))
_REMOVAL = delete(records).where(records.c.key == bindparam("record")).returning(records.c.memory_key, records.c.id)
_SETTINGS = select(memories.c.settings).where(memories.c.key == bindparam("memory"))
_UNLABEL = delete(record_metadata).where(record_metadata.c.record_key == bindparam("record"))


def new_record_id() -> str:
    """`mem-` and a UUID, as observed on the live service."""
    return f"mem-{uuid.uuid4()}"


def put(
    connection: Connection,
    memory_key: int,
    *,
    record_id: str | None = None,
    strategy_id: str | None,
    namespace: str,
    text: str,
    kind: str = "BASE",
    metadata: Mapping[str, Any] | None,
    timestamp: int,
    now: int,
    expires_at: int | None = None,
    subject: str | None = None,
) -> str:
    """Make a record and return its id; what has expired is forgotten on the way.

    A record of the strategy's in this namespace about the same `subject` is superseded, and deleted: consolidation is
    among what AWS's developer guide says deletes records ("Memory record streaming"). One that already says the same
    stays, and gets the new times. `namespace` is normalized.
    """
    purge(connection, now)
    if subject is not None:
        named = {"memory": memory_key, "strategy": strategy_id, "namespace": namespace, "subject": subject, "now": now}
        if known := connection.execute(_SAME, named).first():
            if (known.text, known._mapping["metadata"] or {}) == (text, metadata or {}):
                _set(connection, known, {"timestamp": timestamp, "expires_at": expires_at}, now)
                return str(known.id)
            remove(connection, known.key, now)
    record_id = record_id or new_record_id()
    values = {
        "id": record_id,
        "strategy_id": strategy_id,
        "namespace": namespace,
        "text": text,
        "kind": kind,
        "subject": subject,
        "metadata": dict(metadata) if metadata else None,
        "timestamp": timestamp,
        "created_at": now,
        "updated_at": now,
        "expires_at": expires_at,
    }
    restore(connection, memory_key, values, indexed_keys(connection, memory_key))
    outbox.happened(connection, memory_key, "MemoryRecordCreated", values, now)
    return record_id


def restore(connection: Connection, memory_key: int, values: Mapping[str, Any], indexed: Collection[str]) -> None:
    """Make a record of these `values`, by column of `tables.records`, as it was in another store. No stream is told.

    `indexed` are the keys of its metadata by which filters find it.
    """
    key = connection.execute(_INSERTION, {**values, "memory_key": memory_key}).scalar_one()
    _label(connection, key, values["metadata"], indexed)
    index.added(connection, key)


def change(connection: Connection, key: int, values: Mapping[str, Any], now: int) -> None:
    """Give a record other `values`, by column of `tables.records`."""
    record = connection.execute(_BY_KEY, {"record": key}).one()
    changed = _set(connection, record, values, now)
    outbox.happened(connection, record.memory_key, "MemoryRecordUpdated", changed, now)


def remove(connection: Connection, key: int, now: int) -> None:
    """Remove a record with all that belongs to it."""
    removed = connection.execute(_REMOVAL, {"record": key}).one()
    outbox.happened(connection, removed.memory_key, "MemoryRecordDeleted", {"id": removed.id}, now)


def purge(connection: Connection, now: int) -> None:
    """Forget what has expired. Nothing shows it any more, so that may wait until somebody writes.

    No stream is told: expiry is not among what AWS's developer guide says sends events.
    """
    connection.execute(_PURGE, {"now": now})


def indexed_keys(connection: Connection, memory_key: int) -> Collection[str]:
    """The metadata keys that a memory indexes by now.

    A key that is indexed later holds for records that are written from then on (AWS developer guide, "Structured
    metadata for long-term memories": existing records are not backfilled).
    """
    settings: Mapping[str, Any] = connection.execute(_SETTINGS, {"memory": memory_key}).scalar_one()
    return {entry["key"] for entry in settings.get("indexedKeys", ())}


def _set(connection: Connection, record: Row[Any], values: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Give a record other values, and return it by column as it is now."""
    changed = {**record._mapping, **values, "updated_at": now}
    changed["metadata"] = dict(changed["metadata"]) if changed["metadata"] else None
    connection.execute(_CHANGE, {"record": record.key, **{name: changed[name] for name in (*values, "updated_at")}})
    # All of it: keys that have been indexed since the last change hold from now on.
    connection.execute(_UNLABEL, {"record": record.key})
    _label(connection, record.key, changed["metadata"], indexed_keys(connection, record.memory_key))
    if changed["text"] != record.text:
        index.changed(connection, record.key)
    return changed


def _label(connection: Connection, key: int, metadata: Mapping[str, Any] | None, indexed: Collection[str]) -> None:
    """Note the values of the indexed keys, which are all that filters look at."""
    rows = [
        {"record_key": key, "name": name, "item": item, "type": kind, "text": text, "number": number}
        for name, value in (metadata or {}).items()
        if name in indexed
        for item, (kind, text, number) in enumerate(_items(value))
    ]
    if rows:
        connection.execute(insert(record_metadata), rows)


def _items(value: Mapping[str, Any]) -> Iterator[tuple[str, str | None, float | None]]:
    """Type, text and number of a `MemoryRecordMetadataValue`, or of each item of its list."""
    ((member, content),) = value.items()
    match member:
        case "stringValue":
            yield "STRING", content, None
        case "stringListValue":
            for text in content:
                yield "STRINGLIST", text, None
        case "numberValue":
            yield "NUMBER", None, content
        case _:
            yield "DATETIME", None, milliseconds(content)
