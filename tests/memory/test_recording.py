from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from agentcore_emulator.memory import MemoryPlane, memories, recording
from agentcore_emulator.memory.tables import record_metadata, record_vectors, records, unembedded
from agentcore_emulator.store import Store


@pytest.fixture
async def key(store: Store, plane: MemoryPlane) -> int:
    """The key of a memory with indexed keys."""
    indexed = [
        {"key": "colour", "type": "STRING"},
        {"key": "tags", "type": "STRINGLIST"},
        {"key": "weight", "type": "NUMBER"},
    ]
    created = await plane.operations["CreateMemory"]({"name": "m", "eventExpiryDuration": 7, "indexedKeys": indexed})
    found: int = (await store.read(lambda c: memories.find(c, created["memory"]["id"], 0))).key
    return found


def put(connection: Connection, memory_key: int, text: str = "text", **more: Any) -> str:
    given = {"strategy_id": "S-0123456789", "namespace": "/a/", "metadata": None, "timestamp": 1, "now": 2}
    return recording.put(connection, memory_key, text=text, **{**given, **more})


def rows(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(select(records).order_by(records.c.key))]


async def test_a_record_is_made(store: Store, key: int) -> None:
    metadata = {"colour": {"stringValue": "red"}, "note": {"stringValue": "n"}}
    made = await store.write(lambda c: put(c, key, kind="REFLECTION", metadata=metadata, expires_at=9, subject="s"))
    assert made.startswith("mem-")
    assert len(made) == 40
    (row,) = await store.read(rows)
    del row["key"]
    assert row == {
        "memory_key": key,
        "id": made,
        "strategy_id": "S-0123456789",
        "namespace": "/a/",
        "text": "text",
        "kind": "REFLECTION",
        "subject": "s",
        "metadata": metadata,
        "timestamp": 1,
        "created_at": 2,
        "updated_at": 2,
        "expires_at": 9,
    }


@pytest.mark.parametrize("other", [{"text": "coffee"}, {"metadata": {"colour": {"stringValue": "red"}}}], ids=str)
async def test_a_record_about_the_same_supersedes_the_first(store: Store, key: int, other: dict[str, Any]) -> None:
    first = await store.write(lambda c: put(c, key, text="tea", subject="drink"))
    new = {"text": "tea", "timestamp": 5, "now": 6, "expires_at": 7, **other}
    second = await store.write(lambda c: put(c, key, subject="drink", **new))
    assert second != first
    (row,) = await store.read(rows)
    assert (row["id"], row["text"], row["metadata"]) == (second, new["text"], new.get("metadata"))
    assert (row["timestamp"], row["created_at"], row["updated_at"], row["expires_at"]) == (5, 6, 6, 7)


async def test_a_record_that_says_the_same_again_stays(store: Store, key: int) -> None:
    first = await store.write(lambda c: put(c, key, "tea", subject="drink", metadata={}))
    second = await store.write(lambda c: put(c, key, "tea", subject="drink", timestamp=5, now=6, expires_at=7))
    assert second == first
    (row,) = await store.read(rows)
    assert (row["text"], row["timestamp"], row["created_at"], row["updated_at"]) == ("tea", 5, 2, 6)
    assert (row["expires_at"], row["subject"]) == (7, "drink")


@pytest.mark.parametrize(
    "other",
    [{"namespace": "/b/"}, {"strategy_id": "T-0123456789"}, {"subject": "food"}, {"subject": None}],
    ids=lambda other: next(iter(other)),
)
async def test_a_record_about_something_else_is_another(store: Store, key: int, other: dict[str, Any]) -> None:
    first = await store.write(lambda c: put(c, key, subject="drink"))
    assert await store.write(lambda c: put(c, key, **{"subject": "drink", **other})) != first
    assert len(await store.read(rows)) == 2


async def test_what_has_expired_is_forgotten(store: Store, key: int) -> None:
    first = await store.write(lambda c: put(c, key, subject="drink", expires_at=10))
    second = await store.write(lambda c: put(c, key, subject="drink", now=10))
    assert second != first
    assert [row["id"] for row in await store.read(rows)] == [second]


def labels(connection: Connection) -> list[tuple[Any, ...]]:
    query = select(record_metadata).order_by(record_metadata.c.name, record_metadata.c.item)
    return [tuple(row)[1:] for row in connection.execute(query)]


async def test_the_values_of_indexed_keys_are_noted(store: Store, key: int) -> None:
    metadata = {
        "colour": {"stringValue": "red"},
        "tags": {"stringListValue": ["x", "y"]},
        "weight": {"numberValue": 1.5},
        "other": {"stringValue": "v"},
    }
    await store.write(lambda c: put(c, key, metadata=metadata))
    assert await store.read(labels) == [
        ("colour", 0, "STRING", "red", None),
        ("tags", 0, "STRINGLIST", "x", None),
        ("tags", 1, "STRINGLIST", "y", None),
        ("weight", 0, "NUMBER", None, 1.5),
    ]
    (row,) = await store.read(rows)
    await store.write(lambda c: recording.change(c, row["key"], {"metadata": {"weight": {"numberValue": 2.0}}}, 3))
    assert await store.read(labels) == [("weight", 0, "NUMBER", None, 2.0)]
    await store.write(lambda c: recording.change(c, row["key"], {"metadata": None}, 3))
    assert await store.read(labels) == []
    (row,) = await store.read(rows)
    assert (row["metadata"], row["text"], row["updated_at"]) == (None, "text", 3)


async def test_a_date_is_a_number_of_milliseconds(store: Store, key: int) -> None:
    await store.write(lambda c: put(c, key, metadata={"weight": {"dateTimeValue": 1.001}}))
    assert await store.read(labels) == [("weight", 0, "DATETIME", None, 1001.0)]


async def test_a_text_that_changes_waits_for_its_vector_again(store: Store, key: int) -> None:
    def waiting(connection: Connection) -> list[int]:
        return list(connection.scalars(select(unembedded.c.record_key)))

    def embedded(connection: Connection) -> None:
        connection.execute(unembedded.delete())
        values = {"record_key": row["key"], "model": "m", "vector": b""}
        connection.execute(record_vectors.insert().values(values))

    await store.write(lambda c: put(c, key))
    (row,) = await store.read(rows)
    assert await store.read(waiting) == [row["key"]]
    await store.write(embedded)
    await store.write(lambda c: recording.change(c, row["key"], {"text": "text", "namespace": "/b/"}, 3))
    assert await store.read(waiting) == []
    await store.write(lambda c: recording.change(c, row["key"], {"text": "new"}, 3))
    await store.write(lambda c: recording.change(c, row["key"], {"text": "newer"}, 3))
    assert await store.read(waiting) == [row["key"]]
    assert await store.read(lambda c: c.execute(select(record_vectors)).all()) == []


async def test_a_removed_record_takes_all_with_it(store: Store, key: int) -> None:
    await store.write(lambda c: put(c, key, metadata={"colour": {"stringValue": "red"}}))
    (row,) = await store.read(rows)
    await store.write(lambda c: recording.remove(c, row["key"], 3))
    for table in (records, record_metadata, unembedded):
        assert await store.read(lambda c, table=table: c.execute(select(table)).all()) == []  # type: ignore[misc]
