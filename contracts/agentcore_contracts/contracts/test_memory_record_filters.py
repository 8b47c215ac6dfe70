"""Memory records: their metadata, filters over it, and the strategies that they are of."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from agentcore_contracts import contract
from agentcore_contracts.long_term import LongTerm, record, words

_MODEL = "botocore 1.44 bedrock-agentcore model"
_GUIDE = "AWS developer guide, 'Structured metadata for long-term memories'"
_OBSERVED = "emp3thy/better-memory, which has it of the live service"
_SYSTEM = "x-amz-agentcore-memory-"


def condition(key: str, operator: str, **value: Any) -> dict[str, Any]:
    """One expression of a filter on records."""
    right = {"right": {"metadataValue": value}} if value else {}
    return {"left": {"metadataKey": key}, "operator": operator, **right}


@contract(
    "LT-014",
    title="Every record has metadata of the service's own: that it is a BASE record, and when it was made and changed",
    evidence="aws-docs",
    source=_GUIDE,
)
def test_system_metadata(long_term: LongTerm) -> None:
    """Nobody else may set it: a record that tries fails."""
    (made,) = long_term.make("text")
    shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=made)["memoryRecord"]
    assert shown["metadata"][f"{_SYSTEM}recordType"] == {"stringValue": "BASE"}
    for name in ("createdAt", "updatedAt"):
        assert isinstance(shown["metadata"][f"{_SYSTEM}{name}"]["dateTimeValue"], datetime.datetime)
    forged = record("x", long_term.own(), metadata={f"{_SYSTEM}recordType": {"stringValue": "BASE"}})
    answer = long_term.client.batch_create_memory_records(memoryId=long_term.memory.id, records=[forged])
    assert answer["successfulRecords"] == []


@contract(
    "LT-015",
    title="Filters on records: EQUALS_TO, CONTAINS, the four comparisons, EXISTS and NOT_EXISTS, all ANDed",
    evidence="aws-docs",
    source=f"{_GUIDE}, supported operators",
)
def test_filters(long_term: LongTerm) -> None:
    """Each in a listing of four records."""
    long_term.needs_keys()
    for text, metadata in {
        "red": {"colour": {"stringValue": "red"}, "weight": {"numberValue": 1}},
        "green": {"colour": {"stringValue": "green"}, "weight": {"numberValue": 2.5}},
        "tagged": {"tags": {"stringListValue": ["a", "b b"]}, "weight": {"numberValue": 4}},
    }.items():
        long_term.make(text, metadata=metadata)
    long_term.make("plain")
    cases: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
        "equal": ([condition("colour", "EQUALS_TO", stringValue="red")], {"red"}),
        "equal number": ([condition("weight", "EQUALS_TO", numberValue=2.5)], {"green"}),
        "part": ([condition("colour", "EQUALS_TO", stringValue="re")], set()),
        "contains": ([condition("tags", "CONTAINS", stringValue="b b")], {"tagged"}),
        "contains part": ([condition("tags", "CONTAINS", stringValue="b")], set()),
        "greater": ([condition("weight", "GREATER_THAN", numberValue=2.5)], {"tagged"}),
        "greater or equal": ([condition("weight", "GREATER_THAN_OR_EQUALS", numberValue=2.5)], {"green", "tagged"}),
        "less": ([condition("weight", "LESS_THAN", numberValue=2.5)], {"red"}),
        "less or equal": ([condition("weight", "LESS_THAN_OR_EQUALS", numberValue=2.5)], {"red", "green"}),
        "there": ([condition("colour", "EXISTS")], {"red", "green"}),
        "not there": ([condition("colour", "NOT_EXISTS")], {"tagged", "plain"}),
        "both": ([condition("colour", "EXISTS"), condition("weight", "GREATER_THAN", numberValue=1)], {"green"}),
    }
    wanted = {name: found for name, (_, found) in cases.items()}

    def listed() -> dict[str, set[str]]:
        return {
            name: set(words(long_term.records(long_term.own(), metadataFilters=filters)))
            for name, (filters, _) in cases.items()
        }

    assert long_term.indexed(listed, lambda found: found == wanted) == wanted


@contract(
    "LT-016",
    title="The times when records were made and changed can be filtered by BEFORE and AFTER, without being indexed",
    evidence="aws-docs",
    source=_GUIDE,
)
@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
def test_filters_on_times(long_term: LongTerm, key: str) -> None:
    """Around the time that the record shows."""
    (made,) = long_term.make("text")
    shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=made)["memoryRecord"]
    at = shown["metadata"][f"{_SYSTEM}{key}"]["dateTimeValue"]

    def listed(operator: str, minutes: int) -> list[str]:
        value = at + datetime.timedelta(minutes=minutes)
        only = condition(f"{_SYSTEM}{key}", operator, dateTimeValue=value)
        return words(long_term.records(long_term.own(), metadataFilters=[only]))

    assert listed("AFTER", -1) == listed("BEFORE", 1) == ["text"]
    assert listed("AFTER", 1) == listed("BEFORE", -1) == []


@contract(
    "LT-017",
    title="A filter on a key that is not indexed is a ValidationException: it is not a valid filter key",
    evidence="field-report",
    source=_OBSERVED,
)
def test_filters_on_other_keys(long_term: LongTerm) -> None:
    """Though a record may have it."""
    long_term.make("text", metadata={"unknown": {"stringValue": "x"}})
    only = condition("unknown", "EQUALS_TO", stringValue="x")
    with pytest.raises(long_term.client.exceptions.ValidationException, match="not a valid filter key"):
        long_term.records(long_term.own(), metadataFilters=[only])


@contract(
    "LT-018",
    title="A filter has up to five conditions",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryMetadataFilterList: max 5",
)
def test_limits_of_filters(long_term: LongTerm) -> None:
    """Six are a ValidationException."""
    long_term.needs_keys()
    assert long_term.records(long_term.own(), metadataFilters=[condition("colour", "EXISTS")] * 5) == []
    with pytest.raises(long_term.client.exceptions.ValidationException):
        long_term.records(long_term.own(), metadataFilters=[condition("colour", "EXISTS")] * 6)


@contract(
    "LT-019",
    title="A record that is saved under a strategy shows it, and keeps of its metadata what the strategy's schema has",
    evidence="aws-docs",
    source=_GUIDE,
)
def test_records_of_a_strategy(long_term: LongTerm) -> None:
    """All else is dropped without an error."""
    strategy = long_term.strategy("SEMANTIC")
    if "memoryRecordSchema" not in strategy:
        pytest.skip("nothing was measured: the memory's semantic strategy has no schema")
    metadata = {"colour": {"stringValue": "red"}, "weight": {"numberValue": 1}}
    (made,) = long_term.make("text", memoryStrategyId=strategy["strategyId"], metadata=metadata)
    shown = long_term.client.get_memory_record(memoryId=long_term.memory.id, memoryRecordId=made)["memoryRecord"]
    assert shown["memoryStrategyId"] == strategy["strategyId"]
    own = {key: value for key, value in shown["metadata"].items() if not key.startswith(_SYSTEM)}
    assert own == {"colour": {"stringValue": "red"}}


@contract(
    "LT-020",
    title="A listing with a memoryStrategyId has that strategy's records alone",
    evidence="aws-model",
    source=f"{_MODEL}, ListMemoryRecordsInput.memoryStrategyId",
)
def test_records_by_strategy(long_term: LongTerm) -> None:
    """In a namespace that holds others as well."""
    facts, preferences = (long_term.strategy(kind)["strategyId"] for kind in ("SEMANTIC", "USER_PREFERENCE"))
    long_term.make("fact", memoryStrategyId=facts)
    long_term.make("preference", memoryStrategyId=preferences)
    assert words(long_term.records(long_term.own(), memoryStrategyId=facts)) == ["fact"]
    assert words(long_term.records(long_term.own(), memoryStrategyId=preferences)) == ["preference"]
