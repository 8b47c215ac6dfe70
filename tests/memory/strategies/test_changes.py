from __future__ import annotations

import re
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.strategies import Strategy, changed, made


def stored(name: str, member: str = "semanticMemoryStrategy") -> Strategy:
    return {**made({member: {"name": name}}), "id": f"{name}-0123456789"}


def modification(name: str, **more: str) -> dict[str, str]:
    return {"memoryStrategyId": f"{name}-0123456789", **more}


CURRENT = [stored("a"), stored("b", "summaryMemoryStrategy"), stored("c", "userPreferenceMemoryStrategy")]


def test_nothing() -> None:
    empty: dict[str, list[Any]] = {
        "addMemoryStrategies": [],
        "modifyMemoryStrategies": [],
        "deleteMemoryStrategies": [],
    }
    for given in ({}, empty):
        changes = changed(CURRENT, given)
        assert not changes
        assert changes.applied(CURRENT) == CURRENT


def test_all_three_at_once() -> None:
    changes = changed(
        CURRENT,
        {
            "addMemoryStrategies": [{"episodicMemoryStrategy": {"name": "d"}}],
            "modifyMemoryStrategies": [modification("b", description="first"), modification("b", description="last")],
            "deleteMemoryStrategies": [modification("a")],
        },
    )
    assert changes
    assert changes.deleted == [CURRENT[0]]
    assert [one["settings"]["description"] for one in changes.modified] == ["last"]
    assert [re.sub("-.*", "", one["id"]) for one in changes.added] == ["d"]
    assert [one["name"] for one in changes.applied(CURRENT)] == ["b", "c", "d"]
    assert changes.applied(CURRENT)[0]["settings"]["description"] == "last"
    assert "description" not in CURRENT[1]["settings"]


def test_strategies_that_are_not_there() -> None:
    with pytest.raises(ValidationException) as deleted:
        changed(CURRENT, {"deleteMemoryStrategies": [modification("z"), modification("a"), modification("y")]})
    assert deleted.value.message == "Cannot delete non-existent memory strategies: y-0123456789, z-0123456789"
    with pytest.raises(ValidationException) as unknown:
        changed(CURRENT, {"modifyMemoryStrategies": [modification("z")]})
    assert unknown.value.message == "Cannot modify non-existent memory strategies: z-0123456789"
    with pytest.raises(ValidationException, match="Cannot modify non-existent memory strategies: a-0123456789"):
        changed(CURRENT, {"deleteMemoryStrategies": [modification("a")], "modifyMemoryStrategies": [modification("a")]})
