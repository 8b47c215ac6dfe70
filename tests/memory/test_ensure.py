"""The memory that an agent's project asks for."""

from __future__ import annotations

from agentcore_emulator.memory import MemoryPlane


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


async def test_a_memory_made_before_the_deploy_goes_on_after_it(plane: MemoryPlane) -> None:
    made = await plane.ensure_memory("notes", None, 30)
    assert await plane.ensure_memory("notes", "notes-Ab12345678", 30) == made
