from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException

NEW_YEAR = 1_767_225_600.0
NOWHERE = f"mem-{'0' * 36}"
Call = Callable[..., Awaitable[dict[str, Any]]]
Make = Callable[..., Awaitable[str]]
Listed = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def listed(call: Call) -> Listed:
    """The texts of all records of a namespace, page by page."""

    async def all_texts(size: int = 100, **given: Any) -> list[str]:
        texts: list[str] = []
        page = await call("ListMemoryRecords", maxResults=size, **given)
        while True:
            texts += [record["content"]["text"] for record in page["memoryRecordSummaries"]]
            if "nextToken" not in page:
                return texts
            page = await call("ListMemoryRecords", maxResults=size, nextToken=page["nextToken"], **given)

    return all_texts


async def test_a_record_shows_what_it_was_made_of(make: Make, call: Call) -> None:
    made = await make("The user likes tea", "facts/ada", metadata={"k": {"stringValue": "v"}}, timestamp=1.5)
    answer = await call("GetMemoryRecord", memoryRecordId=made, namespace="/elsewhere/")
    assert answer == {
        "memoryRecord": {
            "memoryRecordId": made,
            "content": {"text": "The user likes tea"},
            "namespaces": ["/facts/ada/"],
            "createdAt": NEW_YEAR,
            "timestamp": 1.5,
            "metadata": {
                "k": {"stringValue": "v"},
                "x-amz-agentcore-memory-recordType": {"stringValue": "BASE"},
                "x-amz-agentcore-memory-createdAt": {"dateTimeValue": NEW_YEAR},
                "x-amz-agentcore-memory-updatedAt": {"dateTimeValue": NEW_YEAR},
            },
        }
    }
    page = await call("ListMemoryRecords", namespace="/facts/ada/")
    assert page == {"memoryRecordSummaries": [answer["memoryRecord"]]}


async def test_a_deleted_record_is_gone(make: Make, call: Call, listed: Listed) -> None:
    made = await make("a")
    assert await call("DeleteMemoryRecord", memoryRecordId=made) == {"memoryRecordId": made}
    for operation in ("GetMemoryRecord", "DeleteMemoryRecord"):
        with pytest.raises(ResourceNotFoundException) as caught:
            await call(operation, memoryRecordId=made)
        assert caught.value.message == f"Memory record not found: {made}"
    assert await listed(namespacePath="/") == []


async def test_a_namespace_is_exact_and_a_path_is_not(make: Make, listed: Listed) -> None:
    for namespace in ("/facts/", "/facts/ab/", "/facts/ab/s1/", "/facts/abc/", "/other/facts/"):
        await make(namespace, namespace)
    assert await listed(namespace="/facts/ab/") == ["/facts/ab/"]
    assert await listed(namespace="facts/ab") == ["/facts/ab/"]
    assert await listed(namespace="/") == []
    assert await listed(namespacePath="/facts/ab") == ["/facts/ab/s1/", "/facts/ab/"]
    assert await listed(namespacePath="facts/") == ["/facts/abc/", "/facts/ab/s1/", "/facts/ab/", "/facts/"]
    assert len(await listed(namespacePath="/")) == 5
    assert await listed(namespacePath="/nothing") == []


@pytest.mark.parametrize("operation", ["ListMemoryRecords", "RetrieveMemoryRecords"])
async def test_one_of_namespace_and_path_is_needed(call: Call, operation: str) -> None:
    search = {"searchCriteria": {"searchQuery": "q"}} if operation == "RetrieveMemoryRecords" else {}
    with pytest.raises(ValidationException) as caught:
        await call(operation, **search)
    assert caught.value.message == "At least one of 'namespace' or 'namespacePath' must be provided"
    with pytest.raises(ValidationException) as caught:
        await call(operation, namespace="/a/", namespacePath="/a/", **search)
    assert caught.value.message == "Only one of 'namespace' or 'namespacePath' can be provided"


async def test_a_listing_may_be_of_one_strategy(make: Make, listed: Listed, strategy: str) -> None:
    await make("with", memoryStrategyId=strategy)
    await make("without")
    assert await listed(namespacePath="/", memoryStrategyId=strategy) == ["with"]
    assert await listed(namespacePath="/", memoryStrategyId="Other-0123456789") == []


async def test_a_record_shows_its_strategy(make: Make, call: Call, strategy: str) -> None:
    made = await make("with", memoryStrategyId=strategy)
    record = (await call("GetMemoryRecord", memoryRecordId=made))["memoryRecord"]
    assert record["memoryStrategyId"] == strategy


async def test_pages_stay_right_while_records_come_and_go(make: Make, call: Call) -> None:
    ids = [await make(str(number)) for number in range(6)]
    first = await call("ListMemoryRecords", namespacePath="/", maxResults=2)
    assert [record["content"]["text"] for record in first["memoryRecordSummaries"]] == ["5", "4"]
    await call("DeleteMemoryRecord", memoryRecordId=ids[4])
    await call("DeleteMemoryRecord", memoryRecordId=ids[2])
    await make("6")
    rest = await call("ListMemoryRecords", namespacePath="/", nextToken=first["nextToken"])
    assert [record["content"]["text"] for record in rest["memoryRecordSummaries"]] == ["3", "1", "0"]
    assert "nextToken" not in rest


async def test_a_page_has_twenty_records_unless_told(make: Make, call: Call) -> None:
    for number in range(21):
        await make(str(number))
    page = await call("ListMemoryRecords", namespacePath="/")
    assert len(page["memoryRecordSummaries"]) == 20


@pytest.mark.parametrize(
    "other",
    [{"namespacePath": "/facts"}, {"namespace": "/"}, {"namespacePath": "/", "memoryStrategyId": "S-0123456789"}],
    ids=str,
)
async def test_a_token_is_good_for_its_listing(make: Make, call: Call, other: dict[str, Any]) -> None:
    for _ in range(2):
        await make("text")
    token = (await call("ListMemoryRecords", namespacePath="/", maxResults=1))["nextToken"]
    with pytest.raises(ValidationException, match="Invalid nextToken"):
        await call("ListMemoryRecords", nextToken=token, **other)


async def test_an_expired_record_is_gone(
    make: Make, call: Call, listed: Listed, advance: Callable[[float], None]
) -> None:
    made = await make("short", expiry=31)
    await make("long")
    advance(30.9)
    record = (await call("GetMemoryRecord", memoryRecordId=made))["memoryRecord"]
    assert record["expiresAt"] == NEW_YEAR + 31 * 86_400
    assert await listed(namespacePath="/") == ["long", "short"]
    advance(0.1)
    with pytest.raises(ResourceNotFoundException):
        await call("GetMemoryRecord", memoryRecordId=made)
    with pytest.raises(ResourceNotFoundException):
        await call("DeleteMemoryRecord", memoryRecordId=made)
    assert await listed(namespacePath="/") == ["long"]


async def test_only_one_record_shows_when_it_expires(make: Make, call: Call) -> None:
    await make("short", expiry=31)
    (record,) = (await call("ListMemoryRecords", namespacePath="/"))["memoryRecordSummaries"]
    assert "expiresAt" not in record


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("GetMemoryRecord", {"memoryRecordId": NOWHERE}),
        ("DeleteMemoryRecord", {"memoryRecordId": NOWHERE}),
        ("ListMemoryRecords", {"namespacePath": "/"}),
        ("RetrieveMemoryRecords", {"namespacePath": "/", "searchCriteria": {"searchQuery": "q"}}),
        ("BatchCreateMemoryRecords", {"records": []}),
        ("BatchUpdateMemoryRecords", {"records": []}),
        ("BatchDeleteMemoryRecords", {"records": []}),
    ],
)
async def test_a_memory_must_exist(call: Call, operation: str, given: dict[str, Any]) -> None:
    with pytest.raises(ResourceNotFoundException, match="Memory not found: nothing-0123456789"):
        await call(operation, memoryId="nothing-0123456789", **given)
    with pytest.raises(ValidationException, match="Invalid memoryId"):
        await call(operation, memoryId="nothing", **given)


async def test_memories_are_apart(make: Make, call: Call, listed: Listed) -> None:
    made = await make("text")
    other = (await call("CreateMemory", name="other", eventExpiryDuration=7))["memory"]["id"]
    with pytest.raises(ResourceNotFoundException):
        await call("GetMemoryRecord", memoryId=other, memoryRecordId=made)
    assert await listed(memoryId=other, namespacePath="/") == []
