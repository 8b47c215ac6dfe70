"""Short-term memory: pages, tokens, branches, filters, actors and sessions."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts

_MODEL = "botocore 1.44 bedrock-agentcore model"
_OBSERVED = "floci-io/floci pull request 3556, captured on the live service in us-west-2"
_SDK_TESTS = "The integration tests of aws/bedrock-agentcore-sdk-python, which run against the service"


def condition(key: str, operator: str, value: str | None = None) -> dict[str, Any]:
    """One expression of a filter on metadata."""
    right = {} if value is None else {"right": {"metadataValue": {"stringValue": value}}}
    return {"left": {"metadataKey": key}, "operator": operator, **right}


def all_pages(operation: Any, member: str, **given: Any) -> Iterator[list[Any]]:
    """The lists of all pages."""
    while True:
        page = operation(**given)
        yield page[member]
        if not page.get("nextToken"):
            return
        given["nextToken"] = page["nextToken"]


@pytest.fixture(scope="module")
def _long() -> dict[str, tuple[Memory, str]]:
    return {}


@pytest.fixture
def long_conversation(memory: Memory, _long: dict[str, tuple[Memory, str]]) -> tuple[Memory, str]:
    """A memory and a conversation of 25 events in it, `0` to `24`, for all tests of the module that only read."""
    if not _long:
        conversation = memory.new_conversation()
        for number in range(25):
            even = {"even": {"stringValue": str(number % 2 == 0)}}
            memory.add(str(number), conversation, second=number, metadata=even, extractionMode="SKIP")
        _long["it"] = (memory, conversation)
    return _long["it"]


@contract(
    "ME-041",
    title="Whatever the size of its pages, and also when it changes, a listing has every event once, in order",
    evidence="aws-model",
    source=f"{_MODEL}, ListEventsInput.maxResults: 1 to 100, and nextToken",
)
@given(sizes=st.lists(st.integers(1, 100), min_size=1, max_size=4))
def test_any_pages(long_conversation: tuple[Memory, str], sizes: list[int]) -> None:
    """The last size holds for all pages that follow."""
    memory, conversation = long_conversation
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        page = memory.client.list_events(**memory.where(conversation), maxResults=size, **token)
        assert len(page["events"]) <= size
        found += texts(page["events"])
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    assert found == [str(number) for number in reversed(range(25))]


@contract(
    "ME-042",
    title="A page of ListEvents has up to 20 events unless maxResults says otherwise",
    evidence="aws-model",
    source=f"{_MODEL}, ListEventsInput.maxResults: the default value is 20",
)
def test_default_pages(long_conversation: tuple[Memory, str]) -> None:
    """And a token for the rest."""
    memory, conversation = long_conversation
    page = memory.client.list_events(**memory.where(conversation))
    assert texts(page["events"]) == [str(number) for number in range(24, 4, -1)]
    assert page["nextToken"]


@contract(
    "ME-043",
    title="A maxResults of more than 100 is a ValidationException that names value, member and limit",
    evidence="field-report",
    source=_OBSERVED,
)
def test_too_large_pages(memory: Memory) -> None:
    """In the service's words."""
    with pytest.raises(memory.client.exceptions.ValidationException) as caught:
        memory.client.list_events(**memory.where("s"), maxResults=101)
    assert caught.value.response["Error"]["Message"] == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint:"
        " Member must have value less than or equal to 100"
    )


@contract(
    "ME-044",
    title="The token of a listing is refused by one with another filter",
    evidence="field-report",
    source="aws/bedrock-agentcore-sdk-python commit fbce2fc: 'metadata filter mismatch'",
)
def test_tokens_of_other_filters(long_conversation: tuple[Memory, str]) -> None:
    """Its own listing still takes it."""
    memory, conversation = long_conversation
    where = {**memory.where(conversation), "maxResults": 5}
    filtered = {"eventMetadata": [condition("even", "EQUALS_TO", "True")]}
    token = memory.client.list_events(**where, filter=filtered)["nextToken"]
    other = {"eventMetadata": [condition("even", "EQUALS_TO", "False")]}
    with pytest.raises(memory.client.exceptions.ValidationException):
        memory.client.list_events(**where, filter=other, nextToken=token)
    assert memory.client.list_events(**where, filter=filtered, nextToken=token)["events"]


@contract(
    "ME-045",
    title="The pages of a filtered listing may be short, and together they have every event that the filter lets"
    " through, once and in order",
    evidence="field-report",
    source="aws/bedrock-agentcore-sdk-python issue 283 and pull request 285",
)
@given(size=st.integers(1, 25))
def test_filtered_pages(long_conversation: tuple[Memory, str], size: int) -> None:
    """Until there is no token."""
    memory, conversation = long_conversation
    wanted = [str(number) for number in range(24, -1, -2)]
    filtered = {"eventMetadata": [condition("even", "EQUALS_TO", "True")]}

    def listed() -> list[str]:
        return texts(memory.events(conversation, filter=filtered, maxResults=size))

    assert memory.eventually(listed, wanted) == wanted


@contract(
    "ME-046",
    title="A filter on metadata has up to five conditions, and only the operators EQUALS_TO, EXISTS and NOT_EXISTS",
    evidence="aws-model",
    source=f"{_MODEL}, EventMetadataFilterList: max 5, and OperatorType",
)
def test_limits_of_filters(memory: Memory) -> None:
    """Memory records have more operators than events."""
    for conditions in ([condition("k", "EXISTS")] * 6, [condition("k", "BEFORE", "v")]):
        with pytest.raises(memory.client.exceptions.ValidationException):
            memory.events("s", filter={"eventMetadata": conditions})
    assert memory.events("s", filter={"eventMetadata": [condition("k", "EXISTS")] * 5}) == []


@contract(
    "ME-047",
    title="EQUALS_TO compares whole values and their case, and an empty value is one",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/integrations/test_session_manager.py)",
)
def test_values_in_filters(memory: Memory) -> None:
    """EXISTS does not look at the value."""
    conversation = memory.new_conversation()
    for second, value in enumerate(["v", "V", "v v", ""]):
        memory.add(f"is {value}", conversation, second=second, metadata={"k": {"stringValue": value}})

    def listed(operator: str, value: str | None = None) -> list[str]:
        return texts(memory.events(conversation, filter={"eventMetadata": [condition("k", operator, value)]}))

    for value in ("v", "V", "v v", ""):
        wanted = [f"is {value}"]
        assert memory.eventually(functools.partial(listed, "EQUALS_TO", value), wanted) == wanted
    everything = ["is ", "is v v", "is V", "is v"]
    assert memory.eventually(lambda: listed("EXISTS"), everything) == everything


@contract(
    "ME-053",
    title="ListSessions has each session of an actor once, with the time when it was made, and no other actor's",
    evidence="aws-model",
    source=f"{_MODEL}, SessionSummary",
)
def test_sessions_of_an_actor(memory: Memory) -> None:
    """However many events one has, and in pages of two."""
    conversations = [memory.new_conversation() for _ in range(3)]
    for conversation in conversations:
        memory.add("x", conversation)
        memory.add("y", conversation, second=1)
    memory.add("z", memory.new_conversation(), actorId=f"{memory.actor}-2")
    whose = {"memoryId": memory.id, "actorId": memory.actor}
    pages = list(all_pages(memory.client.list_sessions, "sessionSummaries", **whose, maxResults=2))
    assert all(len(page) <= 2 for page in pages)
    listed = [summary for page in pages for summary in page]
    assert sorted(summary["sessionId"] for summary in listed) == sorted(conversations)
    assert {summary["actorId"] for summary in listed} == {memory.actor}
    assert all(summary["createdAt"] > memory.start for summary in listed)


@contract(
    "ME-054",
    title="ListSessions with the filter HAS_EVENTS leaves out sessions without events",
    evidence="aws-model",
    source=f"{_MODEL}, SessionFilter.eventFilter",
)
def test_sessions_with_events(memory: Memory) -> None:
    """One whose only event was deleted."""
    full, empty = memory.new_conversation(), memory.new_conversation()
    memory.add("x", full)
    event = memory.add("x", empty)
    memory.client.delete_event(**memory.where(empty), eventId=event["eventId"])

    def listed() -> list[str]:
        whose = {"memoryId": memory.id, "actorId": memory.actor, "filter": {"eventFilter": "HAS_EVENTS"}}
        return [summary["sessionId"] for summary in memory.client.list_sessions(**whose)["sessionSummaries"]]

    assert memory.eventually(listed, [full]) == [full]


@contract(
    "ME-057",
    title="What is saved is there for the very next listing without a filter on metadata, and deleted events are not",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/test_memory_client.py), which read right after they wrote",
)
def test_reading_what_was_written(memory: Memory) -> None:
    """Five times, without a pause."""
    conversation = memory.new_conversation()
    for second in range(5):
        event = memory.add(str(second), conversation, second=second)
        assert texts(memory.events(conversation))[0] == str(second)
        memory.client.delete_event(**memory.where(conversation), eventId=event["eventId"])
        assert memory.events(conversation) == []
