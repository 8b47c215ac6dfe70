"""Long-term memory: records as a pipeline of one's own writes, lists, filters and deletes them."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.long_term import LongTerm, record, words

_MODEL = "botocore 1.44 bedrock-agentcore model"
_NAMESPACES = "AWS developer guide, 'Specify long-term memory organization with namespaces'"
_OBSERVED = "emp3thy/better-memory, which has it of the live service"
_SYSTEM = "x-amz-agentcore-memory-"
_UNKNOWN = "mem-00000000-0000-4000-8000-000000000000"


@contract(
    "LT-001",
    title="BatchCreateMemoryRecords is 201 with an outcome for each record: its id, SUCCEEDED, its requestIdentifier",
    evidence="aws-model",
    source=f"{_MODEL}, BatchCreateMemoryRecords: 201, MemoryRecordOutput, MemoryRecordId",
)
def test_creation(long_term: LongTerm) -> None:
    """No order of the outcomes is promised."""
    records = [record(text, long_term.own(), requestIdentifier=text) for text in ("one", "two")]
    answer = long_term.client.batch_create_memory_records(memoryId=long_term.memory.id, records=records)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["failedRecords"] == []
    outcomes = answer["successfulRecords"]
    assert sorted(outcome["requestIdentifier"] for outcome in outcomes) == ["one", "two"]
    assert {outcome["status"] for outcome in outcomes} == {"SUCCEEDED"}
    ids = {outcome["memoryRecordId"] for outcome in outcomes}
    assert len(ids) == 2
    assert all(one.startswith("mem-") and 40 <= len(one) <= 50 for one in ids)


@contract(
    "LT-002",
    title="GetMemoryRecord and ListMemoryRecords show a record as it was given, and no score",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryRecord and MemoryRecordSummary",
)
def test_a_record_is_shown(long_term: LongTerm) -> None:
    """Metadata of each type."""
    long_term.needs_keys()
    metadata = {
        "colour": {"stringValue": "green"},
        "tags": {"stringListValue": ["a", "b"]},
        "weight": {"numberValue": 1.5},
    }
    (made,) = long_term.make("text", metadata=metadata)
    shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=made)["memoryRecord"]
    (listed,) = long_term.records(long_term.own())
    for found in (shown, listed):
        assert found["memoryRecordId"] == made
        assert found["content"] == {"text": "text"}
        assert found["namespaces"] == [long_term.own()]
        assert found["timestamp"] == long_term.memory.start
        assert isinstance(found["createdAt"], datetime.datetime)
        assert "score" not in found
    own = {key: value for key, value in shown["metadata"].items() if not key.startswith(_SYSTEM)}
    assert own == metadata


@contract(
    "LT-003",
    title="A record's text is any of 1 to 16,000 characters, and comes back as it was",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryContent.text: max 16000",
)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example(text="x" * 16_000)
def test_texts(long_term: LongTerm, text: str) -> None:
    """Spaces and line ends at either end too."""
    (made,) = long_term.make(text, namespace=long_term.own(uuid.uuid4().hex))
    shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=made)["memoryRecord"]
    assert shown["content"]["text"] == text


@contract(
    "LT-004",
    title="A batch has up to 100 records, and a record's text up to 16,000 characters; more is a ValidationException"
    " for the whole batch",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryRecordsCreateInputList: max 100; MemoryContent.text: max 16000",
)
@pytest.mark.parametrize("texts", [["x"] * 101, ["x", "x" * 16_001]], ids=["records", "characters"])
def test_too_much(long_term: LongTerm, texts: list[str]) -> None:
    """Nothing of it is saved."""
    records = [record(text, long_term.own(), requestIdentifier=f"r{n}") for n, text in enumerate(texts)]
    with pytest.raises(long_term.client.exceptions.ValidationException):
        long_term.client.batch_create_memory_records(memoryId=long_term.memory.id, records=records)
    assert long_term.records(long_term.own()) == []


@contract(
    "LT-005",
    title="A namespace has a slash at either end, however it was given, and is found however it is given",
    evidence="aws-docs",
    source=_NAMESPACES,
)
def test_slashes(long_term: LongTerm) -> None:
    """Both to save and to list."""
    for number, form in enumerate(("/{}/", "{}", "/{}", "{}/")):
        inner = f"contracts/slashes{number}/{long_term.memory.actor}"
        long_term.make("text", namespace=form.format(inner))
        for asked in ("/{}/", "{}", "/{}", "{}/"):
            (found,) = long_term.records(asked.format(inner))
            assert found["namespaces"] == [f"/{inner}/"]


@contract(
    "LT-006",
    title="`namespace` means one namespace alone, `namespacePath` also those below it in the hierarchy, and not those"
    " that merely begin like it",
    evidence="aws-docs",
    source=_NAMESPACES,
)
def test_paths(long_term: LongTerm) -> None:
    """`…/ab` is not above `…/abc`."""
    root = f"/contracts/paths/{long_term.memory.actor}"
    for name in ("ab", "ab/c", "abc", "a"):
        long_term.make(name, namespace=f"{root}/{name}/")

    def below(path: str) -> list[str]:
        request = {"memoryId": long_term.memory.id, "namespacePath": path}
        return sorted(words(long_term.client.list_memory_records(**request)["memoryRecordSummaries"]))

    assert words(long_term.records(f"{root}/ab/")) == ["ab"]
    assert words(long_term.records(root)) == []
    assert below(f"{root}/ab/") == below(f"{root}/ab") == ["ab", "ab/c"]
    assert below(f"{root}/") == ["a", "ab", "ab/c", "abc"]


@contract(
    "LT-007",
    title="ListMemoryRecords and RetrieveMemoryRecords need a namespace or a path: without, ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, ListMemoryRecordsInput and RetrieveMemoryRecordsInput: either of both is required",
)
def test_no_namespace(long_term: LongTerm) -> None:
    """Though the model can mark neither as required."""
    with pytest.raises(long_term.client.exceptions.ValidationException):
        long_term.client.list_memory_records(memoryId=long_term.memory.id)
    with pytest.raises(long_term.client.exceptions.ValidationException):
        long_term.client.retrieve_memory_records(memoryId=long_term.memory.id, searchCriteria={"searchQuery": "x"})


@contract(
    "LT-008",
    title="Whatever the size of its pages, ListMemoryRecords has every record of a namespace once",
    evidence="aws-model",
    source=f"{_MODEL}, ListMemoryRecordsInput.maxResults: 1 to 100, and nextToken",
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages(long_term: LongTerm, size: int) -> None:
    """Seven records, in pages of less, of just as many and of more; 101 is too much."""
    made = long_term.make(*(f"text {number}" for number in range(7)))
    pages = list(
        long_term.client.get_paginator("list_memory_records").paginate(
            memoryId=long_term.memory.id, namespace=long_term.own(), maxResults=size
        )
    )
    assert all(len(page["memoryRecordSummaries"]) <= size for page in pages)
    listed = [found["memoryRecordId"] for page in pages for found in page["memoryRecordSummaries"]]
    assert sorted(listed) == sorted(made)
    with pytest.raises(long_term.client.exceptions.ValidationException):
        long_term.records(long_term.own(), maxResults=101)


@contract(
    "LT-009",
    title="A batch that is sent again with its clientToken saves nothing anew",
    evidence="aws-model",
    source=f"{_MODEL}, BatchCreateMemoryRecords: idempotent, clientToken",
)
def test_a_token_of_a_batch(long_term: LongTerm) -> None:
    """The outcomes are those of the first time."""
    request = {
        "memoryId": long_term.memory.id,
        "records": [record("once", long_term.own())],
        "clientToken": f"token-{uuid.uuid4()}",
    }
    first, again = (long_term.client.batch_create_memory_records(**request)["successfulRecords"] for _ in range(2))
    assert [one["memoryRecordId"] for one in again] == [one["memoryRecordId"] for one in first]
    assert words(long_term.indexed(lambda: long_term.records(long_term.own()), bool)) == ["once"]


@contract(
    "LT-010",
    title="BatchUpdateMemoryRecords changes what it mentions of a record, and nothing else",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryRecordUpdateInput: only id and timestamp are required",
)
def test_updates(long_term: LongTerm) -> None:
    """The text, and then the namespace."""
    changed, other = long_term.make("old", "other", metadata={"colour": {"stringValue": "red"}})

    def update(**members: Any) -> dict[str, Any]:
        change = {"memoryRecordId": changed, "timestamp": long_term.memory.start, **members}
        answer = long_term.client.batch_update_memory_records(memoryId=long_term.memory.id, records=[change])
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert [one["memoryRecordId"] for one in answer["successfulRecords"]] == [changed]
        shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=changed)
        found: dict[str, Any] = shown["memoryRecord"]
        return found

    after = update(content={"text": "new"})
    assert (after["content"], after["namespaces"]) == ({"text": "new"}, [long_term.own()])
    assert after["metadata"]["colour"] == {"stringValue": "red"}
    moved = update(namespaces=[long_term.own("moved")])
    assert (moved["content"], moved["namespaces"]) == ({"text": "new"}, [long_term.own("moved")])

    def listed() -> list[str]:
        return [found["memoryRecordId"] for found in long_term.records(long_term.own())]

    assert long_term.indexed(listed, lambda found: found == [other]) == [other]


@contract(
    "LT-011",
    title="DeleteMemoryRecord gives the record's id back, and the record is 404 from then on",
    evidence="aws-model",
    source=f"{_MODEL}, DeleteMemoryRecordOutput, and ResourceNotFoundException: 404",
)
def test_deletion(long_term: LongTerm) -> None:
    """Also for a second DeleteMemoryRecord."""
    gone, kept = long_term.make("gone", "kept")
    where = {"memoryId": long_term.memory.id, "memoryRecordId": gone}
    assert long_term.client.delete_memory_record(**where)["memoryRecordId"] == gone
    for operation in (long_term.client.get_memory_record, long_term.client.delete_memory_record):
        with pytest.raises(long_term.client.exceptions.ResourceNotFoundException):
            operation(**where)

    def listed() -> list[str]:
        return [found["memoryRecordId"] for found in long_term.records(long_term.own())]

    assert long_term.indexed(listed, lambda found: found == [kept]) == [kept]


@contract(
    "LT-012",
    title="BatchDeleteMemoryRecords deletes the records that it names, and no others",
    evidence="aws-model",
    source=f"{_MODEL}, BatchDeleteMemoryRecords",
)
def test_deletion_in_batches(long_term: LongTerm) -> None:
    """Two of three."""
    *gone, kept = long_term.make("a", "b", "c")
    answer = long_term.client.batch_delete_memory_records(
        memoryId=long_term.memory.id, records=[{"memoryRecordId": one} for one in gone]
    )
    assert sorted(one["memoryRecordId"] for one in answer["successfulRecords"]) == sorted(gone)

    def listed() -> list[str]:
        return [found["memoryRecordId"] for found in long_term.records(long_term.own())]

    assert long_term.indexed(listed, lambda found: found == [kept]) == [kept]


@contract(
    "LT-013",
    title="Records succeed and fail by themselves: one whose metadata has the wrong type is in failedRecords with 400,"
    " and the batch is 201",
    evidence="field-report",
    source=_OBSERVED,
)
def test_a_record_that_fails(long_term: LongTerm) -> None:
    """A number for a key that is indexed as a string."""
    long_term.needs_keys()
    records = [
        record("good", long_term.own(), requestIdentifier="good"),
        record("bad", long_term.own(), requestIdentifier="bad", metadata={"colour": {"numberValue": 1}}),
    ]
    answer = long_term.client.batch_create_memory_records(memoryId=long_term.memory.id, records=records)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert [one["requestIdentifier"] for one in answer["successfulRecords"]] == ["good"]
    (failed,) = answer["failedRecords"]
    assert (failed["requestIdentifier"], failed["status"], failed["errorCode"]) == ("bad", "FAILED", 400)
    assert "value type does not match declared indexed key type" in failed["errorMessage"]
    assert words(long_term.indexed(lambda: long_term.records(long_term.own()), bool)) == ["good"]


@contract(
    "LT-021",
    title="A record that is to expire shows when, to GetMemoryRecord alone; another one does not",
    evidence="aws-model",
    source=f"{_MODEL}, RecordExpirySpecification, MemoryRecord.expiresAt",
)
def test_expiry(long_term: LongTerm) -> None:
    """After 31 days, which is the least."""
    answer = long_term.client.batch_create_memory_records(
        memoryId=long_term.memory.id,
        records=[record("text", long_term.own())],
        recordExpirySpecification={"recordExpiryDurationDays": 31},
    )
    (lasting,) = long_term.make("other", namespace=long_term.own("others"))
    made = answer["successfulRecords"][0]["memoryRecordId"]
    shown = [
        long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=one)["memoryRecord"]
        for one in (made, lasting)
    ]
    assert shown[0]["expiresAt"] - shown[0]["createdAt"] == datetime.timedelta(days=31)
    assert "expiresAt" not in shown[1]
    (listed,) = long_term.indexed(lambda: long_term.records(long_term.own()), bool)
    assert "expiresAt" not in listed


@contract(
    "LT-022",
    title="Ids of records and namespaces that break the model's patterns are a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryRecordId: mem-, 40 to 50 characters; Namespace",
)
def test_broken_ids(long_term: LongTerm) -> None:
    """A namespace with the braces of a template, too."""
    for broken in ("rec-00000000-0000-4000-8000-000000000000", f"mem-{'!' * 36}", f"mem-{'0' * 47}"):
        with pytest.raises(long_term.client.exceptions.ValidationException):
            long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=broken)
    for namespace in ("/facts/{actorId}/", "/a b/", "/ä/", "/" + "a" * 1024):
        with pytest.raises(long_term.client.exceptions.ValidationException):
            long_term.records(namespace)
    with pytest.raises(long_term.client.exceptions.ResourceNotFoundException):
        long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=_UNKNOWN)
