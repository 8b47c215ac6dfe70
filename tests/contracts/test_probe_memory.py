from __future__ import annotations

from typing import Any

from agentcore_contracts import probe_memory


class Pages:
    """A client of the control plane that has these memories, in two pages."""

    def __init__(self, *memories: tuple[str, str]) -> None:
        self.memories = [{"id": memory_id, "status": status} for memory_id, status in memories]

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_memories"
        return self

    def paginate(self) -> Any:
        return [{"memories": self.memories[:1]}, {"memories": self.memories[1:]}]


def test_a_memory_is_found_by_its_whole_name() -> None:
    others = [("agentcore_contracts_2-0123456789", "ACTIVE"), ("my_agentcore_contracts-0123456789", "ACTIVE")]
    assert probe_memory.found(Pages(*others)) is None
    there = ("agentcore_contracts-abcdefghij", "ACTIVE")
    assert probe_memory.found(Pages(*others, there)) == there[0]


def test_a_memory_that_is_being_deleted_is_not_there() -> None:
    going, there = ("agentcore_contracts-abcdefghij", "DELETING"), ("agentcore_contracts-0123456789", "CREATING")
    assert probe_memory.found(Pages(going)) is None
    assert probe_memory.found(Pages(going, there)) == there[0]


def test_the_name_can_be_another() -> None:
    assert probe_memory.definition()["name"] == probe_memory.NAME
    assert probe_memory.definition("mine") == {**probe_memory.definition(), "name": "mine"}
