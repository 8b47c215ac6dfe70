from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

# 2026-01-01T00:00:00Z
NEW_YEAR = 1_767_225_600.0


class StillClock(Clock):
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NEW_YEAR

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def advance(clock: StillClock) -> Callable[[float], None]:
    """`advance(days=...)` moves the plane's clock."""

    def advanced(days: float) -> None:
        clock.now += days * 86_400

    return advanced


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """On each kind of database."""
    store = Store(store_url)
    yield store
    await store.close()


@pytest.fixture
def plane(store: Store, clock: StillClock) -> MemoryPlane:
    return MemoryPlane(store, clock, "us-east-1", "123456789012")


@pytest.fixture
async def memory(plane: MemoryPlane) -> str:
    """The id of a memory whose events live for seven days."""
    created = await plane.operations["CreateMemory"]({"name": "notes", "eventExpiryDuration": 7})
    memory_id: str = created["memory"]["id"]
    return memory_id


@pytest.fixture
def call(plane: MemoryPlane, memory: str) -> Callable[..., Awaitable[dict[str, Any]]]:
    """`await call("ListEvents", actorId=..., ...)` on the memory, or on the one that `memoryId` names."""

    async def called(operation: str, **given: Any) -> dict[str, Any]:
        return await plane.operations[operation]({"memoryId": memory, **given})

    return called


@pytest.fixture
async def indexed(plane: MemoryPlane) -> str:
    """The id of a memory with an indexed key of each type."""
    keys = [
        {"key": "colour", "type": "STRING"},
        {"key": "tags", "type": "STRINGLIST"},
        {"key": "weight", "type": "NUMBER"},
    ]
    given = {"name": "indexed", "eventExpiryDuration": 7, "indexedKeys": keys}
    memory_id: str = (await plane.operations["CreateMemory"](given))["memory"]["id"]
    return memory_id


@pytest.fixture
def make(call: Callable[..., Awaitable[dict[str, Any]]]) -> Callable[..., Awaitable[str]]:
    """`await make("text", "/namespace/", ...)`: the id of a new record; `expiry` is in days."""

    async def made(text: str, namespace: str = "/a/", *, expiry: int | None = None, **more: Any) -> str:
        record = {
            "requestIdentifier": "r",
            "namespaces": [namespace],
            "content": {"text": text},
            "timestamp": NEW_YEAR,
            **more,
        }
        specification = {} if expiry is None else {"recordExpirySpecification": {"recordExpiryDurationDays": expiry}}
        answer = await call("BatchCreateMemoryRecords", records=[record], **specification)
        assert answer["failedRecords"] == []
        record_id: str = answer["successfulRecords"][0]["memoryRecordId"]
        return record_id

    return made


@pytest.fixture
async def strategy(call: Callable[..., Awaitable[dict[str, Any]]]) -> str:
    """The id of a strategy of the memory, with `priority` in its schema."""
    schema = {"metadataSchema": [{"key": "priority", "type": "STRING"}]}
    added = {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"], "memoryRecordSchema": schema}
    changes = {"addMemoryStrategies": [{"semanticMemoryStrategy": added}]}
    updated = await call("UpdateMemory", memoryStrategies=changes)
    strategy_id: str = updated["memory"]["strategies"][0]["strategyId"]
    return strategy_id
