from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException

NEW_YEAR = 1_767_225_600.0
SYSTEM = "x-amz-agentcore-memory-"
Call = Callable[..., Awaitable[dict[str, Any]]]
Make = Callable[..., Awaitable[str]]
Matching = Callable[..., Awaitable[list[int]]]

# The n-th record has the n-th metadata.
METADATA: list[dict[str, Any] | None] = [
    None,
    {"colour": {"stringValue": "red"}, "weight": {"numberValue": 1.5}},
    {"colour": {"stringValue": "Red"}, "tags": {"stringListValue": ["x", "y"]}},
    {"tags": {"stringListValue": ["xy"]}, "weight": {"numberValue": -2.0}},
    {"weight": {"numberValue": 1.5}, "other": {"stringValue": "red"}},
]
MEMBERS = {str: "stringValue", float: "numberValue", int: "numberValue", list: "stringListValue"}


def expression(key: str, operator: str, value: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"left": {"metadataKey": key}, "operator": operator}
    if value is not None:
        content = value if isinstance(value, dict) else {MEMBERS[type(value)]: value}
        made["right"] = {"metadataValue": content}
    return made


def date(seconds: float) -> dict[str, float]:
    return {"dateTimeValue": seconds}


@pytest.fixture
def memory(indexed: str) -> str:
    return indexed


@pytest.fixture
async def matching(call: Call, make: Make) -> Matching:
    for number, metadata in enumerate(METADATA):
        await make(str(number), **({} if metadata is None else {"metadata": metadata}))

    async def numbers(*filters: tuple[Any, ...]) -> list[int]:
        page = await call("ListMemoryRecords", namespacePath="/", metadataFilters=[expression(*f) for f in filters])
        return sorted(int(record["content"]["text"]) for record in page["memoryRecordSummaries"])

    return numbers


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("colour", "EQUALS_TO", "red")], [1]),
        ([("colour", "EQUALS_TO", "Red")], [2]),
        ([("colour", "EQUALS_TO", "re")], []),
        ([("weight", "EQUALS_TO", 1.5)], [1, 4]),
        ([("weight", "EQUALS_TO", -2)], [3]),
        ([("weight", "GREATER_THAN", 1.5)], []),
        ([("weight", "GREATER_THAN", -2.0)], [1, 4]),
        ([("weight", "GREATER_THAN_OR_EQUALS", 1.5)], [1, 4]),
        ([("weight", "LESS_THAN", 1.5)], [3]),
        ([("weight", "LESS_THAN_OR_EQUALS", 1.5)], [1, 3, 4]),
        ([("tags", "CONTAINS", "x")], [2]),
        ([("tags", "CONTAINS", "xy")], [3]),
        ([("tags", "CONTAINS", "X")], []),
        ([("tags", "EXISTS")], [2, 3]),
        ([("tags", "NOT_EXISTS")], [0, 1, 4]),
        ([("colour", "NOT_EXISTS"), ("weight", "EXISTS")], [3, 4]),
        ([("colour", "EXISTS"), ("colour", "NOT_EXISTS")], []),
        ([("weight", "GREATER_THAN", 0.0), ("weight", "LESS_THAN", 2.0), ("colour", "EQUALS_TO", "red")], [1]),
    ],
    ids=str,
)
async def test_what_a_filter_finds(matching: Matching, filters: list[tuple[Any, ...]], found: list[int]) -> None:
    assert await matching(*filters) == found


async def test_what_the_service_notes_can_be_filtered_by(
    call: Call, make: Make, advance: Callable[[float], None]
) -> None:
    first = await make("0")
    advance(1)
    await make("1")
    advance(1)
    await call("BatchUpdateMemoryRecords", records=[{"memoryRecordId": first, "timestamp": 0.0}])

    async def numbers(*filters: tuple[Any, ...]) -> list[int]:
        page = await call("ListMemoryRecords", namespacePath="/", metadataFilters=[expression(*f) for f in filters])
        return sorted(int(record["content"]["text"]) for record in page["memoryRecordSummaries"])

    day = 86_400.0
    assert await numbers((f"{SYSTEM}createdAt", "BEFORE", date(NEW_YEAR + day))) == [0]
    assert await numbers((f"{SYSTEM}createdAt", "BEFORE", date(NEW_YEAR + day + 0.0001))) == [0, 1]
    assert await numbers((f"{SYSTEM}createdAt", "AFTER", date(NEW_YEAR))) == [1]
    assert await numbers((f"{SYSTEM}createdAt", "AFTER", date(NEW_YEAR - 0.001))) == [0, 1]
    assert await numbers((f"{SYSTEM}updatedAt", "AFTER", date(NEW_YEAR + day))) == [0]
    assert await numbers((f"{SYSTEM}recordType", "EQUALS_TO", "BASE")) == [0, 1]
    assert await numbers((f"{SYSTEM}recordType", "EQUALS_TO", "REFLECTION")) == []
    assert await numbers((f"{SYSTEM}updatedAt", "EXISTS")) == [0, 1]
    assert await numbers((f"{SYSTEM}recordType", "NOT_EXISTS")) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("other", "EQUALS_TO", "red"), "Filter key 'other' is not a valid filter key"),
        (("other", "EXISTS"), "Filter key 'other' is not a valid filter key"),
        ((f"{SYSTEM}id", "EXISTS"), f"Filter key '{SYSTEM}id' is not a valid filter key"),
        (
            ("weight", "EQUALS_TO", "1.5"),
            "Filter key 'weight' value type does not match declared indexed key type 'NUMBER'",
        ),
        (
            ("colour", "EQUALS_TO", 1),
            "Filter key 'colour' value type does not match declared indexed key type 'STRING'",
        ),
        (
            ("tags", "CONTAINS", ["x"]),
            "Filter key 'tags' value type does not match declared indexed key type 'STRINGLIST'",
        ),
        (
            (f"{SYSTEM}createdAt", "BEFORE", 1),
            f"Filter key '{SYSTEM}createdAt' value type does not match declared indexed key type 'DATETIME'",
        ),
        (("colour", "CONTAINS", "r"), "Operator 'CONTAINS' is not supported for filter key 'colour' of type 'STRING'"),
        (
            ("tags", "EQUALS_TO", ["x", "y"]),
            "Operator 'EQUALS_TO' is not supported for filter key 'tags' of type 'STRINGLIST'",
        ),
        (
            ("colour", "LESS_THAN", "x"),
            "Operator 'LESS_THAN' is not supported for filter key 'colour' of type 'STRING'",
        ),
        (
            ("weight", "AFTER", date(1.0)),
            "Operator 'AFTER' is not supported for filter key 'weight' of type 'NUMBER'",
        ),
        (
            ("weight", "LESS_THAN"),
            "Value at 'metadataFilters.1.member.right' failed to satisfy constraint: "
            "Member must not be null with LESS_THAN",
        ),
    ],
    ids=str,
)
async def test_a_filter_that_makes_no_sense(matching: Matching, given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        await matching(given)
    assert caught.value.message == message


async def test_a_search_takes_filters_as_well(call: Call, matching: Matching) -> None:
    criteria = {"searchQuery": "3", "metadataFilters": [expression("weight", "GREATER_THAN", 0.0)]}
    page = await call("RetrieveMemoryRecords", namespacePath="/", searchCriteria=criteria)
    assert [record["content"]["text"] for record in page["memoryRecordSummaries"]] == ["4", "1"]
    criteria["metadataFilters"] = [expression("weight", "GREATER_THAN", 0.0), expression("weight", "LESS_THAN")]
    with pytest.raises(ValidationException) as caught:
        await call("RetrieveMemoryRecords", namespacePath="/", searchCriteria=criteria)
    assert [name for name, _ in caught.value.fields] == ["searchCriteria.metadataFilters.2.member.right"]
