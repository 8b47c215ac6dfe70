from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Row, select

from agentcore_emulator.memory import MemoryPlane, memories, recording
from agentcore_emulator.memory.stream_delivery import outbox
from agentcore_emulator.memory.tables import DAY, records, strategies, stream_events
from agentcore_emulator.store import Store

ROLE = "arn:aws:iam::123456789012:role/memory"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
OTHER = f"{STREAM}2"
NEW_YEAR = 1_767_225_600_000


def settings(stream_arn: str = STREAM, level: str = "FULL_CONTENT") -> dict[str, Any]:
    content = [{"type": "MEMORY_RECORDS", "level": level}]
    resource = {"kinesis": {"dataStreamArn": stream_arn, "contentConfigurations": content}}
    return {"memoryExecutionRoleArn": ROLE, "streamDeliveryResources": {"resources": [resource]}}


async def made(store: Store, plane: MemoryPlane, name: str = "m", **given: Any) -> Row[Any]:
    """The row of a new memory, whose stream has got its first event."""
    created = await plane.operations["CreateMemory"]({"name": name, "eventExpiryDuration": 7, **given})
    await store.write(lambda c: c.execute(stream_events.delete()))
    return await store.read(lambda c: memories.find(c, created["memory"]["id"], NEW_YEAR))


def put(connection: Connection, memory: Row[Any], text: str = "tea", **more: Any) -> str:
    given = {"strategy_id": None, "namespace": "/a/", "metadata": None, "timestamp": 1, "now": NEW_YEAR}
    return recording.put(connection, memory.key, text=text, **{**given, **more})


async def waiting(store: Store, now: int = NEW_YEAR, without: tuple[str, ...] = ()) -> list[Any]:
    events, _ = await store.read(lambda c: outbox.due(c, now, without))
    return [event.event["memoryStreamEvent"] for event in events]


async def test_a_memory_without_a_stream_has_no_events(store: Store, plane: MemoryPlane) -> None:
    none: dict[str, Any] = {"a": {}, "b": {"resources": []}}
    for name, given in none.items():
        memory = await made(store, plane, name, streamDeliveryResources=given)
        await store.write(lambda c, memory=memory: put(c, memory))  # type: ignore[misc]
    memory = await made(store, plane)
    await store.write(lambda c: put(c, memory))
    assert await waiting(store) == []


async def test_an_event_has_what_the_guide_shows(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, memoryStrategies=[{"semanticMemoryStrategy": {"name": "Facts"}}], **settings())
    strategy = await store.read(lambda c: c.execute(select(strategies.c.id)).scalar_one())
    metadata = {"colour": {"stringValue": "red"}}
    record = await store.write(lambda c: put(c, memory, strategy_id=strategy, metadata=metadata, now=NEW_YEAR + 1))
    assert await waiting(store, NEW_YEAR + 1) == [
        {
            "eventType": "MemoryRecordCreated",
            "eventTime": "2026-01-01T00:00:00.001Z",
            "memoryId": memory.id,
            "memoryRecordId": record,
            "namespaces": ["/a/"],
            "createdAt": NEW_YEAR + 1,
            "memoryStrategyId": strategy,
            "memoryStrategyType": "SEMANTIC",
            "metadata": metadata,
            "memoryRecordText": "tea",
        }
    ]


@pytest.mark.parametrize("content", [{"level": "METADATA_ONLY"}, {}], ids=str)
async def test_a_stream_may_have_no_text(store: Store, plane: MemoryPlane, content: dict[str, str]) -> None:
    given = settings()
    given["streamDeliveryResources"]["resources"][0]["kinesis"]["contentConfigurations"] = [
        {"type": "MEMORY_RECORDS", **content}
    ]
    memory = await made(store, plane, **given)
    await store.write(lambda c: put(c, memory))
    (event,) = await waiting(store)
    assert event.keys() == {"eventType", "eventTime", "memoryId", "memoryRecordId", "namespaces", "createdAt"}


async def test_a_strategy_that_is_gone_has_no_type(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: put(c, memory, strategy_id="Gone-0123456789"))
    (event,) = await waiting(store)
    assert event["memoryStrategyId"] == "Gone-0123456789"
    assert "memoryStrategyType" not in event


async def test_work_that_fails_leaves_no_event(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())

    def fail(connection: Connection) -> None:
        put(connection, memory)
        raise RuntimeError("a full disk")

    with pytest.raises(RuntimeError, match="a full disk"):
        await store.write(fail)
    assert await waiting(store) == []


async def test_what_has_expired_or_comes_from_elsewhere_is_not_told(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: put(c, memory, expires_at=NEW_YEAR + 1))
    (created,) = await waiting(store)
    await store.write(lambda c: recording.purge(c, NEW_YEAR + 1))
    assert await store.read(lambda c: c.execute(select(records.c.id)).all()) == []
    row = {
        **dict.fromkeys(("strategy_id", "subject", "metadata", "expires_at")),
        **dict.fromkeys(("timestamp", "created_at", "updated_at"), 1),
        "id": "mem-1",
        "namespace": "/a/",
        "text": "x",
        "kind": "BASE",
    }
    await store.write(lambda c: recording.restore(c, memory.key, row, ()))
    assert await waiting(store) == [created]


async def test_events_are_due_in_order_and_by_stream(store: Store, plane: MemoryPlane) -> None:
    first = await made(store, plane, "first", **settings())
    second = await made(store, plane, "second", **settings(OTHER))
    for text in ("1", "2"):
        for memory in (first, second):
            await store.write(lambda c, memory=memory, text=text: put(c, memory, text))  # type: ignore[misc]
    assert [event["memoryRecordText"] for event in await waiting(store)] == ["1", "1", "2", "2"]
    only = await waiting(store, without=(STREAM,))
    assert [(event["memoryId"], event["memoryRecordText"]) for event in only] == [(second.id, "1"), (second.id, "2")]
    assert await waiting(store, NEW_YEAR - 1) == []
    assert await store.read(lambda c: outbox.due(c, NEW_YEAR - 1)[1]) == NEW_YEAR
    events, _ = await store.read(lambda c: outbox.due(c, NEW_YEAR))
    await store.write(lambda c: outbox.done(c, [events[0].key, events[3].key]))
    assert [event["memoryRecordText"] for event in await waiting(store)] == ["1", "2"]


async def test_no_more_than_one_request_takes_are_due_at_once(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: [put(c, memory) for _ in range(501)])
    assert len(await waiting(store)) == 500


async def test_what_no_stream_takes_for_a_day_is_dropped(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: put(c, memory, "old"))
    await store.write(lambda c: put(c, memory, "young", now=NEW_YEAR + 1))
    assert [event["memoryRecordText"] for event in await waiting(store, NEW_YEAR + DAY)] == ["young"]
    await store.write(lambda c: put(c, memory, "new", now=NEW_YEAR + DAY))
    assert [event["memoryRecordText"] for event in await waiting(store, NEW_YEAR + DAY)] == ["young", "new"]


async def test_another_stream_does_not_get_what_the_first_has_not_taken(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: put(c, memory, "1"))
    update = plane.operations["UpdateMemory"]
    await update({"memoryId": memory.id, **settings(STREAM, "METADATA_ONLY")})
    assert [event["eventType"] for event in await waiting(store)] == ["MemoryRecordCreated", "StreamingEnabled"]
    await update({"memoryId": memory.id, **settings(OTHER)})
    assert [event["eventType"] for event in await waiting(store, without=(STREAM,))] == ["StreamingEnabled"]
    assert await waiting(store, without=(OTHER,)) == []
    await update({"memoryId": memory.id, "streamDeliveryResources": {"resources": []}})
    assert await waiting(store) == []


async def test_events_outlive_their_memory(store: Store, plane: MemoryPlane) -> None:
    memory = await made(store, plane, **settings())
    await store.write(lambda c: put(c, memory))
    await plane.operations["DeleteMemory"]({"memoryId": memory.id})
    assert [event["eventType"] for event in await waiting(store)] == ["MemoryRecordCreated"]
