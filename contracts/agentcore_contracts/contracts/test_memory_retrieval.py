"""Long-term memory: finding records by what they are about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.long_term import LongTerm, words

_MODEL = "botocore 1.44 bedrock-agentcore model"
_SDK_TESTS = "The integration tests of aws/bedrock-agentcore-sdk-python, which run against the service"
_FACTS = ("I like sushi with tuna", "The user lives in Berlin", "The user designs bridges", "The user has two cats")
_QUESTION = "What do I like to eat?"


@pytest.fixture(scope="module")
def _kept() -> dict[str, LongTerm]:
    return {}


@pytest.fixture
def facts(long_term: LongTerm, _kept: dict[str, LongTerm]) -> LongTerm:
    """An actor of whom four facts are recorded, for all tests of the module that only read."""
    if not _kept:
        long_term.make(*_FACTS)
        _kept["it"] = long_term
    return _kept["it"]


@contract(
    "LT-030",
    title="RetrieveMemoryRecords gives each record a score from 0 to 1, the highest first",
    evidence="field-report",
    source="AWS's samples for AgentCore Memory, whose captured answers have scores of 0.36 to 0.38 in this order",
)
@given(query=st.sampled_from([_QUESTION, "Berlin", "Who designs bridges?", "cats", "x"]))
def test_scores(facts: LongTerm, query: str) -> None:
    """Whatever is asked."""
    scores = [record["score"] for record in facts.search(facts.own(), query)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@contract(
    "LT-031",
    title="The record that answers a question comes first, with a score of 0.3 or more",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/integrations/test_session_manager.py): sushi with tuna, and the limits of its config",
)
def test_the_answer_comes_first(facts: LongTerm) -> None:
    """In other words than the question's."""
    first, *_ = facts.indexed(lambda: facts.search(facts.own(), _QUESTION), bool)
    assert first["content"]["text"] == _FACTS[0]
    assert first["score"] >= 0.3


@contract(
    "LT-032",
    title="A search gives no more than topK records, and the first ones of a longer answer",
    evidence="aws-model",
    source=f"{_MODEL}, SearchCriteria.topK: 1 to 100",
)
@given(most=st.integers(1, 6))
def test_top_k(facts: LongTerm, most: int) -> None:
    """101 is a ValidationException."""
    everything = facts.search(facts.own(), _QUESTION, topK=100)
    assert words(facts.search(facts.own(), _QUESTION, topK=most)) == words(everything)[:most]
    with pytest.raises(facts.client.exceptions.ValidationException):
        facts.search(facts.own(), _QUESTION, topK=101)


@contract(
    "LT-033",
    title="A search gives up to ten records unless topK says otherwise",
    evidence="aws-docs",
    source="AWS's API reference, SearchCriteria.topK: the default value is 10",
)
def test_default_of_top_k(long_term: LongTerm) -> None:
    """Of twelve, all about the same."""
    long_term.make(*(f"The user has visited Berlin {number} times" for number in range(12)))
    assert len(long_term.search(long_term.own(), "How often was the user in Berlin?")) <= 10


@contract(
    "LT-034",
    title="A search in one namespace gives nothing of another, one below a path all that lies below, and neither"
    " anything of another actor",
    evidence="aws-docs",
    source="AWS developer guide, 'Specify long-term memory organization with namespaces'",
)
def test_namespaces(long_term: LongTerm) -> None:
    """The same text in each."""
    root = f"/contracts/search/{long_term.memory.actor}"
    for name in ("one", "one/below", "one-more", "other"):
        long_term.make("The user lives in Berlin", namespace=f"{root}/{name}/")

    def found(**place: str) -> list[str]:
        criteria = {"searchQuery": "Where does the user live?", "topK": 100}
        answer = long_term.client.retrieve_memory_records(
            memoryId=long_term.memory.id, searchCriteria=criteria, maxResults=100, **place
        )
        return sorted(record["namespaces"][0] for record in answer["memoryRecordSummaries"])

    assert found(namespace=f"{root}/one/") == [f"{root}/one/"]
    assert found(namespacePath=f"{root}/one") == [f"{root}/one/", f"{root}/one/below/"]
    assert found(namespace=root) == []


@contract(
    "LT-035",
    title="A search in a namespace that has no records is empty, and no error",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/integrations/test_memory_store.py)",
)
def test_an_unknown_namespace(long_term: LongTerm) -> None:
    """As that of an actor of whom nothing is known."""
    assert long_term.search(long_term.own("nothing"), _QUESTION) == []


@contract(
    "LT-036",
    title="Filters on metadata and on a strategy narrow a search",
    evidence="aws-model",
    source=f"{_MODEL}, SearchCriteria.metadataFilters and memoryStrategyId",
)
def test_filters(long_term: LongTerm) -> None:
    """The better answers are left out."""
    long_term.needs_keys()
    strategy = long_term.strategy("SEMANTIC")["strategyId"]
    long_term.make("The user lives in Berlin", metadata={"colour": {"stringValue": "red"}})
    long_term.make("The user was in Berlin once", metadata={"colour": {"stringValue": "green"}})
    long_term.make("The user knows nobody there", memoryStrategyId=strategy)
    green: dict[str, Any] = {"left": {"metadataKey": "colour"}, "operator": "EQUALS_TO"}
    green["right"] = {"metadataValue": {"stringValue": "green"}}
    query = "Where in Berlin does the user live?"
    assert words(long_term.search(long_term.own(), query, metadataFilters=[green])) == ["The user was in Berlin once"]
    found = long_term.search(long_term.own(), query, memoryStrategyId=strategy)
    assert words(found) == ["The user knows nobody there"]


@contract(
    "LT-037",
    title="A question has up to 10,000 characters; one more is a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, SearchCriteria.searchQuery: max 10000",
)
def test_long_questions(facts: LongTerm) -> None:
    """The longest is answered."""
    assert facts.search(facts.own(), ("What do I like to eat? " * 500)[:10_000])
    with pytest.raises(facts.client.exceptions.ValidationException):
        facts.search(facts.own(), "x" * 10_001)


@contract(
    "LT-038",
    title="Pages of a search hold no more than maxResults, and no record is in two of them",
    evidence="aws-model",
    source=f"{_MODEL}, RetrieveMemoryRecordsInput.maxResults and nextToken",
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages(facts: LongTerm, size: int) -> None:
    """Best first over all pages."""
    pages = facts.client.get_paginator("retrieve_memory_records").paginate(
        memoryId=facts.memory.id,
        namespace=facts.own(),
        searchCriteria={"searchQuery": _QUESTION, "topK": 4},
        maxResults=size,
    )
    found = []
    for page in pages:
        assert len(page["memoryRecordSummaries"]) <= size
        found += page["memoryRecordSummaries"]
    assert len({record["memoryRecordId"] for record in found}) == len(found) <= 4
    assert [record["score"] for record in found] == sorted((record["score"] for record in found), reverse=True)


@contract(
    "LT-039",
    title="A record that was deleted is not found any more, and one that was changed is found by its new text",
    evidence="aws-model",
    source=f"{_MODEL}, BatchUpdateMemoryRecords and DeleteMemoryRecord",
)
def test_changes(long_term: LongTerm) -> None:
    """By words of the new text that the old one lacks."""
    changed, gone = long_term.make("The user designs bridges", "The user has two cats")
    change = {"memoryRecordId": changed, "timestamp": long_term.memory.start, "content": {"text": "The user sings"}}
    long_term.client.batch_update_memory_records(memoryId=long_term.memory.id, records=[change])
    long_term.client.delete_memory_record(memoryId=long_term.memory.id, memoryRecordId=gone)

    def found() -> list[str]:
        return words(long_term.search(long_term.own(), "Does the user sing?"))

    assert long_term.indexed(found, lambda texts: texts == ["The user sings"]) == ["The user sings"]
