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
