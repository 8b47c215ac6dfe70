from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.memory.extraction.self_managed import triggers
from agentcore_emulator.memory.extraction.self_managed.triggers import Triggers


def text(content: str) -> dict[str, Any]:
    return {"eventId": "1#a", "messageIndex": 0, "role": "USER", "text": content}


def blob(content: Any) -> dict[str, Any]:
    return {"eventId": "1#a", "messageIndex": 0, "blob": content}


THREE = Triggers(messages=3, tokens=100, idle=20_000)


@pytest.mark.parametrize(
    ("waiting", "struck"),
    [
        ([], 0),
        ([text("a")] * 2, 0),
        ([text("a")] * 3, 3),
        ([text("a")] * 8, 3),
        ([text("a"), blob("b"), text("c"), blob("d"), text("e"), blob("f")], 5),
        ([{"eventId": "1#a", "messageIndex": 0, "json": {"a": 1}}] * 3, 3),
        ([text("a" * 399)], 1),
        ([text("a" * 396)], 0),
        ([text("a" * 396), text("b"), text("c")], 2),
        ([blob("b" * 400)], 1),
        ([blob("")] * triggers.LONGEST, triggers.LONGEST),
        ([blob("")] * (triggers.LONGEST - 1), 0),
    ],
)
def test_what_is_enough(waiting: list[dict[str, Any]], struck: int) -> None:
    assert THREE.struck(waiting) == struck


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        (text("a"), 1),
        (text("abcd"), 1),
        (text("abcde"), 2),
        (blob("abcde"), 2),
        (blob(None), 1),
        (blob({"é": 1}), 2),
        ({"eventId": "1#a", "messageIndex": 0, "json": [1, 2]}, 2),
    ],
)
def test_a_token_is_four_characters(message: dict[str, Any], tokens: int) -> None:
    assert triggers.tokens(message) == tokens


def test_those_of_a_strategy() -> None:
    conditions = [
        {"timeBasedTrigger": {"idleSessionTimeout": 30}},
        {"messageBasedTrigger": {"messageCount": 2}},
        {"tokenBasedTrigger": {"tokenCount": 500}},
    ]
    strategy = {"configuration": {"selfManagedConfiguration": {"triggerConditions": conditions}}}
    assert Triggers.of(strategy) == Triggers(messages=2, tokens=500, idle=30_000)
