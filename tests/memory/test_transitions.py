from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.memory.tables import memories, strategies
from agentcore_emulator.memory.transitions import Delays, delays
from agentcore_emulator.store import Store

if TYPE_CHECKING:
    from tests.memory.conftest import StillClock

Call = Callable[..., Awaitable[dict[str, Any]]]
FACTS = {"semanticMemoryStrategy": {"name": "facts"}}
EVENT = {"actorId": "a", "sessionId": "s", "eventTimestamp": 1.0, "payload": []}


@pytest.fixture
def plane(store: Store, clock: StillClock) -> MemoryPlane:
    """Takes as long as AWS."""
    return MemoryPlane(store, clock, "us-east-1", "123456789012", "observed")


@pytest.fixture
async def memory(plane: MemoryPlane) -> str:
    """The id of a memory that is being created."""
    given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": [FACTS]}
    return str((await plane.operations["CreateMemory"](given))["memory"]["id"])


@asynccontextmanager
async def refusal(words: str) -> AsyncIterator[None]:
    with pytest.raises(ValidationException) as caught:
        yield
    assert (caught.value.message, caught.value.reason) == (words, "ResourceConflict")


async def states(call: Call) -> list[str]:
    """Of the memory and of its strategies."""
    shown = (await call("GetMemory"))["memory"]
    return [shown["status"], *(one["status"] for one in shown["strategies"])]


def test_profiles() -> None:
    assert delays("none") == Delays(0, 0, 0)
    assert delays("observed") == Delays(creating=162_000, updating=162_000, deleting=60_000)


async def test_a_memory_is_created(call: Call, clock: StillClock) -> None:
    assert await states(call) == ["CREATING", "CREATING"]
    assert (await call("ListMemories"))["memories"][0]["status"] == "CREATING"
    prefix = "Memory is in transitional state CREATING. Cannot"
    async with refusal(f"Validation failed during UpdateMemory: {prefix} update memory."):
        await call("UpdateMemory", description="d")
    async with refusal(f"Validation failed during DeleteMemory: {prefix} delete memory."):
        await call("DeleteMemory")
    async with refusal(f"Validation failed during CreateEvent: {prefix} create event."):
        await call("CreateEvent", **EVENT)
    assert (await call("ListActors"))["actorSummaries"] == []
    clock.now += 161
    assert await states(call) == ["CREATING", "CREATING"]
    clock.now += 1
    assert await states(call) == ["ACTIVE", "ACTIVE"]
    await call("CreateEvent", **EVENT)


async def test_strategies_come_and_go(call: Call, clock: StillClock) -> None:
    clock.now += 162
    facts = (await call("GetMemory"))["memory"]["strategies"][0]["strategyId"]
    changes = {
        "addMemoryStrategies": [{"summaryMemoryStrategy": {"name": "sums"}}],
        "deleteMemoryStrategies": [{"memoryStrategyId": facts}],
    }
    answer = (await call("UpdateMemory", memoryStrategies=changes))["memory"]
    assert [answer["status"], *(one["status"] for one in answer["strategies"])] == ["UPDATING", "DELETING", "CREATING"]
    assert await states(call) == ["UPDATING", "DELETING", "CREATING"]
    # Events go on.
    await call("CreateEvent", **EVENT)
    prefix = "Memory is in transitional state UPDATING. Cannot"
    async with refusal(f"Validation failed during UpdateMemory: {prefix} update memory."):
        await call("UpdateMemory", description="d")
    async with refusal(f"Validation failed during DeleteMemory: {prefix} delete memory."):
        await call("DeleteMemory")
    clock.now += 162
    assert await states(call) == ["ACTIVE", "ACTIVE"]
    assert (await call("GetMemory"))["memory"]["strategies"][0]["name"] == "sums"
    # The name is free again.
    await call("UpdateMemory", memoryStrategies={"addMemoryStrategies": [FACTS]})
    assert await states(call) == ["UPDATING", "ACTIVE", "CREATING"]


async def test_a_strategy_that_is_modified_stays_active(call: Call, clock: StillClock) -> None:
    clock.now += 162
    facts = (await call("GetMemory"))["memory"]["strategies"][0]["strategyId"]
    changes = {"modifyMemoryStrategies": [{"memoryStrategyId": facts, "description": "d"}]}
    await call("UpdateMemory", memoryStrategies=changes)
    assert await states(call) == ["UPDATING", "ACTIVE"]


async def test_a_strategy_takes_the_place_of_another_of_its_name(call: Call, clock: StillClock) -> None:
    clock.now += 162
    facts = (await call("GetMemory"))["memory"]["strategies"][0]["strategyId"]
    changes = {"addMemoryStrategies": [FACTS], "deleteMemoryStrategies": [{"memoryStrategyId": facts}]}
    (new,) = (await call("UpdateMemory", memoryStrategies=changes))["memory"]["strategies"]
    assert (new["name"], new["status"]) == ("facts", "CREATING")
    assert new["strategyId"] != facts


async def test_what_is_no_strategy_is_there_at_once(call: Call, clock: StillClock) -> None:
    clock.now += 162
    assert (await call("UpdateMemory", description="d"))["memory"]["status"] == "ACTIVE"
    await call("UpdateMemory", description="e")


async def test_a_memory_is_deleted(call: Call, memory: str, clock: StillClock, store: Store) -> None:
    clock.now += 162
    await call("CreateEvent", **EVENT)
    assert await call("DeleteMemory") == {"memoryId": memory, "status": "DELETING"}
    assert (await states(call))[0] == "DELETING"
    # Another try is answered as the first one, and does not prolong it.
    clock.now += 59
    assert await call("DeleteMemory") == {"memoryId": memory, "status": "DELETING"}
    assert (await call("ListMemories"))["memories"][0]["status"] == "DELETING"
    prefix = "Memory is in transitional state DELETING. Cannot"
    async with refusal(f"Validation failed during CreateEvent: {prefix} create event."):
        await call("CreateEvent", **EVENT)
    async with refusal(f"Validation failed during UpdateMemory: {prefix} update memory."):
        await call("UpdateMemory", description="d")
    with pytest.raises(ValidationException, match="already exists"):
        await call("CreateMemory", name="notes", eventExpiryDuration=7)

    clock.now += 1
    for operation in ("GetMemory", "UpdateMemory", "DeleteMemory", "CreateEvent", "ListEvents", "ListSessions"):
        with pytest.raises(ResourceNotFoundException, match=f"^Memory not found: {memory}$"):
            await call(operation, **EVENT)
    assert (await call("ListMemories"))["memories"] == []

    # Whoever writes next cleans up.
    assert await store.read(lambda c: c.execute(memories.select()).all())
    again = (await call("CreateMemory", name="notes", eventExpiryDuration=7))["memory"]["id"]
    assert [row.id for row in await store.read(lambda c: c.execute(memories.select()).all())] == [again]
    assert await store.read(lambda c: c.execute(strategies.select()).all()) == []


async def test_an_event_cleans_up_too(call: Call, memory: str, clock: StillClock, store: Store) -> None:
    other = (await call("CreateMemory", name="other", eventExpiryDuration=7))["memory"]["id"]
    clock.now += 162
    await call("DeleteMemory")
    clock.now += 60
    await call("CreateEvent", memoryId=other, **EVENT)
    assert [row.id for row in await store.read(lambda c: c.execute(memories.select()).all())] == [other]


async def test_states_go_on_without_delays_as_they_began(
    store: Store, clock: StillClock, memory: str, call: Call
) -> None:
    plane = MemoryPlane(store, clock, "us-east-1", "123456789012")
    shown = (await plane.operations["GetMemory"]({"memoryId": memory}))["memory"]
    assert shown["status"] == "CREATING"
    clock.now += 162
    await plane.operations["DeleteMemory"]({"memoryId": memory})
    with pytest.raises(ResourceNotFoundException):
        await call("GetMemory")
