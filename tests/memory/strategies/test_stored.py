from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert

from agentcore_emulator.memory import strategies, tables
from agentcore_emulator.memory.tables import memories
from agentcore_emulator.store import Store

NOW = 1_767_225_600_000
STEP = {"appendToPrompt": "p", "modelId": "m"}
INVOCATION = {"topicArn": "arn:aws:sns:us-east-1:123456789012:t", "payloadDeliveryBucketName": "bucket"}
ALL = [
    {"semanticMemoryStrategy": {"name": "facts"}},
    {"customMemoryStrategy": {"name": "own", "configuration": {"summaryOverride": {"consolidation": STEP}}}},
    {
        "customMemoryStrategy": {
            "name": "self",
            "configuration": {"selfManagedConfiguration": {"invocationConfiguration": INVOCATION}},
        }
    },
]


@pytest.fixture
async def memory(store: Store) -> int:
    """The key of a memory."""

    def create(connection: Connection) -> int:
        times = {"created_at": NOW, "updated_at": NOW, "ready_at": NOW}
        values = {"id": "m", "arn": "m", "name": "m", "expiry_days": 7, "settings": {}, **times}
        key: int = connection.execute(insert(memories).returning(memories.c.key), values).scalar_one()
        return key

    return await store.write(create)


def add(connection: Connection, memory: int, delay: int = 0) -> None:
    strategies.store(connection, memory, strategies.changed([], {"addMemoryStrategies": ALL}), NOW, delay)


def remove(connection: Connection, memory: int, name: str, now: int, delay: int = 0) -> None:
    current = [dict(row._mapping) for row in strategies.of(connection, memory, now)]
    [key] = [one["id"] for one in current if one["name"] == name]
    changes = strategies.changed(current, {"deleteMemoryStrategies": [{"memoryStrategyId": key}]})
    strategies.store(connection, memory, changes, now, delay)


def names(rows: list[Any]) -> list[str]:
    return [row.name for row in rows]


async def test_those_that_are_active(store: Store, memory: int) -> None:
    def work(connection: Connection) -> None:
        add(connection, memory, delay=1000)
        assert strategies.active(connection, memory, NOW + 999) == []
        assert names(strategies.active(connection, memory, NOW + 1000)) == ["facts", "own", "self"]
        assert strategies.active(connection, memory + 1, NOW + 1000) == []
        assert names(strategies.of(connection, memory, NOW)) == ["facts", "own", "self"]

        remove(connection, memory, "facts", NOW + 2000, delay=1000)
        assert names(strategies.active(connection, memory, NOW + 2000)) == ["own", "self"]
        assert names(strategies.of(connection, memory, NOW + 2999)) == ["facts", "own", "self"]
        assert names(strategies.of(connection, memory, NOW + 3000)) == ["own", "self"]

    await store.write(work)


async def test_without_a_delay_they_are_active_even_if_the_clock_is_set_back(store: Store, memory: int) -> None:
    def work(connection: Connection) -> None:
        add(connection, memory)
        assert names(strategies.active(connection, memory, NOW - 5000)) == ["facts", "own", "self"]
        remove(connection, memory, "facts", NOW)
        assert names(strategies.of(connection, memory, NOW - 5000)) == ["own", "self"]

    await store.write(work)


async def test_they_are_shown_as_the_model_has_them(store: Store, memory: int) -> None:
    def work(connection: Connection) -> None:
        add(connection, memory)
        rows = strategies.of(connection, memory, NOW)
        facts, own, _ = strategies.shown(rows, NOW, new=[rows[1].id])
        assert facts == {
            "strategyId": rows[0].id,
            "name": "facts",
            "type": "SEMANTIC",
            "namespaces": ["/strategies/{memoryStrategyId}/actors/{actorId}/"],
            "namespaceTemplates": ["/strategies/{memoryStrategyId}/actors/{actorId}/"],
            "createdAt": NOW / 1000,
            "updatedAt": NOW / 1000,
            "status": "ACTIVE",
        }
        assert (own["status"], own["configuration"]) == ("CREATING", rows[1].configuration)

    await store.write(work)


async def test_a_memorys_strategies_go_with_it(store: Store, memory: int) -> None:
    await store.write(lambda c: add(c, memory))
    await store.write(lambda c: c.execute(memories.delete()))
    assert await store.read(lambda c: c.execute(tables.strategies.select()).all()) == []
