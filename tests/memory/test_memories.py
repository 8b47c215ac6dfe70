from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.errors import (
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store
from agentcore_emulator.tags import Tags

if TYPE_CHECKING:
    from tests.memory.conftest import StillClock

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


KINESIS = {
    "kinesis": {
        "dataStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        "contentConfigurations": [{"type": "MEMORY_RECORDS", "level": "FULL_CONTENT"}],
    }
}
ROLE = "arn:aws:iam::123456789012:role/r"


async def test_a_stream_is_shown_again_and_needs_a_role(create: Operation) -> None:
    given = {"name": "notes", "eventExpiryDuration": 7, "streamDeliveryResources": {"resources": [KINESIS]}}
    with pytest.raises(ValidationException) as caught:
        await create(given)
    assert caught.value.message == "Please provide memoryExecutionRoleArn when streamDeliveryResources is specified"
    made = (await create({**given, "memoryExecutionRoleArn": ROLE}))["memory"]
    assert made["streamDeliveryResources"] == {"resources": [KINESIS]}


async def test_strategies_are_being_created_in_the_answer_and_active_right_after(
    create: Operation, plane: MemoryPlane
) -> None:
    strategies = [{"semanticMemoryStrategy": {"name": "facts"}}, {"summaryMemoryStrategy": {"name": "sums"}}]
    given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": strategies}
    made = (await create(given))["memory"]
    assert [one["status"] for one in made["strategies"]] == ["CREATING", "CREATING"]
    shown = (await plane.operations["GetMemory"]({"memoryId": made["id"]}))["memory"]
    assert shown["strategies"] == [{**one, "status": "ACTIVE"} for one in made["strategies"]]
    facts, _ = shown["strategies"]
    assert re.fullmatch(r"facts-[a-zA-Z0-9]{10}", facts["strategyId"])
    assert (facts["createdAt"], facts["updatedAt"]) == (NEW_YEAR, NEW_YEAR)


async def test_a_repeated_token_gives_the_strategies_too(create: Operation) -> None:
    strategies = [{"semanticMemoryStrategy": {"name": "facts"}}]
    given = {"name": "notes", "eventExpiryDuration": 7, "clientToken": "t", "memoryStrategies": strategies}
    assert await create(given) == await create(given)


async def test_a_memory_that_is_refused_leaves_nothing(create: Operation, plane: MemoryPlane) -> None:
    two = [{"semanticMemoryStrategy": {"name": "facts"}}, {"semanticMemoryStrategy": {"name": "more"}}]
    with pytest.raises(ValidationException, match="Only one strategy of each type is allowed"):
        await create({"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": two})
    assert (await plane.operations["ListMemories"]({}))["memories"] == []


async def test_a_region_has_150_memories(create: Operation, plane: MemoryPlane) -> None:
    made = [(await create({"name": f"m{n}", "eventExpiryDuration": 7}))["memory"] for n in range(150)]
    with pytest.raises(ServiceQuotaExceededException) as caught:
        await create({"name": "last", "eventExpiryDuration": 7})
    assert caught.value.message == "An account has at most 150 memories in a region"
    await plane.operations["DeleteMemory"]({"memoryId": made[0]["id"]})
    await create({"name": "last", "eventExpiryDuration": 7})


async def test_an_update_changes_what_it_mentions(
    create: Operation, plane: MemoryPlane, store: Store, clock: StillClock
) -> None:
    given = {
        "name": "notes",
        "eventExpiryDuration": 7,
        "description": "old",
        "indexedKeys": [{"key": "priority", "type": "NUMBER"}],
        "tags": {"team": "a"},
    }
    made = (await create(given))["memory"]
    clock.now += 60
    update = {
        "description": "new",
        "eventExpiryDuration": 30,
        "memoryExecutionRoleArn": ROLE,
        "addIndexedKeys": [{"key": "kind", "type": "STRING"}],
        "namespaceKeys": [{"key": "team"}],
        "streamDeliveryResources": {"resources": [KINESIS]},
    }
    answer = (await plane.operations["UpdateMemory"]({"memoryId": made["id"], **update}))["memory"]
    assert answer == {
        **made,
        **{name: value for name, value in update.items() if name != "addIndexedKeys"},
        "indexedKeys": [{"key": "priority", "type": "NUMBER"}, {"key": "kind", "type": "STRING"}],
        "status": "ACTIVE",
        "updatedAt": NEW_YEAR + 60,
    }
    assert (await plane.operations["GetMemory"]({"memoryId": made["id"]}))["memory"] == answer
    assert (await plane.operations["ListMemories"]({}))["memories"][0]["updatedAt"] == NEW_YEAR + 60
    tags = await Tags(store, clock, [plane.tagged]).operations["ListTagsForResource"]({"resourceArn": made["arn"]})
    assert tags == {"tags": {"team": "a"}}


async def test_a_new_expiry_is_for_later_events(call: Call, memory: str, advance: Callable[[float], None]) -> None:
    event = {"actorId": "a", "sessionId": "s", "payload": []}
    await call("CreateEvent", **event, eventTimestamp=1.0)
    await call("UpdateMemory", eventExpiryDuration=30)
    kept = await call("CreateEvent", **event, eventTimestamp=2.0)
    advance(8)
    assert (await call("ListEvents", actorId="a", sessionId="s"))["events"] == [kept["event"]]


async def test_strategies_are_added_modified_and_deleted_at_once(create: Operation, plane: MemoryPlane) -> None:
    strategies = [{"semanticMemoryStrategy": {"name": "facts"}}, {"summaryMemoryStrategy": {"name": "sums"}}]
    given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": strategies}
    made = (await create(given))["memory"]
    facts, sums = made["strategies"]
    answer = await plane.operations["UpdateMemory"](
        {
            "memoryId": made["id"],
            "memoryStrategies": {
                "addMemoryStrategies": [{"userPreferenceMemoryStrategy": {"name": "likes"}}],
                "modifyMemoryStrategies": [{"memoryStrategyId": facts["strategyId"], "description": "d"}],
                "deleteMemoryStrategies": [{"memoryStrategyId": sums["strategyId"]}],
            },
        }
    )
    assert answer["memory"]["status"] == "UPDATING"
    changed, likes = answer["memory"]["strategies"]
    assert changed == {**facts, "description": "d", "status": "ACTIVE"}
    assert (likes["name"], likes["type"], likes["status"]) == ("likes", "USER_PREFERENCE", "CREATING")
    shown = (await plane.operations["GetMemory"]({"memoryId": made["id"]}))["memory"]
    assert shown["status"] == "ACTIVE"
    assert shown["strategies"] == [changed, {**likes, "status": "ACTIVE"}]


async def test_the_token_of_the_last_update_changes_nothing(create: Operation, plane: MemoryPlane) -> None:
    made = (await create({"name": "notes", "eventExpiryDuration": 7}))["memory"]
    strategies = {"addMemoryStrategies": [{"semanticMemoryStrategy": {"name": "facts"}}]}
    given = {"memoryId": made["id"], "clientToken": "t", "memoryStrategies": strategies}
    await plane.operations["UpdateMemory"](given)
    again = (await plane.operations["UpdateMemory"]({**given, "description": "ignored"}))["memory"]
    assert [one["name"] for one in again["strategies"]] == ["facts"]
    assert "description" not in again
    with pytest.raises(ValidationException, match="already exists"):
        await plane.operations["UpdateMemory"]({**given, "clientToken": "u"})


async def test_an_update_that_is_refused_changes_nothing(create: Operation, plane: MemoryPlane) -> None:
    strategies = [{"semanticMemoryStrategy": {"name": "facts"}}]
    given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": strategies}
    memory_id = (await create(given))["memory"]["id"]
    before = await plane.operations["GetMemory"]({"memoryId": memory_id})
    refused: list[dict[str, Any]] = [
        {"memoryStrategies": {"addMemoryStrategies": [{"semanticMemoryStrategy": {"name": "more"}}]}},
        {"memoryStrategies": {"deleteMemoryStrategies": [{"memoryStrategyId": "facts-0000000000"}]}},
        {"addIndexedKeys": [{"key": "a", "type": "STRING"}, {"key": "a", "type": "NUMBER"}]},
        {"streamDeliveryResources": {"resources": [KINESIS]}},
    ]
    for update in refused:
        with pytest.raises(ValidationException):
            await plane.operations["UpdateMemory"]({"memoryId": memory_id, "description": "new", **update})
    assert await plane.operations["GetMemory"]({"memoryId": memory_id}) == before
    with pytest.raises(ResourceNotFoundException):
        await plane.operations["UpdateMemory"]({"memoryId": "notes-0000000000", "description": "new"})


async def test_indexed_keys_are_only_added(create: Operation, plane: MemoryPlane) -> None:
    keys = [{"key": f"k{n}", "type": "STRING"} for n in range(10)]
    memory_id = (await create({"name": "notes", "eventExpiryDuration": 7, "indexedKeys": keys[:9]}))["memory"]["id"]
    with pytest.raises(ValidationException, match="the key k0 is there already"):
        await plane.operations["UpdateMemory"]({"memoryId": memory_id, "addIndexedKeys": [keys[0]]})
    await plane.operations["UpdateMemory"]({"memoryId": memory_id, "addIndexedKeys": [keys[9]]})
    more = [{"key": "more", "type": "STRING"}]
    with pytest.raises(ValidationException, match="at most 10 indexed keys, and would have 11"):
        await plane.operations["UpdateMemory"]({"memoryId": memory_id, "addIndexedKeys": more})
    assert (await plane.operations["GetMemory"]({"memoryId": memory_id}))["memory"]["indexedKeys"] == keys


async def test_a_namespace_key_goes_when_nothing_refers_to_it(create: Operation, plane: MemoryPlane) -> None:
    strategies = [{"semanticMemoryStrategy": {"name": "facts", "namespaceTemplates": ["/{team}/{actorId}/"]}}]
    given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": strategies}
    keys = [{"key": "team"}, {"key": "tenant"}]
    made = (await create({**given, "namespaceKeys": keys}))["memory"]
    update = {"memoryId": made["id"], "namespaceKeys": [{"key": "team", "validation": {"allowedValues": ["a"]}}]}
    answer = (await plane.operations["UpdateMemory"](update))["memory"]
    assert answer["namespaceKeys"] == update["namespaceKeys"]
    with pytest.raises(ValidationException, match=r"facts refers to the namespace variable \{team\}"):
        await plane.operations["UpdateMemory"]({"memoryId": made["id"], "namespaceKeys": []})
    moved = [{"memoryStrategyId": made["strategies"][0]["strategyId"], "namespaceTemplates": ["/{actorId}/"]}]
    await plane.operations["UpdateMemory"](
        {"memoryId": made["id"], "namespaceKeys": [], "memoryStrategies": {"modifyMemoryStrategies": moved}}
    )
    assert (await plane.operations["GetMemory"]({"memoryId": made["id"]}))["memory"]["namespaceKeys"] == []


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
