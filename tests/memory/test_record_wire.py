"""Memory records as real clients see them: boto3 and the SDK's own memory client against a running emulator."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

AGENT = Path(__file__).parents[2] / "agent" / "memory_agent.py"
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)
TEXTS = ["I like sushi with tuna", "The user lives in Berlin", "The user designs bridges"]


@pytest.fixture(scope="module")
def data(emulator: EmulatorProcess) -> Any:
    return emulator.client("bedrock-agentcore")


@pytest.fixture
def memory(emulator: EmulatorProcess) -> Iterator[str]:
    control = emulator.client("bedrock-agentcore-control")
    indexed = [{"key": "priority", "type": "NUMBER"}]
    created = control.create_memory(name=f"m{uuid.uuid4().hex}", eventExpiryDuration=7, indexedKeys=indexed)
    yield created["memory"]["id"]
    control.delete_memory(memoryId=created["memory"]["id"])


def records(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "requestIdentifier": f"r{number}",
            "namespaces": ["/facts/ada:1/"],
            "content": {"text": text},
            "timestamp": WHEN,
            **more,
        }
        for number, text in enumerate(texts)
    ]


def test_a_record_from_beginning_to_end(data: Any, memory: str) -> None:
    metadata = {
        "priority": {"numberValue": 1.5},
        "tags": {"stringListValue": ["x", "y"]},
        "seen": {"dateTimeValue": WHEN},
        "by": {"stringValue": "a@b"},
    }
    days = {"recordExpiryDurationDays": 31}
    answer = data.batch_create_memory_records(
        memoryId=memory, records=records("text", metadata=metadata), recordExpirySpecification=days
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["failedRecords"] == []
    (made,) = answer["successfulRecords"]
    record_id = made["memoryRecordId"]
    assert made == {"memoryRecordId": record_id, "status": "SUCCEEDED", "requestIdentifier": "r0"}

    record = data.get_memory_record(memoryId=memory, memoryRecordId=record_id)["memoryRecord"]
    assert record["expiresAt"] - record["createdAt"] == dt.timedelta(days=31)
    system = {name: record["metadata"].pop(f"x-amz-agentcore-memory-{name}") for name in ("createdAt", "updatedAt")}
    assert system["createdAt"] == {"dateTimeValue": record["createdAt"]}
    assert record["metadata"].pop("x-amz-agentcore-memory-recordType") == {"stringValue": "BASE"}
    assert record == {
        "memoryRecordId": record_id,
        "content": {"text": "text"},
        "namespaces": ["/facts/ada:1/"],
        "createdAt": record["createdAt"],
        "timestamp": WHEN,
        "metadata": metadata,
        "expiresAt": record["expiresAt"],
    }

    changes = [{"memoryRecordId": record_id, "timestamp": WHEN, "content": {"text": "new"}}]
    answer = data.batch_update_memory_records(memoryId=memory, records=changes)
    assert answer["successfulRecords"] == [{"memoryRecordId": record_id, "status": "SUCCEEDED"}]
    (listed,) = data.list_memory_records(memoryId=memory, namespacePath="/facts")["memoryRecordSummaries"]
    assert listed["content"] == {"text": "new"}
    assert "score" not in listed

    assert data.delete_memory_record(memoryId=memory, memoryRecordId=record_id)["memoryRecordId"] == record_id
    for gone in (data.get_memory_record, data.delete_memory_record):
        with pytest.raises(data.exceptions.ResourceNotFoundException, match="Memory record not found: mem-"):
            gone(memoryId=memory, memoryRecordId=record_id)
    answer = data.batch_delete_memory_records(memoryId=memory, records=[{"memoryRecordId": record_id}])
    assert [failed["errorCode"] for failed in answer["failedRecords"]] == [404]


def test_paginators(data: Any, memory: str) -> None:
    data.batch_create_memory_records(memoryId=memory, records=records(*(f"sushi {n}" for n in range(7))))
    pages = data.get_paginator("list_memory_records").paginate(
        memoryId=memory, namespace="facts/ada:1", PaginationConfig={"PageSize": 3}
    )
    assert [len(page["memoryRecordSummaries"]) for page in pages] == [3, 3, 1]
    pages = data.get_paginator("retrieve_memory_records").paginate(
        memoryId=memory,
        namespacePath="/",
        searchCriteria={"searchQuery": "sushi", "topK": 5},
        PaginationConfig={"PageSize": 3},
    )
    assert [len(page["memoryRecordSummaries"]) for page in pages] == [3, 2]


def test_a_search(data: Any, memory: str) -> None:
    data.batch_create_memory_records(memoryId=memory, records=records(*TEXTS))
    criteria = {"searchQuery": "What do I like to eat?", "topK": 2}
    found = data.retrieve_memory_records(memoryId=memory, namespacePath="/facts/", searchCriteria=criteria)
    best, other = found["memoryRecordSummaries"]
    assert best["content"]["text"] == TEXTS[0]
    assert best["score"] >= 0.7 > 0.2 > other["score"]


def test_a_filter(data: Any, memory: str) -> None:
    for priority in (1, 2):
        more = {"metadata": {"priority": {"numberValue": priority}}}
        data.batch_create_memory_records(memoryId=memory, records=records(f"priority {priority}", **more))
    above = {"left": {"metadataKey": "priority"}, "operator": "GREATER_THAN"}
    above["right"] = {"metadataValue": {"numberValue": 1}}
    since = {"left": {"metadataKey": "x-amz-agentcore-memory-createdAt"}, "operator": "AFTER"}
    since["right"] = {"metadataValue": {"dateTimeValue": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}}
    found = data.list_memory_records(memoryId=memory, namespacePath="/", metadataFilters=[above, since])
    assert [record["content"]["text"] for record in found["memoryRecordSummaries"]] == ["priority 2"]
    above["left"] = {"metadataKey": "unknown"}
    with pytest.raises(data.exceptions.ValidationException, match="Filter key 'unknown' is not a valid filter key"):
        data.list_memory_records(memoryId=memory, namespacePath="/", metadataFilters=[above])


@pytest.mark.parametrize(
    ("operation", "given", "broken"),
    [
        ("batch_create_memory_records", {"records": records(*["text"] * 101)}, "records"),
        ("batch_create_memory_records", {"records": records("x" * 16_001)}, "records.1.member.content.text"),
        ("batch_create_memory_records", {"records": records("x", namespaces=["/{a}/"])}, "records.1.member.namespaces"),
        ("list_memory_records", {"namespacePath": "/", "maxResults": 101}, "maxResults"),
        (
            "retrieve_memory_records",
            {"namespacePath": "/", "searchCriteria": {"searchQuery": "q" * 10_001}},
            "searchCriteria.searchQuery",
        ),
        (
            "retrieve_memory_records",
            {"namespacePath": "/", "searchCriteria": {"searchQuery": "q", "topK": 101}},
            "searchCriteria.topK",
        ),
        ("get_memory_record", {"memoryRecordId": "mem-" + "!" * 36}, "memoryRecordId"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_limits_of_the_model(data: Any, memory: str, operation: str, given: dict[str, Any], broken: str) -> None:
    with pytest.raises(data.exceptions.ValidationException, match=f"1 validation error detected: .*'{broken}'"):
        getattr(data, operation)(memoryId=memory, **given)


def test_a_batch_that_is_sent_again(data: Any, memory: str) -> None:
    given = {"memoryId": memory, "records": records(*TEXTS), "clientToken": "t" * 200}
    first = data.batch_create_memory_records(**given)
    assert data.batch_create_memory_records(**given)["successfulRecords"] == first["successfulRecords"]
    listed = data.list_memory_records(memoryId=memory, namespacePath="/")["memoryRecordSummaries"]
    assert [record["content"]["text"] for record in listed] == TEXTS[::-1]


def test_records_are_found_by_meaning_after_a_kill(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    given = {"namespacePath": "/", "searchCriteria": {"searchQuery": "What do I like to eat?"}}
    with EmulatorProcess(AGENT, *state) as first:
        control = first.client("bedrock-agentcore-control")
        memory = control.create_memory(name="m", eventExpiryDuration=7)["memory"]["id"]
        data = first.client("bedrock-agentcore")
        data.batch_create_memory_records(memoryId=memory, records=records(*TEXTS))
        before = data.retrieve_memory_records(memoryId=memory, **given)["memoryRecordSummaries"]
        first.kill()
    with EmulatorProcess(AGENT, *state, "--retrieval", "embeddings") as second:
        data = second.client("bedrock-agentcore")
        after = data.retrieve_memory_records(memoryId=memory, **given)["memoryRecordSummaries"]
        assert after[0]["content"]["text"] == before[0]["content"]["text"] == TEXTS[0]
        assert after[0]["score"] >= 0.7
        data.batch_create_memory_records(memoryId=memory, records=records("He eats ramen"))
        again = data.retrieve_memory_records(memoryId=memory, **given)["memoryRecordSummaries"]
        assert len(again) == 4
        second.kill()
    with EmulatorProcess(AGENT, *state) as third:
        data = third.client("bedrock-agentcore")
        assert len(data.retrieve_memory_records(memoryId=memory, **given)["memoryRecordSummaries"]) == 4
