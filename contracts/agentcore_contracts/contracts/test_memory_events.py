"""Short-term memory: what an event may be, and what becomes of it."""

from __future__ import annotations

import contextlib
import datetime
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore model"
_OBSERVED = "floci-io/floci pull request 3556, captured on the live service in us-west-2"
# Members of documents. Numbers are those that every client's doubles can hold.
_SCALARS = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_DOCUMENTS = _SCALARS | st.recursive(
    st.lists(st.none() | _SCALARS) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), _SCALARS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


def said(text: str, role: str = "USER") -> dict[str, Any]:
    """A conversational payload."""
    return {"conversational": {"content": {"text": text}, "role": role}}


@contract(
    "ME-011",
    title="An event's payload holds messages, blobs and JSON documents, and is kept in order and as it was",
    evidence="aws-model",
    source=f"{_MODEL}, PayloadType and CreateEvent: 201",
)
def test_payloads(memory: Memory) -> None:
    """One of each, twice."""
    payload = [said("hello"), {"blob": {"n": [1, None]}}, {"json": {"content": ["x"]}}] * 2
    conversation = memory.new_conversation()
    answer = memory.client.create_event(**memory.where(conversation), eventTimestamp=memory.start, payload=payload)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["event"]["payload"] == payload
    assert [event["payload"] for event in memory.events(conversation)] == [payload]


@contract(
    "ME-012",
    title="Any JSON document in a blob or a json payload comes back as the same document",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryDocument: a document type",
)
@given(document=_DOCUMENTS)
@example(document={"": {"a": [None, {"b": "\u2028\U0001f600"}]}})
@example(document="")
@example(document=False)
def test_documents(memory: Memory, document: Any) -> None:
    """Integers stay integers, and the order of members counts."""
    payload = [{"blob": document}, {"json": {"content": document}}]
    event = memory.add("", memory.new_conversation(), payload=payload)
    shown = memory.client.get_event(**memory.where(event["sessionId"]), eventId=event["eventId"])["event"]
    # As text, so that 1, 1.0 and true are told apart.
    assert repr(shown["payload"]) == repr(payload)


@contract(
    "ME-013",
    title="The roles of messages are ASSISTANT, USER, TOOL and OTHER, and no others",
    evidence="aws-model",
    source=f"{_MODEL}, Role",
)
def test_roles(memory: Memory) -> None:
    """Case counts."""
    payload = [said(role, role) for role in ("ASSISTANT", "USER", "TOOL", "OTHER")]
    assert memory.add("", memory.new_conversation(), payload=payload)["payload"] == payload
    for role in ("SYSTEM", "user"):
        with pytest.raises(memory.client.exceptions.ValidationException):
            memory.add("", memory.new_conversation(), payload=[said("x", role)])


@contract(
    "ME-014",
    title="A message has up to 100,000 characters; one more is a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, ContentTextString: max 100000",
)
def test_sizes_of_messages(memory: Memory) -> None:
    """Nothing of a message that is too long is saved."""
    conversation = memory.new_conversation()
    memory.add("x" * 100_000, conversation)
    with pytest.raises(memory.client.exceptions.ValidationException):
        memory.add("x" * 100_001, conversation)
    assert [len(text) for text in texts(memory.events(conversation))] == [100_000]


@contract(
    "ME-015",
    title="An event has up to 100 payloads, or none; with 101 it is a ValidationException",
    evidence="field-report",
    source=f"{_OBSERVED}; {_MODEL}, PayloadTypeList: max 100",
)
def test_numbers_of_payloads(memory: Memory) -> None:
    """No payload is what an event has that carries metadata alone."""
    for number in (0, 100):
        event = memory.add("", memory.new_conversation(), payload=[{"blob": n} for n in range(number)])
        assert event["payload"] == [{"blob": n} for n in range(number)]
    with pytest.raises(memory.client.exceptions.ValidationException):
        memory.add("", memory.new_conversation(), payload=[{"blob": n} for n in range(101)])


@contract(
    "ME-016",
    title="An event that names no session gets a session of its own",
    evidence="field-report",
    source=_OBSERVED,
)
def test_events_without_a_session(memory: Memory) -> None:
    """Two such events have two."""
    given = {"memoryId": memory.id, "actorId": memory.actor, "eventTimestamp": memory.start, "payload": [{"blob": 1}]}
    made = [memory.client.create_event(**given)["event"] for _ in range(2)]
    assert len({event["sessionId"] for event in made}) == 2
    for event in made:
        assert [one["eventId"] for one in memory.events(event["sessionId"])] == [event["eventId"]]


@contract(
    "ME-022",
    title="CreateEvent, GetEvent and ListEvents show an event alike, and no clientToken or extractionMode in it",
    evidence="aws-model",
    source=f"{_MODEL}, Event, and its required members",
)
def test_one_event_everywhere(memory: Memory) -> None:
    """With all that one can be given."""
    conversation = memory.new_conversation()
    more: dict[str, Any] = {
        "extractionMode": "SKIP",
        "metadata": {"k": {"stringValue": "v"}},
        "clientToken": f"t-{uuid.uuid4()}",
    }
    event = memory.add("hello", conversation, **more)
    assert {**event, "eventId": ""} == {
        **memory.where(conversation),
        "eventId": "",
        "eventTimestamp": memory.start,
        "payload": [said("hello")],
        "branch": {"name": "main"},
        "metadata": {"k": {"stringValue": "v"}},
    }
    assert memory.client.get_event(**memory.where(conversation), eventId=event["eventId"])["event"] == event
    assert memory.events(conversation) == [event]


@contract(
    "ME-023",
    title="ListEvents leaves payloads out when includePayloads is false, and has them otherwise",
    evidence="field-report",
    source=_OBSERVED,
)
def test_payloads_on_request(memory: Memory) -> None:
    """All else stays."""
    conversation = memory.new_conversation()
    event = memory.add("hello", conversation, metadata={"k": {"stringValue": "v"}})
    assert memory.events(conversation, includePayloads=True) == [event]
    (short,) = memory.events(conversation, includePayloads=False)
    assert short == {name: value for name, value in event.items() if name != "payload"}


@contract(
    "ME-026",
    title="Times of events are kept in milliseconds, and make the order to the millisecond",
    evidence="field-report",
    source="aws/bedrock-agentcore-sdk-python pull requests 572 and 573",
)
def test_milliseconds(memory: Memory) -> None:
    """A message and its answer are often less than a second apart."""
    conversation = memory.new_conversation()
    for milliseconds in (1, 0, 2):
        at = memory.start + datetime.timedelta(milliseconds=milliseconds)
        assert memory.add(str(milliseconds), conversation, eventTimestamp=at)["eventTimestamp"] == at
    assert texts(memory.events(conversation)) == ["2", "1", "0"]


@contract(
    "ME-027",
    title="Events of one millisecond are events of their own, each with an id of its own",
    evidence="field-report",
    source="aws/bedrock-agentcore-sdk-python pull requests 572 and 573: they have no order that anybody could rely on",
)
def test_one_millisecond(memory: Memory) -> None:
    """Got one by one, as a list of them may be in any order."""
    conversation = memory.new_conversation()
    ids = [memory.add(str(number), conversation)["eventId"] for number in range(6)]
    assert len({event_id.partition("#")[0] for event_id in ids}) == 1
    assert len(set(ids)) == 6
    found = [memory.client.get_event(**memory.where(conversation), eventId=one)["event"] for one in ids]
    assert texts(found) == ["0", "1", "2", "3", "4", "5"]


@contract(
    "ME-028",
    title="An event has up to 15 metadata entries, with keys of 128 and values of 256 characters, and shows them",
    evidence="aws-model",
    source=f"{_MODEL}, MetadataMap, MetadataKey and MetadataValue",
)
@pytest.mark.parametrize(
    ("metadata", "possible"),
    [
        ({f"key {n}": "" for n in range(15)}, True),
        ({f"key {n}": "" for n in range(16)}, False),
        ({"k" * 128: "v" * 256}, True),
        ({"k" * 129: "v"}, False),
        ({"k": "v" * 257}, False),
        ({"a.b:c/d=e+f@g-h_i": "a.b:c/d=e+f@g-h_i 0"}, True),
        ({"k!": "v"}, False),
        ({"k": "v!"}, False),
    ],
    ids=["15", "16", "long", "long key", "long value", "characters", "bad key", "bad value"],
)
def test_metadata(memory: Memory, metadata: dict[str, str], possible: bool) -> None:
    """Values are strings alone."""
    given = {key: {"stringValue": value} for key, value in metadata.items()}
    if possible:
        assert memory.add("x", memory.new_conversation(), metadata=given)["metadata"] == given
    else:
        with pytest.raises(memory.client.exceptions.ValidationException):
            memory.add("x", memory.new_conversation(), metadata=given)


@contract(
    "ME-029",
    title="A ValidationException has a message and a reason of the model's, and is never tried again",
    evidence="aws-model",
    source=f"{_MODEL}, ValidationException and ValidationExceptionReason",
)
def test_reasons(memory: Memory) -> None:
    """The reason is beside the message, for programs."""
    with pytest.raises(memory.client.exceptions.ValidationException) as caught:
        memory.add("x", "not a session id")
    error = caught.value.response
    assert error["message"]
    assert error["reason"] in {
        "CannotParse",
        "FieldValidationFailed",
        "IdempotentParameterMismatchException",
        "EventInOtherSession",
        "ResourceConflict",
    }
    assert error["ResponseMetadata"]["RetryAttempts"] == 0


@contract(
    "ME-030",
    title="A second DeleteEvent is 404, as the event is not there any more",
    evidence="field-report",
    source=_OBSERVED,
)
def test_deleting_twice(memory: Memory) -> None:
    """The event beside it can still be had."""
    conversation = memory.new_conversation()
    kept, gone = memory.add("kept", conversation), memory.add("gone", conversation, second=1)
    memory.client.delete_event(**memory.where(conversation), eventId=gone["eventId"])
    with pytest.raises(memory.client.exceptions.ResourceNotFoundException):
        memory.client.delete_event(**memory.where(conversation), eventId=gone["eventId"])
    assert [event["eventId"] for event in memory.events(conversation)] == [kept["eventId"]]


@contract(
    "ME-032",
    title="Requests with tokens of their own, which boto3 makes where none is given, save events of their own",
    evidence="aws-model",
    source=f"{_MODEL}, CreateEventInput.clientToken: idempotencyToken",
)
def test_equal_events(memory: Memory) -> None:
    """However alike they are but for their times, which keep them in order."""
    conversation = memory.new_conversation()
    for second in range(3):
        memory.add("again", conversation, second=second)
    assert texts(memory.events(conversation)) == ["again"] * 3


@contract(
    "ME-033",
    title="Concurrent requests with one clientToken save one event",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 memory/integrations/strands/memorystore/sender.py, which sends a token anew when it"
    " has not seen the answer",
)
def test_concurrent_tokens(memory: Memory) -> None:
    """No matter which of them comes first."""
    conversation, token = memory.new_conversation(), f"token-{uuid.uuid4()}"

    def save(_: int) -> None:
        # The model lets a client be told to try again.
        with contextlib.suppress(memory.client.exceptions.RetryableConflictException):
            memory.add("once", conversation, clientToken=token)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(4)))
    assert texts(memory.events(conversation)) == ["once"]


@contract(
    "ME-034",
    title="Too many calls are 429 ThrottledException, which boto3 knows as one to try again",
    evidence="aws-model",
    source=f"{_MODEL}, ThrottledException",
)
def test_throttling(faults: Any, memory: Memory) -> None:
    """Ordered, since nobody wants a test to reach AWS's limit."""
    faults.add("throttle", operation="CreateEvent", times=1)
    with pytest.raises(memory.client.exceptions.ThrottledException) as caught:
        memory.add("x", memory.new_conversation())
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


@contract(
    "ME-035",
    title="Memory outlives a microVM that crashes: the session's next one finds what was saved",
    evidence="aws-docs",
    source="AWS developer guide, 'AgentCore Memory', short-term memory; and 'Use isolated sessions for agents'",
)
def test_memory_outlives_crashes(agentcore: AgentCore, memory: Memory, session: str) -> None:
    """Globals do not."""
    conversation = memory.new_conversation()
    where = {"memory": memory.id, "actor": memory.actor, "conversation": conversation}
    agentcore.invoke({"do": "remember", "text": "before", **where}, session)
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke({"do": "crash", "status": 3}, session)
    assert agentcore.invoke({"do": "recall", **where}, session).json == {"texts": ["before"]}
