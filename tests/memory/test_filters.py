from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException

Call = Callable[..., Awaitable[dict[str, Any]]]
Matching = Callable[..., Awaitable[list[int]]]

# The n-th event has the n-th metadata.
METADATA: list[dict[str, str] | None] = [
    None,
    {},
    {"k": "v"},
    {"k": "V"},
    {"k": "v", "other": "w"},
    {"k": "", "a.b": "1"},
    {"a": "nested?", "a b\tc": "tab\nline", "x:/=+@-": "@"},
    {"k": "1"},
]


def equals(key: str, value: str) -> dict[str, Any]:
    return {
        "left": {"metadataKey": key},
        "operator": "EQUALS_TO",
        "right": {"metadataValue": {"stringValue": value}},
    }


def exists(key: str) -> dict[str, Any]:
    return {"left": {"metadataKey": key}, "operator": "EXISTS"}


def absent(key: str) -> dict[str, Any]:
    return {"left": {"metadataKey": key}, "operator": "NOT_EXISTS"}


@pytest.fixture
async def matching(call: Call) -> Matching:
    for number, metadata in enumerate(METADATA):
        given: dict[str, Any] = {"actorId": "a", "sessionId": "s", "eventTimestamp": float(number), "payload": []}
        if metadata is not None:
            given["metadata"] = {key: {"stringValue": value} for key, value in metadata.items()}
        await call("CreateEvent", **given)

    async def numbers(*filters: dict[str, Any], **branch: Any) -> list[int]:
        narrowed = {"eventMetadata": list(filters), **branch}
        page = await call("ListEvents", actorId="a", sessionId="s", filter=narrowed)
        return sorted(int(event["eventTimestamp"]) for event in page["events"])

    return numbers


async def test_equals_to_is_the_whole_string(matching: Matching) -> None:
    assert await matching(equals("k", "v")) == [2, 4]
    assert await matching(equals("k", "V")) == [3]
    assert await matching(equals("k", "")) == [5]
    assert await matching(equals("k", "1")) == [7]
    assert await matching(equals("K", "v")) == []
    assert await matching(equals("v", "k")) == []


async def test_exists(matching: Matching) -> None:
    assert await matching(exists("k")) == [2, 3, 4, 5, 7]
    assert await matching(exists("other")) == [4]
    assert await matching(exists("nothing")) == []


async def test_not_exists_matches_events_without_metadata_too(matching: Matching) -> None:
    assert await matching(absent("k")) == [0, 1, 6]
    assert await matching(absent("other")) == [0, 1, 2, 3, 5, 6, 7]


async def test_all_must_match(matching: Matching) -> None:
    assert await matching(equals("k", "v"), absent("other")) == [2]
    assert await matching(equals("k", "v"), exists("other"), equals("other", "w")) == [4]
    assert await matching(equals("k", "v"), equals("k", "V")) == []
    assert await matching(exists("k"), absent("k")) == []


async def test_keys_are_not_paths(matching: Matching) -> None:
    assert await matching(exists("a.b")) == [5]
    assert await matching(exists("a")) == [6]
    assert await matching(equals("a b\tc", "tab\nline")) == [6]
    assert await matching(equals("x:/=+@-", "@")) == [6]


async def test_together_with_a_branch(matching: Matching) -> None:
    assert await matching(exists("other"), branch={"name": "main"}) == [4]
    assert await matching(exists("other"), branch={"name": "b"}) == []


async def test_equals_to_needs_a_value(matching: Matching) -> None:
    with pytest.raises(ValidationException) as caught:
        await matching(exists("k"), {"left": {"metadataKey": "k"}, "operator": "EQUALS_TO"})
    assert [name for name, _ in caught.value.fields] == ["filter.eventMetadata.2.member.right"]
