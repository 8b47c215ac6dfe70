"""The ids of memory: which are taken, and what names nothing."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore model"
_OBSERVED = "floci-io/floci pull request 3556, captured on the live service in us-west-2"
# botocore's model, `ActorId`, `SessionId` and `EventId`.
_ACTOR_IDS = r"[a-zA-Z0-9][a-zA-Z0-9_/-]{0,60}(:[a-zA-Z0-9_/-]{1,60}){0,2}[a-zA-Z0-9_/-]{0,60}"
_SESSION_IDS = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}"
_UNKNOWN_EVENT = "0000001756147154000#ffa53e54"


@contract(
    "ME-017",
    title="Any actor id of the model's pattern is an actor of its own, with slashes and colons as they are",
    evidence="aws-model",
    source=f"{_MODEL}, ActorId",
)
@given(actor=st.from_regex(_ACTOR_IDS, fullmatch=True).filter(lambda actor: len(actor) <= 255))
@example(actor="users/ada:home/x")
@example(actor="A" * 255)
def test_actor_ids(memory: Memory, actor: str) -> None:
    """Conversations have ids of their own, so that examples do not meet."""
    conversation = memory.new_conversation()
    event = memory.add("mine", conversation, actorId=actor)
    assert event["actorId"] == actor
    assert texts(memory.events(conversation, actorId=actor)) == ["mine"]
    assert memory.events(conversation, actorId=memory.actor) == []


@contract(
    "ME-018",
    title="Any session id of 1 to 100 letters, digits, hyphens and underscores is a session of its own",
    evidence="aws-model",
    source=f"{_MODEL}, SessionId",
)
@given(conversation=st.from_regex(_SESSION_IDS, fullmatch=True))
@example(conversation="s" * 100)
def test_conversation_ids(memory: Memory, conversation: str) -> None:
    """Actors have ids of their own, so that examples do not meet."""
    actor = f"actor-{uuid.uuid4()}"
    memory.add("mine", conversation, actorId=actor)
    assert texts(memory.events(conversation, actorId=actor)) == ["mine"]
    assert memory.events(memory.new_conversation(), actorId=actor) == []


@contract(
    "ME-019",
    title="Ids of actors, sessions and branches that break the model's patterns are a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, ActorId, SessionId, BranchName",
)
@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(("actorId", actor) for actor in ("-a", ":a", "a:", "a::b", "a b", "ä", "a.b", "a" * 256)),
        *(("sessionId", session) for session in ("-s", "a b", "a/b", "a:b", "s" * 101)),
        *(("branch", name) for name in ("-b", "a b", "b" * 101)),
    ],
    ids=lambda text: text[:9],
)
def test_broken_ids(memory: Memory, member: str, value: str) -> None:
    """Refused by the service, since boto3 does not look at patterns."""
    conversation = memory.new_conversation()
    root = memory.add("root", conversation)["eventId"]
    given: dict[str, Any] = {member: {"name": value, "rootEventId": root} if member == "branch" else value}
    with pytest.raises(memory.client.exceptions.ValidationException) as caught:
        memory.add("x", conversation, **given)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@contract(
    "ME-020",
    title="An event that is not there is 404 `Unable to find event with id ID`, for GetEvent and DeleteEvent",
    evidence="field-report",
    source=_OBSERVED,
)
def test_unknown_events(memory: Memory) -> None:
    """In a conversation that there is, and in one that there is not."""
    conversation = memory.new_conversation()
    memory.add("here", conversation)
    for where in (conversation, memory.new_conversation()):
        for operation in (memory.client.get_event, memory.client.delete_event):
            with pytest.raises(memory.client.exceptions.ResourceNotFoundException) as caught:
                operation(**memory.where(where), eventId=_UNKNOWN_EVENT)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            assert caught.value.response["Error"]["Message"] == f"Unable to find event with id {_UNKNOWN_EVENT}"


@contract(
    "ME-021",
    title="An event is found under its own actor and session alone",
    evidence="aws-model",
    source=f"{_MODEL}, GetEventInput and DeleteEventInput: actorId and sessionId",
)
def test_events_in_their_place(memory: Memory) -> None:
    """It is still there after the attempts to delete it elsewhere."""
    conversation = memory.new_conversation()
    event = memory.add("here", conversation)
    here = memory.where(conversation)
    for elsewhere in ({**here, "actorId": f"{memory.actor}-2"}, {**here, "sessionId": memory.new_conversation()}):
        for operation in (memory.client.get_event, memory.client.delete_event):
            with pytest.raises(memory.client.exceptions.ResourceNotFoundException):
                operation(**elsewhere, eventId=event["eventId"])
    assert memory.client.get_event(**here, eventId=event["eventId"])["event"] == event


@contract(
    "ME-024",
    title="The data plane takes a memory's ARN as well as its id",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryId",
)
def test_arns_of_memories(agentcore: AgentCore, memory: Memory) -> None:
    """Saved under the id, listed under the ARN."""
    conversation = memory.new_conversation()
    event = memory.add("hello", conversation)
    arn = re.sub(r":runtime/.*", f":memory/{memory.id}", agentcore.arn)
    assert [one["eventId"] for one in memory.events(conversation, memoryId=arn)] == [event["eventId"]]


@contract(
    "ME-025",
    title="A memory that is not there is 404 `Memory not found: ID`; an id that cannot be one is a ValidationException",
    evidence="field-report",
    source=_OBSERVED,
)
def test_unknown_memories(memory: Memory) -> None:
    """In the service's words."""
    with pytest.raises(memory.client.exceptions.ResourceNotFoundException) as unknown:
        memory.events("s", memoryId="unknown-0123456789")
    assert unknown.value.response["Error"]["Message"] == "Memory not found: unknown-0123456789"
    with pytest.raises(memory.client.exceptions.ValidationException) as malformed:
        memory.events("s", memoryId="invalid-memory-id")
    assert malformed.value.response["Error"]["Message"] == "Invalid memoryId: not a valid memory ID or ARN"


@contract(
    "ME-031",
    title="An event id that cannot be one is a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, EventId: [0-9]+#[a-fA-F0-9]+",
)
@pytest.mark.parametrize("event_id", ["1", "#a", "1#", "1#g", "a#1", "1#1#1"])
def test_broken_event_ids(memory: Memory, event_id: str) -> None:
    """For GetEvent and DeleteEvent."""
    for operation in (memory.client.get_event, memory.client.delete_event):
        with pytest.raises(memory.client.exceptions.ValidationException):
            operation(**memory.where(memory.new_conversation()), eventId=event_id)
