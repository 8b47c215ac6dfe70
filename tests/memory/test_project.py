"""The memory that an agent's project asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

if TYPE_CHECKING:
    from tests.memory.conftest import StillClock


async def test_a_memory_is_made_once_and_found_by_its_name(plane: MemoryPlane) -> None:
    made = await plane.ensure_memory("notes", None, 30)
    assert made.startswith("notes-")
    assert await plane.ensure_memory("notes", None, 30) == made
    found = await plane.operations["GetMemory"]({"memoryId": made})
    assert (found["memory"]["name"], found["memory"]["eventExpiryDuration"]) == ("notes", 30)


async def test_a_deployed_memory_keeps_its_id(plane: MemoryPlane) -> None:
    assert await plane.ensure_memory("notes", "notes-Ab12345678", 7) == "notes-Ab12345678"
    assert await plane.ensure_memory("notes", "notes-Ab12345678", 7) == "notes-Ab12345678"
    listed = await plane.operations["ListMemories"]({})
    assert [memory["id"] for memory in listed["memories"]] == ["notes-Ab12345678"]


async def test_a_long_term_memory_has_the_strategies_of_the_toolkit(plane: MemoryPlane) -> None:
    made = await plane.ensure_memory("notes", None, 30, long_term=True)
    shown = (await plane.operations["GetMemory"]({"memoryId": made}))["memory"]
    assert [(one["name"], one["type"], one["namespaces"]) for one in shown["strategies"]] == [
        ("UserPreferences", "USER_PREFERENCE", ["/users/{actorId}/preferences/"]),
        ("SemanticFacts", "SEMANTIC", ["/users/{actorId}/facts/"]),
        ("SessionSummaries", "SUMMARIZATION", ["/summaries/{actorId}/{sessionId}/"]),
    ]
    assert await plane.ensure_memory("notes", None, 30, long_term=True) == made
    assert (await plane.operations["GetMemory"]({"memoryId": made}))["memory"] == shown


async def test_a_memory_becomes_a_long_term_one_unless_it_is_one_already(plane: MemoryPlane) -> None:
    made = await plane.ensure_memory("notes", None, 30)
    assert await plane.ensure_memory("notes", None, 30, long_term=True) == made
    assert len((await plane.operations["GetMemory"]({"memoryId": made}))["memory"]["strategies"]) == 3

    own = [{"semanticMemoryStrategy": {"name": "mine"}}]
    given = {"name": "own", "eventExpiryDuration": 7, "memoryStrategies": own}
    other = (await plane.operations["CreateMemory"](given))["memory"]["id"]
    assert await plane.ensure_memory("own", None, 30, long_term=True) == other
    kept = (await plane.operations["GetMemory"]({"memoryId": other}))["memory"]["strategies"]
    assert [one["name"] for one in kept] == ["mine"]


async def test_an_agents_memory_is_ready_whatever_the_delays(store: Store, clock: StillClock) -> None:
    plane = MemoryPlane(store, clock, "us-east-1", "123456789012", "observed")
    made = await plane.ensure_memory("notes", None, 30, long_term=True)
    shown = (await plane.operations["GetMemory"]({"memoryId": made}))["memory"]
    assert {shown["status"], *(one["status"] for one in shown["strategies"])} == {"ACTIVE"}

    await plane.operations["DeleteMemory"]({"memoryId": made})
    again = await plane.ensure_memory("notes", None, 30)
    assert again != made
    assert (await plane.operations["GetMemory"]({"memoryId": again}))["memory"]["status"] == "ACTIVE"


async def test_a_memory_made_before_the_deploy_goes_on_after_it(plane: MemoryPlane) -> None:
    made = await plane.ensure_memory("notes", None, 30)
    assert await plane.ensure_memory("notes", "notes-Ab12345678", 30) == made
