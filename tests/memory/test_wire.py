"""The plane as real clients see it: boto3 and the SDK's own memory client against a running emulator."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

AGENT = Path(__file__).parents[2] / "agent" / "memory_agent.py"
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def data(emulator: EmulatorProcess) -> Any:
    return emulator.client("bedrock-agentcore")


@pytest.fixture(scope="module")
def control(emulator: EmulatorProcess) -> Any:
    return emulator.client("bedrock-agentcore-control")


@pytest.fixture
def memory(control: Any) -> Iterator[str]:
    created = control.create_memory(name=f"m{uuid.uuid4().hex}", eventExpiryDuration=7)["memory"]
    yield created["id"]
    control.delete_memory(memoryId=created["id"])


def say(text: str, role: str = "USER") -> list[dict[str, Any]]:
    return [{"conversational": {"content": {"text": text}, "role": role}}]


def test_a_memory_from_beginning_to_end(control: Any) -> None:
    name = f"m{uuid.uuid4().hex}"
    answer = control.create_memory(name=name, eventExpiryDuration=90, description="d", memoryStrategies=[])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    made = answer["memory"]
    assert made["status"] == "CREATING"
    control.get_waiter("memory_created").wait(memoryId=made["id"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    shown = control.get_memory(memoryId=made["id"])["memory"]
    assert shown == {**made, "status": "ACTIVE"}
    assert shown["arn"] == f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{made['id']}"
    assert (shown["name"], shown["description"], shown["eventExpiryDuration"]) == (name, "d", 90)
    assert abs(shown["createdAt"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    listed = [m for page in control.get_paginator("list_memories").paginate() for m in page["memories"]]
    assert made["id"] in {memory["id"] for memory in listed}

    answer = control.delete_memory(memoryId=made["id"])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (answer["memoryId"], answer["status"]) == (made["id"], "DELETING")
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_memory(memoryId=made["id"])


def test_a_name_that_is_taken(control: Any, memory: str) -> None:
    name = control.get_memory(memoryId=memory)["memory"]["name"]
    with pytest.raises(control.exceptions.ValidationException) as caught:
        control.create_memory(name=name, eventExpiryDuration=7)
    assert caught.value.response["message"] == f"Memory with name '{name}' already exists"
    assert caught.value.response["reason"] == "ResourceConflict"


def test_a_long_term_memory_from_beginning_to_end(control: Any) -> None:
    override = {"extraction": {"appendToPrompt": "p", "modelId": "m"}}
    strategies = [
        {"semanticMemoryStrategy": {"name": "facts", "namespaces": ["/facts/{actorId}"]}},
        {"episodicMemoryStrategy": {"name": "episodes"}},
        {"customMemoryStrategy": {"name": "own", "configuration": {"semanticOverride": override}}},
    ]
    made = control.create_memory(
        name=f"m{uuid.uuid4().hex}",
        eventExpiryDuration=7,
        memoryExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        memoryStrategies=strategies,
        tags={"team": "a"},
    )["memory"]
    facts, episodes, own = made["strategies"]
    assert facts["namespaces"] == facts["namespaceTemplates"] == ["/facts/{actorId}"]
    assert episodes["configuration"]["reflection"]["episodicReflectionConfiguration"]["namespaceTemplates"]
    extraction = own["configuration"]["extraction"]["customExtractionConfiguration"]
    assert extraction["semanticExtractionOverride"] == {"appendToPrompt": "p", "modelId": "m"}

    answer = control.update_memory(
        memoryId=made["id"],
        description="d",
        memoryStrategies={
            "addMemoryStrategies": [{"summaryMemoryStrategy": {"name": "sums"}}],
            "deleteMemoryStrategies": [{"memoryStrategyId": facts["strategyId"]}],
        },
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["memory"]["status"] == "UPDATING"
    shown = control.get_memory(memoryId=made["id"])["memory"]
    assert (shown["status"], shown["description"]) == ("ACTIVE", "d")
    assert [(one["name"], one["status"]) for one in shown["strategies"]] == [
        ("episodes", "ACTIVE"),
        ("own", "ACTIVE"),
        ("sums", "ACTIVE"),
    ]

    arn = made["arn"]
    assert control.tag_resource(resourceArn=arn, tags={"x": "1"})["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "a", "x": "1"}
    gone = control.untag_resource(resourceArn=arn, tagKeys=["team", "x"])
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    control.delete_memory(memoryId=made["id"])
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.list_tags_for_resource(resourceArn=arn)


def test_a_namespace_that_breaks_the_model(control: Any) -> None:
    # The service says so, as boto3 does not check patterns (aws/bedrock-agentcore-sdk-python issue 18).
    bad = [{"summaryMemoryStrategy": {"name": "s", "namespaces": ["\n/summaries/{actorId}/{sessionId}/\n"]}}]
    with pytest.raises(control.exceptions.ValidationException) as caught:
        control.create_memory(name="broken", eventExpiryDuration=7, memoryStrategies=bad)
    assert caught.value.response["message"].startswith(
        "1 validation error detected: Value at 'memoryStrategies.1.member.summaryMemoryStrategy.namespaces' failed to "
        "satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 512, "
    )


def test_an_event_from_beginning_to_end(data: Any, memory: str) -> None:
    place = {"memoryId": memory, "actorId": "users/1:x", "sessionId": "s"}
    payload = [*say("hello"), {"blob": {"n": [1, 2.5, None, "x"]}}, {"json": {"content": "text"}}]
    metadata = {"stateType": {"stringValue": "AGENT"}}
    answer = data.create_event(**place, eventTimestamp=WHEN, payload=payload, metadata=metadata)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    event = answer["event"]
    assert event == {
        **place,
        "eventId": event["eventId"],
        "eventTimestamp": WHEN,
        "payload": payload,
        "branch": {"name": "main"},
        "metadata": metadata,
    }
    assert event["eventId"].startswith("0000001767323045678#")
    found = {**place, "eventId": event["eventId"]}
    assert data.get_event(**found)["event"] == event
    assert data.list_events(**place)["events"] == [event]
    assert "payload" not in data.list_events(**place, includePayloads=False)["events"][0]
    actors = [a for page in data.get_paginator("list_actors").paginate(memoryId=memory) for a in page["actorSummaries"]]
    assert actors == [{"actorId": "users/1:x"}]
    (session,) = data.list_sessions(memoryId=memory, actorId="users/1:x")["sessionSummaries"]
    assert (session["actorId"], session["sessionId"]) == ("users/1:x", "s")
    assert session["createdAt"].tzinfo is not None
    assert data.delete_event(**found)["eventId"] == event["eventId"]
    for gone in (data.get_event, data.delete_event):
        with pytest.raises(data.exceptions.ResourceNotFoundException, match="Unable to find event with id"):
            gone(**found)


@pytest.mark.parametrize(
    "value",
    ["", "ä\U0001f600\n", {"a": {"b": []}}, [[], {}], 2**80, -0.1, 5e-324, True, "x" * 50_000],
    ids=repr,
)
def test_a_document_comes_back_equal(data: Any, memory: str, value: Any) -> None:
    place = {"memoryId": memory, "actorId": "a", "sessionId": "s"}
    payload = [{"blob": value}, {"json": {"content": value}}]
    made = data.create_event(**place, eventTimestamp=WHEN, payload=payload)["event"]
    assert made["payload"] == payload
    assert data.list_events(**place)["events"][0]["payload"] == payload


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud83d"], ids=repr)
def test_what_json_does_not_have_is_refused(data: Any, memory: str, value: Any) -> None:
    with pytest.raises(data.exceptions.ValidationException) as caught:
        data.create_event(memoryId=memory, actorId="a", eventTimestamp=WHEN, payload=[{"blob": value}])
    assert caught.value.response["reason"] == "CannotParse"


def test_pages_filters_and_branches(data: Any, memory: str) -> None:
    place = {"memoryId": memory, "actorId": "a", "sessionId": "s"}
    made = [
        data.create_event(
            **place,
            eventTimestamp=WHEN + dt.timedelta(milliseconds=n),
            payload=say(str(n)),
            metadata={"kind": {"stringValue": "even" if n % 2 == 0 else "odd"}},
        )["event"]
        for n in range(9)
    ]
    pages = list(data.get_paginator("list_events").paginate(**place, PaginationConfig={"PageSize": 4}))
    assert [len(page["events"]) for page in pages] == [4, 4, 1]
    assert [event for page in pages for event in page["events"]] == made[::-1]

    odd = {"left": {"metadataKey": "kind"}, "operator": "EQUALS_TO", "right": {"metadataValue": {"stringValue": "odd"}}}
    filtered = data.list_events(**place, filter={"eventMetadata": [odd]}, maxResults=2)
    assert filtered["events"] == [made[7], made[5]]
    with pytest.raises(data.exceptions.ValidationException, match="Invalid nextToken"):
        data.list_events(**place, nextToken=filtered["nextToken"])

    branch = {"name": "fork", "rootEventId": made[2]["eventId"]}
    forked = data.create_event(**place, eventTimestamp=WHEN, payload=[], branch=branch)["event"]
    assert forked["branch"] == branch
    history = {"branch": {"name": "fork", "includeParentBranches": True}}
    shown = {event["eventId"] for event in data.list_events(**place, filter=history)["events"]}
    assert shown == {event["eventId"] for event in (forked, *made[:3])}


def test_a_repeated_token(data: Any, memory: str) -> None:
    given = {"memoryId": memory, "actorId": "a", "sessionId": "s", "payload": say("once"), "clientToken": "t" * 200}
    first = data.create_event(**given, eventTimestamp=WHEN)
    again = data.create_event(**given, eventTimestamp=WHEN + dt.timedelta(seconds=1))
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert again["event"] == first["event"]


def test_unknown_and_malformed_memories(data: Any, memory: str) -> None:
    arn = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{memory}"
    assert data.list_events(memoryId=arn, actorId="a", sessionId="s")["events"] == []
    with pytest.raises(data.exceptions.ResourceNotFoundException, match="Memory not found: unknown-0123456789"):
        data.list_events(memoryId="unknown-0123456789", actorId="a", sessionId="s")
    with pytest.raises(data.exceptions.ValidationException, match="Invalid memoryId: not a valid memory ID or ARN"):
        data.list_events(memoryId="invalid-memory-id", actorId="a", sessionId="s")


# The SDK still configures pydantic by a class; the warning comes from importing it.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_sdks_own_client(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.info["environment"].items():
        monkeypatch.setenv(name, value)
    from bedrock_agentcore.memory import MemoryClient

    client = MemoryClient(region_name="us-east-1")
    name = f"sdk_{uuid.uuid4().hex}"
    memory = client.create_memory_and_wait(name=name, strategies=[])["id"]
    assert client.create_or_get_memory(name=name, strategies=[])["id"] == memory
    place = {"memory_id": memory, "actor_id": "a", "session_id": "s"}
    turns = [
        client.create_event(
            **place,
            messages=[(f"question {n}", "USER"), (f"answer {n}", "ASSISTANT")],
            event_timestamp=WHEN + dt.timedelta(milliseconds=n),
        )
        for n in range(3)
    ]
    last = client.get_last_k_turns(**place, k=2)
    assert [[message["content"]["text"] for message in turn] for turn in last] == [
        ["question 2", "answer 2"],
        ["question 1", "answer 1"],
    ]
    for n in range(5):
        client.fork_conversation(
            **place, root_event_id=turns[0]["eventId"], branch_name=f"fork{n}", new_messages=[("instead", "USER")]
        )
    branches = {branch["name"]: branch["rootEventId"] for branch in client.list_branches(**place)}
    assert branches == {"main": None} | {f"fork{n}": turns[0]["eventId"] for n in range(5)}
    events = client.list_branch_events(**place, branch_name="fork3", include_parent_branches=True)
    assert [event["payload"][0]["conversational"]["content"]["text"] for event in events] == ["instead", "question 0"]
    client.delete_memory_and_wait(memory)


def test_events_outlive_a_killed_emulator(tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    place = {"actorId": "a", "sessionId": "s"}
    with EmulatorProcess(AGENT, *state) as first:
        control = first.client("bedrock-agentcore-control")
        memory = control.create_memory(name="m", eventExpiryDuration=7)["memory"]["id"]
        data = first.client("bedrock-agentcore")
        event = data.create_event(memoryId=memory, **place, eventTimestamp=WHEN, payload=say("remember me"))["event"]
        first.kill()
    with EmulatorProcess(AGENT, *state) as second:
        data = second.client("bedrock-agentcore")
        assert data.list_events(memoryId=memory, **place)["events"] == [event]
