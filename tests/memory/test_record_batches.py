from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException

NEW_YEAR = 1_767_225_600.0
DAY = 86_400.0
NOWHERE = f"mem-{'0' * 36}"
Call = Callable[..., Awaitable[dict[str, Any]]]
Make = Callable[..., Awaitable[str]]


def new(identifier: str = "r", text: str = "text", **more: Any) -> dict[str, Any]:
    return {
        "requestIdentifier": identifier,
        "namespaces": ["/a/"],
        "content": {"text": text},
        "timestamp": NEW_YEAR,
        **more,
    }


@pytest.fixture
def memory(indexed: str) -> str:
    return indexed


@pytest.fixture
def get(call: Call) -> Call:
    """`await get(id)`: a record, without what the service notes of it."""

    async def got(record_id: str) -> dict[str, Any]:
        record: dict[str, Any] = (await call("GetMemoryRecord", memoryRecordId=record_id))["memoryRecord"]
        metadata = {k: v for k, v in record["metadata"].items() if not k.startswith("x-amz-")}
        return {**record, "metadata": metadata}

    return got


@pytest.fixture
def update(call: Call) -> Call:
    """`await update(id, ...)`: the entry of the one record in the answer."""

    async def updated(record_id: str, expiry: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        record = {"memoryRecordId": record_id, "timestamp": NEW_YEAR + 1, **changes}
        specification = {} if expiry is None else {"recordExpirySpecification": expiry}
        answer = await call("BatchUpdateMemoryRecords", records=[record], **specification)
        entries: list[dict[str, Any]] = answer["successfulRecords"] + answer["failedRecords"]
        (entry,) = entries
        assert entry in answer["successfulRecords" if entry["status"] == "SUCCEEDED" else "failedRecords"]
        return entry

    return updated


async def test_records_are_made_in_order(call: Call) -> None:
    answer = await call("BatchCreateMemoryRecords", records=[new("one", "1"), new("two", "2")])
    assert answer["failedRecords"] == []
    one, two = answer["successfulRecords"]
    assert (one["requestIdentifier"], two["requestIdentifier"]) == ("one", "two")
    assert one == {"memoryRecordId": one["memoryRecordId"], "status": "SUCCEEDED", "requestIdentifier": "one"}
    assert len(one["memoryRecordId"]) == 40
    page = await call("ListMemoryRecords", namespace="/a/")
    assert [r["memoryRecordId"] for r in page["memoryRecordSummaries"]] == [
        two["memoryRecordId"],
        one["memoryRecordId"],
    ]


async def test_an_empty_batch_does_nothing(call: Call) -> None:
    for operation in ("BatchCreateMemoryRecords", "BatchUpdateMemoryRecords", "BatchDeleteMemoryRecords"):
        assert await call(operation, records=[]) == {"successfulRecords": [], "failedRecords": []}


async def test_a_record_without_a_namespace_is_in_the_root(make: Make, get: Call) -> None:
    assert (await get(await make("text", namespaces=[])))["namespaces"] == ["/"]


async def test_a_token_that_was_seen_makes_nothing_new(call: Call) -> None:
    first = await call("BatchCreateMemoryRecords", clientToken="t", records=[new("one"), new("two")])
    again = await call("BatchCreateMemoryRecords", clientToken="t", records=[new("one", "other"), new("two", "other")])
    assert again == first
    page = await call("ListMemoryRecords", namespace="/a/")
    assert [record["content"]["text"] for record in page["memoryRecordSummaries"]] == ["text", "text"]


async def test_other_tokens_make_other_records(call: Call) -> None:
    other = (await call("CreateMemory", name="other", eventExpiryDuration=7))["memory"]["id"]
    made = [
        (await call("BatchCreateMemoryRecords", records=[new()], **given))["successfulRecords"][0]["memoryRecordId"]
        for given in ({"clientToken": "t"}, {"clientToken": "u"}, {}, {}, {"memoryId": other, "clientToken": "t"})
    ]
    assert len(set(made)) == 5


async def test_what_cannot_be_kept_fails_alone(call: Call, get: Call) -> None:
    records = [
        new("reserved", metadata={"x-amz-agentcore-memory-b": {"stringValue": "v"}, "x-amz-agentcore-memory-a": {}}),
        new("good", metadata={"colour": {"stringValue": "red"}}),
        new("type", metadata={"colour": {"numberValue": 1.0}}),
        new("list", metadata={"tags": {"stringValue": "v"}}),
        new("infinite", metadata={"n": {"numberValue": float("inf")}}),
        new("strategy", memoryStrategyId="Nothing-0123456789"),
    ]
    answer = await call("BatchCreateMemoryRecords", records=records)
    (good,) = answer["successfulRecords"]
    assert (await get(good["memoryRecordId"]))["metadata"] == {"colour": {"stringValue": "red"}}
    failed = {entry.pop("requestIdentifier"): entry for entry in answer["failedRecords"]}
    assert {name: (entry["status"], entry["errorCode"]) for name, entry in failed.items()} == {
        "reserved": ("FAILED", 400),
        "type": ("FAILED", 400),
        "list": ("FAILED", 400),
        "infinite": ("FAILED", 400),
        "strategy": ("FAILED", 404),
    }
    assert failed["reserved"]["errorMessage"] == (
        "Metadata keys cannot use reserved names or prefixes: x-amz-agentcore-memory-a, x-amz-agentcore-memory-b"
    )
    assert failed["type"]["errorMessage"] == (
        "Metadata key 'colour' value type does not match declared indexed key type 'STRING'."
    )
    assert failed["strategy"]["errorMessage"] == "Memory strategy not found: Nothing-0123456789"
    assert all(len(entry["memoryRecordId"]) == 40 for entry in failed.values())
    assert len((await call("ListMemoryRecords", namespacePath="/"))["memoryRecordSummaries"]) == 1


async def test_a_strategy_keeps_the_keys_of_its_schema(make: Make, get: Call, strategy: str) -> None:
    metadata = {"priority": {"stringValue": "high"}, "colour": {"stringValue": "red"}, "n": {"numberValue": 1.0}}
    under = await get(await make("text", memoryStrategyId=strategy, metadata=metadata))
    assert under["metadata"] == {"priority": {"stringValue": "high"}}
    assert (await get(await make("text", metadata=metadata)))["metadata"] == metadata


async def test_an_expiry_that_is_to_be_removed_makes_no_sense_yet(call: Call) -> None:
    with pytest.raises(ValidationException, match="REMOVE does not apply when creating records"):
        await call("BatchCreateMemoryRecords", records=[], recordExpirySpecification={"action": "REMOVE"})


async def test_an_update_changes_what_it_mentions(
    make: Make, update: Call, get: Call, strategy: str, advance: Callable[[float], None]
) -> None:
    made = await make("text", metadata={"k": {"stringValue": "v"}})
    before = await get(made)
    advance(1)
    assert await update(made) == {"memoryRecordId": made, "status": "SUCCEEDED"}
    assert await get(made) == {**before, "timestamp": NEW_YEAR + 1}
    await update(made, content={"text": "new"})
    await update(made, namespaces=["b"])
    await update(made, memoryStrategyId=strategy)
    await update(made, metadata={"l": {"numberValue": 1.0}})
    after = {
        "content": {"text": "new"},
        "namespaces": ["/b/"],
        "memoryStrategyId": strategy,
        "metadata": {"l": {"numberValue": 1.0}},
    }
    assert await get(made) == {**before, "timestamp": NEW_YEAR + 1, **after}


async def test_an_update_shows_in_the_metadata_of_the_service(
    make: Make, call: Call, update: Call, advance: Callable[[float], None]
) -> None:
    made = await make("text")
    advance(1)
    await update(made)
    metadata = (await call("GetMemoryRecord", memoryRecordId=made))["memoryRecord"]["metadata"]
    assert metadata["x-amz-agentcore-memory-createdAt"] == {"dateTimeValue": NEW_YEAR}
    assert metadata["x-amz-agentcore-memory-updatedAt"] == {"dateTimeValue": NEW_YEAR + DAY}


async def test_an_updated_record_stays_in_its_place_of_the_listing(make: Make, update: Call, call: Call) -> None:
    first, second = await make("1"), await make("2")
    await update(first, content={"text": "3"})
    page = await call("ListMemoryRecords", namespacePath="/")
    assert [record["memoryRecordId"] for record in page["memoryRecordSummaries"]] == [second, first]


async def test_an_update_that_names_no_namespace_moves_nothing(make: Make, update: Call, get: Call) -> None:
    made = await make("text", "/a/")
    await update(made, namespaces=[])
    assert (await get(made))["namespaces"] == ["/a/"]


async def test_an_update_follows_the_schema_of_the_strategy_that_it_names(
    make: Make, update: Call, get: Call, strategy: str
) -> None:
    made = await make("text", memoryStrategyId=strategy)
    metadata = {"priority": {"stringValue": "low"}, "other": {"stringValue": "v"}}
    await update(made, memoryStrategyId=strategy, metadata=metadata)
    assert (await get(made))["metadata"] == {"priority": {"stringValue": "low"}}
    await update(made, metadata=metadata)
    assert (await get(made))["metadata"] == metadata


async def test_an_update_that_fails_changes_nothing(make: Make, update: Call, get: Call) -> None:
    made = await make("text", metadata={"colour": {"stringValue": "red"}})
    before = await get(made)
    entry = await update(made, content={"text": "new"}, metadata={"colour": {"dateTimeValue": 1.0}})
    assert (entry["status"], entry["errorCode"]) == ("FAILED", 400)
    assert "requestIdentifier" not in entry
    entry = await update(made, content={"text": "new"}, metadata={"x-amz-agentcore-memory-recordType": {}})
    assert entry["errorMessage"].startswith("Metadata keys cannot use reserved names or prefixes: ")
    entry = await update(made, content={"text": "new"}, memoryStrategyId="Nothing-0123456789")
    assert entry["errorCode"] == 404
    assert await get(made) == before


async def test_an_unknown_record_fails_alone(make: Make, call: Call, update: Call) -> None:
    missing = {"memoryRecordId": NOWHERE, "status": "FAILED", "errorCode": 404}
    missing["errorMessage"] = f"Memory record not found: {NOWHERE}"
    assert await update(NOWHERE) == missing
    made = await make("text")
    records = [{"memoryRecordId": NOWHERE}, {"memoryRecordId": made, "namespace": "/x/"}, {"memoryRecordId": made}]
    answer = await call("BatchDeleteMemoryRecords", records=records)
    assert answer["successfulRecords"] == [{"memoryRecordId": made, "status": "SUCCEEDED"}]
    again = {"memoryRecordId": made, "errorMessage": f"Memory record not found: {made}"}
    assert answer["failedRecords"] == [missing, {**missing, **again}]
    assert (await call("ListMemoryRecords", namespacePath="/"))["memoryRecordSummaries"] == []


async def test_an_expiry_begins_anew_with_an_update(
    make: Make, update: Call, get: Call, advance: Callable[[float], None]
) -> None:
    made = await make("text", expiry=40)
    assert (await get(made))["expiresAt"] == NEW_YEAR + 40 * DAY
    advance(10)
    await update(made)
    assert (await get(made))["expiresAt"] == NEW_YEAR + 50 * DAY
    await update(made, {"recordExpiryDurationDays": 31})
    advance(1)
    await update(made)
    assert (await get(made))["expiresAt"] == NEW_YEAR + 42 * DAY
    await update(made, {"action": "REMOVE"})
    assert "expiresAt" not in await get(made)
    await update(made)
    assert "expiresAt" not in await get(made)
    await update(made, {"recordExpiryDurationDays": 31})
    assert (await get(made))["expiresAt"] == NEW_YEAR + 42 * DAY


async def test_an_expired_record_is_unknown(make: Make, update: Call, advance: Callable[[float], None]) -> None:
    made = await make("text", expiry=31)
    advance(31)
    assert (await update(made))["errorCode"] == 404


async def test_a_token_makes_a_record_anew_when_the_first_is_gone(call: Call, advance: Callable[[float], None]) -> None:
    given = {"clientToken": "t", "records": [new()], "recordExpirySpecification": {"recordExpiryDurationDays": 31}}
    first = await call("BatchCreateMemoryRecords", **given)
    advance(31)
    assert await call("BatchCreateMemoryRecords", **given) == first
    assert len((await call("ListMemoryRecords", namespacePath="/"))["memoryRecordSummaries"]) == 1
