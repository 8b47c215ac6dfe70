from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, ServiceQuotaExceededException
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store
from agentcore_emulator.tags import Tags

Call = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def arn(plane: MemoryPlane, memory: str) -> str:
    shown = await plane.operations["GetMemory"]({"memoryId": memory})
    return str(shown["memory"]["arn"])


@pytest.fixture
def call(plane: MemoryPlane, store: Store, clock: Clock, arn: str) -> Call:
    """`await call("TagResource", tags=...)` on the memory, or on the resource that `resourceArn` names."""

    tags = Tags(store, clock, [plane.tagged])

    async def called(operation: str, **given: Any) -> dict[str, Any]:
        return await tags.operations[operation]({"resourceArn": arn, **given})

    return called


async def test_tags_come_and_go(call: Call) -> None:
    assert await call("ListTagsForResource") == {"tags": {}}
    assert await call("TagResource", tags={"team": "a", "stage": "dev"}) == {}
    assert await call("TagResource", tags={"team": "b", "owner": ""}) == {}
    assert await call("ListTagsForResource") == {"tags": {"team": "b", "stage": "dev", "owner": ""}}
    assert await call("UntagResource", tagKeys=["stage", "never there"]) == {}
    assert await call("ListTagsForResource") == {"tags": {"team": "b", "owner": ""}}


async def test_tags_are_not_shown_with_the_memory_and_survive_its_updates(
    plane: MemoryPlane, memory: str, call: Call
) -> None:
    await call("TagResource", tags={"team": "a"})
    answer = await plane.operations["UpdateMemory"]({"memoryId": memory, "description": "d"})
    assert "tags" not in answer["memory"]
    assert await call("ListTagsForResource") == {"tags": {"team": "a"}}


async def test_a_resource_has_50_tags(call: Call) -> None:
    await call("TagResource", tags={f"k{n}": "" for n in range(50)})
    await call("TagResource", tags={"k0": "another value"})
    with pytest.raises(ServiceQuotaExceededException) as caught:
        await call("TagResource", tags={"one more": ""})
    assert caught.value.message == "A resource has at most 50 tags, and would have 51"
    assert len((await call("ListTagsForResource"))["tags"]) == 50


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource", "ListTagsForResource"])
async def test_only_memories_that_are_there_have_tags(
    plane: MemoryPlane, memory: str, arn: str, call: Call, operation: str
) -> None:
    given = {"tags": {"a": "b"}, "tagKeys": ["a"]}
    others = [
        arn.replace("memory/", "runtime/"),
        arn.replace("us-east-1", "eu-west-1"),
        arn[:-1] + ("a" if arn[-1] != "a" else "b"),
    ]
    for other in others:
        with pytest.raises(ResourceNotFoundException) as caught:
            await call(operation, resourceArn=other, **given)
        assert caught.value.message == f"Resource not found: {other}"
    await plane.operations["DeleteMemory"]({"memoryId": memory})
    with pytest.raises(ResourceNotFoundException):
        await call(operation, **given)
