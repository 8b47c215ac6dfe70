from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import NotImplementedException, ResourceNotFoundException, ValidationException
from agentcore_emulator.memory import MemoryPlane

NEW_YEAR = 1_767_225_600.0
Call = Callable[..., Awaitable[dict[str, Any]]]
Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@pytest.fixture
def create(plane: MemoryPlane) -> Operation:
    return plane.operations["CreateMemory"]


async def test_a_memory_is_made_and_shown(create: Operation, plane: MemoryPlane) -> None:
    given = {
        "name": "my_notes",
        "eventExpiryDuration": 90,
        "description": "things to remember",
        "memoryExecutionRoleArn": "arn:aws:iam::123456789012:role/r",
        "encryptionKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
        "indexedKeys": [{"key": "priority", "type": "NUMBER"}],
        "namespaceKeys": [{"key": "team", "validation": {"allowedValues": ["a"]}}],
        "streamDeliveryResources": {"resources": []},
        "memoryStrategies": [],
        "tags": {"team": "a"},
        "clientToken": "t" * 40,
    }
    made = (await create(given))["memory"]
    assert re.fullmatch(r"my_notes-[a-zA-Z0-9]{10}", made["id"])
    assert made == {
        "id": made["id"],
        "arn": f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{made['id']}",
        "status": "CREATING",
        "createdAt": NEW_YEAR,
        "updatedAt": NEW_YEAR,
        "strategies": [],
        **{name: value for name, value in given.items() if name not in ("clientToken", "memoryStrategies", "tags")},
    }
    shown = (await plane.operations["GetMemory"]({"memoryId": made["id"], "view": "full"}))["memory"]
    assert shown == {**made, "status": "ACTIVE"}


async def test_only_what_was_given_is_shown(create: Operation) -> None:
    made = (await create({"name": "plain", "eventExpiryDuration": 3}))["memory"]
    assert set(made) == {
        "id", "arn", "name", "eventExpiryDuration", "status", "createdAt", "updatedAt", "strategies",
    }  # fmt: skip


async def test_a_name_is_taken_once(create: Operation, plane: MemoryPlane) -> None:
    first = (await create({"name": "notes", "eventExpiryDuration": 7}))["memory"]
    with pytest.raises(ValidationException) as caught:
        await create({"name": "notes", "eventExpiryDuration": 7})
    assert caught.value.message == "Memory with name 'notes' already exists"
    assert caught.value.reason == "ResourceConflict"
    await create({"name": "Notes", "eventExpiryDuration": 7})
    await plane.operations["DeleteMemory"]({"memoryId": first["id"]})
    assert (await create({"name": "notes", "eventExpiryDuration": 7}))["memory"]["id"] != first["id"]


async def test_a_repeated_token_gives_the_memory_it_made(create: Operation, plane: MemoryPlane) -> None:
    given = {"name": "notes", "eventExpiryDuration": 7, "clientToken": "t"}
    first, second = await asyncio.gather(create(given), create(given))
    assert first == second
    assert await create({"name": "other", "eventExpiryDuration": 9, "clientToken": "t"}) == first
    assert len((await plane.operations["ListMemories"]({}))["memories"]) == 1


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("memoryStrategies", [{"semanticMemoryStrategy": {"name": "facts"}}]),
        (
            "streamDeliveryResources",
            {
                "resources": [
                    {
                        "kinesis": {
                            "dataStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
                            "contentConfigurations": [{"type": "MEMORY_RECORDS", "level": "FULL_CONTENT"}],
                        }
                    }
                ]
            },
        ),
    ],
)
async def test_what_needs_long_term_memory_is_refused_by_name(
    create: Operation, plane: MemoryPlane, member: str, value: Any
) -> None:
    with pytest.raises(NotImplementedException, match=f"CreateMemory with {member}"):
        await create({"name": "notes", "eventExpiryDuration": 7, member: value})
    assert (await plane.operations["ListMemories"]({}))["memories"] == []


async def test_memories_are_listed_newest_first_in_pages(create: Operation, plane: MemoryPlane) -> None:
    made = [(await create({"name": f"m{n}", "eventExpiryDuration": 7}))["memory"] for n in range(12)]
    newest_first = [memory["id"] for memory in reversed(made)]
    listing = plane.operations["ListMemories"]

    first = await listing({})
    assert [memory["id"] for memory in first["memories"]] == newest_first[:10]
    assert first["memories"][0] == {
        "id": made[11]["id"],
        "arn": made[11]["arn"],
        "status": "ACTIVE",
        "createdAt": NEW_YEAR,
        "updatedAt": NEW_YEAR,
    }
    # A memory that comes between two pages shifts nothing, nor does one that goes.
    await create({"name": "late", "eventExpiryDuration": 7})
    await plane.operations["DeleteMemory"]({"memoryId": made[2]["id"]})
    second = await listing({"nextToken": first["nextToken"], "maxResults": 1})
    third = await listing({"nextToken": second["nextToken"], "maxResults": 1})
    assert [memory["id"] for page in (second, third) for memory in page["memories"]] == newest_first[10:]
    assert "nextToken" not in third


async def test_a_deleted_memory_is_gone_with_all_that_was_in_it(call: Call, memory: str, create: Operation) -> None:
    await call("CreateEvent", actorId="a", sessionId="s", eventTimestamp=1.0, payload=[], clientToken="t")
    assert await call("DeleteMemory") == {"memoryId": memory, "status": "DELETING"}
    for operation in ("GetMemory", "DeleteMemory", "ListActors", "ListEvents"):
        with pytest.raises(ResourceNotFoundException) as caught:
            await call(operation, actorId="a", sessionId="s")
        assert caught.value.message == f"Memory not found: {memory}"
    again = (await create({"name": "notes", "eventExpiryDuration": 7}))["memory"]["id"]
    assert (await call("ListActors", memoryId=again))["actorSummaries"] == []
    assert (await call("ListEvents", memoryId=again, actorId="a", sessionId="s"))["events"] == []


DATA_PLANE: dict[str, dict[str, Any]] = {
    "CreateEvent": {"actorId": "a", "sessionId": "s", "eventTimestamp": 1.0, "payload": []},
    "GetEvent": {"actorId": "a", "sessionId": "s", "eventId": "0000000000000001000#00000000"},
    "ListEvents": {"actorId": "a", "sessionId": "s"},
    "DeleteEvent": {"actorId": "a", "sessionId": "s", "eventId": "0000000000000001000#00000000"},
    "ListActors": {},
    "ListSessions": {"actorId": "a"},
}


@pytest.mark.parametrize("operation", DATA_PLANE)
async def test_the_data_plane_knows_memories_by_id_and_arn(call: Call, memory: str, operation: str) -> None:
    given = DATA_PLANE[operation]
    arn = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{memory}"
    if operation in ("GetEvent", "DeleteEvent"):
        with pytest.raises(ResourceNotFoundException, match="Unable to find event"):
            await call(operation, memoryId=arn, **given)
    else:
        await call(operation, memoryId=arn, **given)

    for unknown in ("notes-0000000000", arn.replace("us-east-1", "eu-west-1"), arn.replace("123456789012", "1" * 12)):
        with pytest.raises(ResourceNotFoundException) as missing:
            await call(operation, memoryId=unknown, **given)
        assert missing.value.message == f"Memory not found: {unknown}"
    with pytest.raises(ValidationException) as malformed:
        await call(operation, memoryId="invalid-memory-id", **given)
    assert malformed.value.message == "Invalid memoryId: not a valid memory ID or ARN"
