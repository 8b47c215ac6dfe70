from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agentcore_contracts import memory
from agentcore_contracts.memory import Memory


def memory_of(*, aws: bool) -> Memory:
    runtime: Any = SimpleNamespace(client=None, is_aws=aws)
    return Memory(runtime, "memory-0123456789")


def test_actors_and_conversations_are_new() -> None:
    one, other = memory_of(aws=False), memory_of(aws=False)
    assert one.actor != other.actor
    assert one.new_conversation() != one.new_conversation()


def test_an_emulator_is_asked_once() -> None:
    found = iter(["old", "new"])
    assert memory_of(aws=False).eventually(lambda: next(found), "new") == "old"


def test_aws_is_asked_until_it_has_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LOOK_SECONDS", 0)
    found = iter(["old", "old", "new", "never asked for"])
    assert memory_of(aws=True).eventually(lambda: next(found), "new") == "new"


def test_aws_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LAG_SECONDS", 0)
    assert memory_of(aws=True).eventually(lambda: "old", "new") == "old"


def test_a_reading_is_repeated_for_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LOOK_SECONDS", 0)
    found = iter(range(5))
    assert memory_of(aws=True).until(lambda: next(found), lambda number: number == 3) == 3
    assert memory_of(aws=True).until(lambda: 0, bool, seconds=0) == 0
    assert memory_of(aws=False).until(lambda: 0, bool) == 0
