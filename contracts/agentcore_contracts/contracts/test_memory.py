"""Short-term memory: events, their order, and where they are seen."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts
from agentcore_contracts.runtime import AgentCore

_OBSERVED = "floci-io/floci pull request 3556, captured on the live service in us-west-2"
_BRANCHES = (
    "AWS developer guide, 'Create an event', event branching; the root's inclusion as users of the service report it"
)


@contract(
    "ME-001",
    title="ListEvents gives the newest event first, by the time it happened and not by when it was saved",
    evidence="field-report",
    source=_OBSERVED,
)
def test_newest_first(memory: Memory) -> None:
    """Saved out of order."""
    conversation = memory.new_conversation()
    for second in (2, 0, 3, 1):
        memory.add(f"at {second}", conversation, second=second)
    assert texts(memory.events(conversation)) == ["at 3", "at 2", "at 1", "at 0"]


@contract(
    "ME-002",
    title="Event ids are the event's time and a suffix, and so sort as events do",
    evidence="field-report",
    source=_OBSERVED,
)
def test_event_ids(memory: Memory) -> None:
    """19 digits of milliseconds, `#`, eight hexadecimal digits."""
    conversation = memory.new_conversation()
    event = memory.add("now", conversation)
    digits, _, suffix = event["eventId"].partition("#")
    assert len(digits) == 19
    assert int(digits) == event["eventTimestamp"].timestamp() * 1000
    assert len(suffix) == 8
    assert int(suffix, 16) >= 0


@contract(
    "ME-003",
    title="Pages of ListEvents hold no more than maxResults, and together every event once, in order",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, ListEventsInput.maxResults and nextToken",
)
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages(memory: Memory, size: int) -> None:
    """Seven events in pages of less, of just as many and of more."""
    conversation = memory.new_conversation()
    for second in range(7):
        memory.add(f"at {second}", conversation, second=second)
    pages = list(memory.pages(conversation, maxResults=size))
    assert all(len(page) <= size for page in pages)
    assert texts([event for page in pages for event in page]) == [f"at {second}" for second in reversed(range(7))]


@contract(
    "ME-004",
    title="CreateEvent with a clientToken that was used before saves nothing and is no error",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, CreateEventInput.clientToken",
)
def test_client_tokens(memory: Memory) -> None:
    """The SDK's own store repeats a token with a later time stamp."""
    conversation, token = memory.new_conversation(), f"token-{uuid.uuid4()}"
    memory.add("once", conversation, clientToken=token)
    memory.add("once", conversation, clientToken=token, second=5)
    assert texts(memory.events(conversation)) == ["once"]


@contract(
    "ME-005",
    title="Events of one actor or conversation are not listed for another, for which the list is empty and no error",
    evidence="field-report",
    source=_OBSERVED,
)
def test_actors_and_conversations(memory: Memory) -> None:
    """Also when another actor has a conversation of the same id."""
    conversation = memory.new_conversation()
    memory.add("mine", conversation)
    assert texts(memory.events(conversation)) == ["mine"]
    assert memory.events(memory.new_conversation()) == []
    assert memory.events(conversation, actorId=f"{memory.actor}-2") == []


@contract(
    "ME-006",
    title="An event without a branch is on `main`, and shows it",
    evidence="field-report",
    source=_OBSERVED,
)
def test_main_branch(memory: Memory) -> None:
    """In the answer to CreateEvent and in the list."""
    conversation = memory.new_conversation()
    assert memory.add("here", conversation)["branch"] == {"name": "main"}
    assert [event["branch"] for event in memory.events(conversation)] == [{"name": "main"}]


@contract(
    "ME-007",
    title="A branch lists its own events, and with includeParentBranches those of its parent up to its root",
    evidence="aws-docs",
    source=_BRANCHES,
)
def test_branches(memory: Memory) -> None:
    """Without a filter, events of all branches."""
    conversation = memory.new_conversation()
    memory.add("a", conversation, second=0)
    root = memory.add("b", conversation, second=1)
    memory.add("c", conversation, second=2)
    memory.add("x", conversation, second=3, branch={"name": "other", "rootEventId": root["eventId"]})
    memory.add("y", conversation, second=4, branch={"name": "other"})

    def listed(**branch: Any) -> list[str]:
        return texts(memory.events(conversation, filter={"branch": branch}))

    assert listed(name="other") == ["y", "x"]
    assert listed(name="other", includeParentBranches=True) == ["y", "x", "b", "a"]
    assert texts(memory.events(conversation)) == ["y", "x", "c", "b", "a"]


@contract(
    "ME-008",
    title="A metadata filter gives events that meet all its conditions; one without metadata meets NOT_EXISTS",
    evidence="field-report",
    source="The integration tests of aws/bedrock-agentcore-sdk-python, which run against the service"
    " (memory/integrations/test_session_manager.py)",
)
def test_metadata_filters(memory: Memory) -> None:
    """EQUALS_TO compares the whole value."""
    conversation = memory.new_conversation()
    memory.add("plain", conversation, second=0)
    memory.add("draft", conversation, second=1, metadata={"kind": {"stringValue": "draft"}})
    memory.add("final", conversation, second=2, metadata={"kind": {"stringValue": "final"}, "by": {"stringValue": "A"}})

    def listed(*conditions: dict[str, Any]) -> list[str]:
        return texts(memory.events(conversation, filter={"eventMetadata": list(conditions)}))

    def condition(key: str, operator: str, value: str | None = None) -> dict[str, Any]:
        right = {} if value is None else {"right": {"metadataValue": {"stringValue": value}}}
        return {"left": {"metadataKey": key}, "operator": operator, **right}

    draft = condition("kind", "EQUALS_TO", "draft")
    expected = {
        "equal": ([draft], ["draft"]),
        "part of a value": ([condition("kind", "EQUALS_TO", "dra")], []),
        "there": ([condition("kind", "EXISTS")], ["final", "draft"]),
        "not there": ([condition("kind", "NOT_EXISTS")], ["plain"]),
        "both": ([condition("kind", "EXISTS"), condition("by", "NOT_EXISTS")], ["draft"]),
    }
    wanted = {name: found for name, (_, found) in expected.items()}
    assert memory.eventually(lambda: {name: listed(*asked) for name, (asked, _) in expected.items()}, wanted) == wanted


@contract(
    "ME-009",
    title="A deleted event is gone at once: GetEvent is 404 ResourceNotFoundException, and no list has it",
    evidence="field-report",
    source="The integration tests of aws/bedrock-agentcore-sdk-python (memory/test_memory_client.py), and " + _OBSERVED,
)
def test_deleted_events(memory: Memory) -> None:
    """The one beside it stays."""
    conversation = memory.new_conversation()
    kept, gone = memory.add("kept", conversation, second=0), memory.add("gone", conversation, second=1)
    where = {"memoryId": memory.id, "actorId": memory.actor, "sessionId": conversation}
    assert memory.client.delete_event(**where, eventId=gone["eventId"])["eventId"] == gone["eventId"]
    with pytest.raises(memory.client.exceptions.ResourceNotFoundException):
        memory.client.get_event(**where, eventId=gone["eventId"])
    assert memory.client.get_event(**where, eventId=kept["eventId"])["event"]["eventId"] == kept["eventId"]
    assert texts(memory.events(conversation)) == ["kept"]


@contract(
    "ME-010",
    title="What an agent saves in one session, it finds in another: memory is no session's, and outlives them",
    evidence="aws-docs",
    source="AWS developer guide, 'AgentCore Memory', short-term memory; and 'Use isolated sessions for agents'",
)
def test_memory_outlives_sessions(agentcore: AgentCore, memory: Memory) -> None:
    """Saved by the agent in a session that is stopped, read by the agent in another, and by this client."""
    conversation = memory.new_conversation()
    where = {"memory": memory.id, "actor": memory.actor, "conversation": conversation}
    first, second = agentcore.new_session(), agentcore.new_session()
    agentcore.invoke({"do": "remember", "text": "14 + 34 = 48", **where}, first)
    agentcore.stop(first)
    assert agentcore.invoke({"do": "recall", **where}, second).json == {"texts": ["14 + 34 = 48"]}
    assert texts(memory.events(conversation)) == ["14 + 34 = 48"]
