"""The SDK's `MemoryClient`: events, branches, records and what it forwards to boto3."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.testing import RunningEmulator

if TYPE_CHECKING:
    from bedrock_agentcore.memory import MemoryClient

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.usefixtures("on_pause")]

At = Callable[[int], dt.datetime]

FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}


@pytest.fixture(scope="module")
def client(environment: None) -> MemoryClient:
    from bedrock_agentcore.memory import MemoryClient

    return MemoryClient(region_name="us-east-1")


@pytest.fixture
def branched(client: MemoryClient, memory: str, at: At) -> list[dict[str, Any]]:
    """Two events of main, then two of "other", which leaves main at its first one."""
    root = client.create_event(memory, "ada", "s", [("One", "USER"), ("1", "ASSISTANT")], at(0))
    main = client.create_event(memory, "ada", "s", [("Two", "USER"), ("2", "ASSISTANT")], at(1))
    fork = client.fork_conversation(
        memory,
        "ada",
        "s",
        root["eventId"],
        "other",
        [("Three", "USER"), ("3", "ASSISTANT")],
        at(2),
        {"kind": {"stringValue": "fork"}},
    )
    more = client.create_event(memory, "ada", "s", [("Four", "USER")], at(3), {"name": "other"})
    return [root, main, fork, more]


def texts(records: list[Any]) -> list[str]:
    return [record["content"]["text"] for record in records]


def equals(key: str, value: str) -> Any:
    return {
        "left": {"metadataKey": key},
        "operator": "EQUALS_TO",
        "right": {"metadataValue": {"stringValue": value}},
    }


def test_events_of_each_kind(client: MemoryClient, memory: str, at: At) -> None:
    place: Any = {"place": {"stringValue": "NYC"}}
    said = client.create_event(memory, "ada", "s", [("Hello", "USER"), ("hi", "tool")], at(0), metadata=place)
    blob = client.create_blob_event(memory, "ada", "s", {"a": [1, None]}, at(1), metadata={"n": {"stringValue": "1"}})
    saved = client.save_conversation(memory, "ada", "s", [("Bye", "USER")], at(2))
    assert said["payload"] == [
        {"conversational": {"content": {"text": "Hello"}, "role": "USER"}},
        {"conversational": {"content": {"text": "hi"}, "role": "TOOL"}},
    ]
    assert (said["eventTimestamp"], said["metadata"], said["branch"]) == (at(0), place, {"name": "main"})
    assert blob["payload"] == [{"blob": {"a": [1, None]}}]
    assert client.list_events(memory, "ada", "s") == [saved, blob, said]
    assert client.list_events(memory, "ada", "s", max_results=2) == [saved, blob]
    assert client.list_events(memory, "ada", "s", event_metadata=[equals("place", "NYC")]) == [said]
    assert all("payload" not in event for event in client.list_events(memory, "ada", "s", include_payload=False))
    assert client.list_events(memory, "ada", "other") == []


def test_an_event_without_a_time_is_of_now(client: MemoryClient, memory: str, at: At) -> None:
    client.create_event(memory, "ada", "s", [("Hello", "USER")])
    client.create_event(memory, "ada", "s", [("Earlier", "USER")], at(0))
    assert [turn[0]["content"]["text"] for turn in client.get_last_k_turns(memory, "ada", "s")] == ["Hello", "Earlier"]


def test_a_session_of_more_than_a_page(client: MemoryClient, memory: str, at: At) -> None:
    made = [client.create_event(memory, "ada", "s", [(str(number), "USER")], at(number)) for number in range(103)]
    assert client.list_events(memory, "ada", "s", max_results=1000) == made[::-1]
    assert client.list_events(memory, "ada", "s") == made[:2:-1]
    said = [turn[0]["content"]["text"] for turn in client.get_last_k_turns(memory, "ada", "s", k=102)]
    assert said == [str(number) for number in range(102, 0, -1)]
    assert len(client.get_last_k_turns(memory, "ada", "s", k=102, max_results=5)) == 5
    (main,) = client.list_branches(memory, "ada", "s")
    assert main["eventCount"] == 103
    tree = client.get_conversation_tree(memory, "ada", "s")["main_branch"]
    assert len(tree["branches"]["main"]["events"]) == 103


def test_the_last_turns(client: MemoryClient, memory: str, at: At) -> None:
    for number in range(3):
        client.create_event(memory, "ada", "s", [(f"u{number}", "USER"), (f"a{number}", "ASSISTANT")], at(number))
    turns = client.get_last_k_turns(memory, "ada", "s", k=2)
    assert [texts(turn) for turn in turns] == [["u2", "a2"], ["u1", "a1"]]
    turns = client.get_last_k_turns(memory, "ada", "s", k=9, branch_name="main")
    assert [texts(turn) for turn in turns] == [["u2", "a2"], ["u1", "a1"], ["u0", "a0"]]


def test_branches(client: MemoryClient, memory: str, branched: list[dict[str, Any]]) -> None:
    root, main, fork, more = branched
    # The SDK calls the first event that a listing shows the first one, and listings begin with the newest.
    assert client.list_branches(memory, "ada", "s") == [
        {
            "name": "other",
            "rootEventId": root["eventId"],
            "firstEventId": more["eventId"],
            "eventCount": 2,
            "created": more["eventTimestamp"],
        },
        {
            "name": "main",
            "rootEventId": None,
            "firstEventId": main["eventId"],
            "eventCount": 2,
            "created": main["eventTimestamp"],
        },
    ]
    assert client.list_branch_events(memory, "ada", "s", "other") == [more, fork]
    assert client.list_branch_events(memory, "ada", "s", "other", include_parent_branches=True) == [more, fork, root]
    assert client.list_branch_events(memory, "ada", "s", "other", max_results=1) == [more]
    # It takes events of the main branch to be those without any; AWS names it.
    assert client.list_branch_events(memory, "ada", "s") == []
    assert client.list_branch_events(memory, "ada", "s", "main") == [main, root]
    assert client.list_events(memory, "ada", "s") == [more, fork, main, root]
    assert client.list_events(memory, "ada", "s", "other", include_parent_branches=True) == [more, fork, root]
    assert client.list_events(memory, "ada", "s", "other", event_metadata=[equals("kind", "fork")]) == [fork]


def test_what_branches_are_made_into(client: MemoryClient, memory: str, branched: list[dict[str, Any]]) -> None:
    root, main, fork, more = branched
    merged = client.merge_branch_context(memory, "ada", "s", "other")
    assert [message["content"] for message in merged] == ["One", "1", "Three", "3", "Four"]
    assert [message["branch"] for message in merged] == ["main", "main", "other", "other", "other"]
    alone = client.merge_branch_context(memory, "ada", "s", "other", include_parent=False)
    assert [message["eventId"] for message in alone] == [fork["eventId"], fork["eventId"], more["eventId"]]
    turns = client.get_last_k_turns(memory, "ada", "s", k=9, branch_name="other")
    assert [texts(turn) for turn in turns] == [["Four"], ["Three", "3"]]
    turns = client.get_last_k_turns(memory, "ada", "s", k=9, branch_name="other", include_branches=True)
    assert [texts(turn) for turn in turns] == [["Four"], ["Three", "3"], ["One", "1"]]
    branches = client.get_conversation_tree(memory, "ada", "s")["main_branch"]["branches"]
    assert branches["other"]["root_event_id"] == root["eventId"]
    assert [event["eventId"] for event in branches["main"]["events"]] == [main["eventId"], root["eventId"]]
    assert branches["other"]["events"][1]["messages"] == [
        {"role": "USER", "text": "Three..."},
        {"role": "ASSISTANT", "text": "3..."},
    ]


def test_what_is_said_is_remembered(client: MemoryClient, remembering: str, at: At) -> None:
    client.create_event(remembering, "ada", "s", [("I like tea", "USER")], at(0), extraction_mode="SKIP")
    client.create_event(remembering, "ada", "s", [("I like sushi with tuna", "USER")], at(1))
    assert client.wait_for_memories(remembering, "/likes/ada/", "sushi")
    (like,) = client.retrieve_memories(remembering, "/likes/ada/", "sushi")
    assert json.loads(like["content"]["text"])["preference"] == "Likes sushi with tuna"
    assert texts(client.retrieve_memories(remembering, query="sushi", namespace_path="/facts")) == [
        "The user likes sushi with tuna."
    ]
    assert client.retrieve_memories(remembering, "/facts/", "sushi") == []
    assert client.retrieve_memories(remembering, "*", "sushi") == []
    assert not client.wait_for_memories(remembering, "/likes/bob/", max_wait=0)


def test_a_turn_with_a_model(client: MemoryClient, remembering: str, at: At) -> None:
    client.create_event(remembering, "ada", "s", [("I like sushi with tuna", "USER")], at(0))
    assert client.wait_for_memories(remembering, "/facts/ada/")

    def model(prompt: str, memories: list[dict[str, Any]]) -> str:
        return f"{prompt} {texts(memories)}"

    known, said, event = client.process_turn_with_llm(
        remembering, "ada", "t", "What sushi?", model, "/facts/ada/", event_timestamp=at(1)
    )
    assert texts(known) == ["The user likes sushi with tuna."]
    assert said == "What sushi? ['The user likes sushi with tuna.']"
    assert [item["conversational"]["content"]["text"] for item in event["payload"]] == ["What sushi?", said]
    known, _, _ = client.process_turn_with_llm(
        remembering,
        "ada",
        "t",
        "Tell me",
        model,
        retrieval_query="sushi",
        top_k=1,
        retrieval_namespace_path="/likes",
        event_timestamp=at(2),
    )
    assert len(known) == 1
    assert client.process_turn_with_llm(remembering, "bob", "t", "Hello", model)[1] == "Hello []"


def test_records_by_what_is_forwarded(client: MemoryClient, make_memory: Callable[..., str], at: At) -> None:
    memory = make_memory(indexedKeys=[{"key": "weight", "type": "NUMBER"}])
    given: list[dict[str, Any]] = [
        {
            "requestIdentifier": f"r{number}",
            "namespaces": ["/facts/ada/"],
            "content": {"text": f"Plate {number}"},
            "timestamp": at(number),
            "metadata": {"weight": {"numberValue": number}},
        }
        for number in range(4)
    ]
    made = client.batch_create_memory_records(memory_id=memory, records=given)["successfulRecords"]
    ids = [record["memoryRecordId"] for record in made]
    from bedrock_agentcore.memory.models.filters import (
        MemoryMetadataFilter,
        MemoryRecordLeftExpression,
        MemoryRecordOperatorType,
        MemoryRecordRightExpression,
    )

    # Typed as dictionaries, but with ways to make them.
    filters: Any = MemoryMetadataFilter
    left: Any = MemoryRecordLeftExpression
    right: Any = MemoryRecordRightExpression
    heavy = filters.build_expression(left.build("weight"), MemoryRecordOperatorType.GREATER_THAN, right.build_number(2))
    assert texts(client.retrieve_memories(memory, "/facts/ada/", "plate", metadata_filters=[heavy])) == ["Plate 3"]
    found = client.retrieve_memory_records(
        memory_id=memory, namespace_path="/", search_criteria={"searchQuery": "plate", "topK": 2}
    )
    assert len(found["memoryRecordSummaries"]) == 2
    change = {"memoryRecordId": ids[0], "timestamp": at(9), "content": {"text": "Cup"}}
    client.batch_update_memory_records(memory_id=memory, records=[change])
    shown = client.get_memory_record(memory_id=memory, memory_record_id=ids[0])["memoryRecord"]
    assert (shown["content"]["text"], shown["timestamp"]) == ("Cup", at(9))
    client.delete_memory_record(memory_id=memory, memory_record_id=ids[1])
    client.batch_delete_memory_records(memory_id=memory, records=[{"memoryRecordId": ids[2]}])
    left = client.list_memory_records(memory_id=memory, namespace="/facts/ada/")["memoryRecordSummaries"]
    assert sorted(texts(left)) == ["Cup", "Plate 3"]


def test_events_by_what_is_forwarded(client: MemoryClient, memory: str, at: At) -> None:
    made = client.create_event(memory, "ada", "s", [("Hello", "USER")], at(0))
    event = {"memory_id": memory, "actor_id": "ada", "session_id": "s", "event_id": made["eventId"]}
    assert client.get_event(**event)["event"] == made
    assert client.list_actors(memory_id=memory)["actorSummaries"] == [{"actorId": "ada"}]
    (session,) = client.list_sessions(memory_id=memory, actor_id="ada")["sessionSummaries"]
    assert (session["sessionId"], session["actorId"]) == ("s", "ada")
    assert client.delete_event(**event)["eventId"] == made["eventId"]
    with pytest.raises(client.gmdp_client.exceptions.ResourceNotFoundException, match="Unable to find event"):
        client.get_event(**event)
    assert (
        client.list_sessions(memory_id=memory, actor_id="ada", filter={"eventFilter": "HAS_EVENTS"})["sessionSummaries"]
        == []
    )


def test_a_service_error_is_raised(client: MemoryClient, at: At) -> None:
    for call in (
        lambda memory: client.create_event(memory, "ada", "s", [("Hello", "USER")], at(0)),
        lambda memory: client.create_blob_event(memory, "ada", "s", 1, at(0)),
        lambda memory: client.list_events(memory, "ada", "s"),
        lambda memory: client.list_branches(memory, "ada", "s"),
        lambda memory: client.get_last_k_turns(memory, "ada", "s"),
    ):
        with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Memory not found: missing-0123456789"):
            call("missing-0123456789")


def test_extraction_is_waited_for_as_long_as_it_takes(
    elsewhere: Callable[..., RunningEmulator], on_pause: Callable[[Callable[[float], object]], None]
) -> None:
    """Each pause of the client moves the emulator's clock."""
    emulator = elsewhere("--clock", "virtual", "--extraction-delay", "40")
    on_pause(emulator.clock.advance)
    from bedrock_agentcore.memory import MemoryClient

    client = MemoryClient(region_name="us-east-1")
    memory = client.create_memory_and_wait("notes", [FACTS])["id"]
    client.create_event(memory, "ada", "s", [("I like tea", "USER")])
    started = emulator.clock.time()
    assert client.wait_for_memories(memory, "/facts/ada/")
    assert emulator.clock.time() - started == 45


def test_jobs_that_failed(elsewhere: Callable[..., RunningEmulator]) -> None:
    """The scripted model answers with no records, so the job that asks it fails."""
    elsewhere("--extraction", "model")
    from bedrock_agentcore.memory import MemoryClient

    client = MemoryClient(region_name="us-east-1")
    memory = client.create_memory_and_wait("notes", [FACTS])["id"]
    event = client.create_event(memory, "ada", "s", [("I like tea", "USER")])
    (job,) = client.list_memory_extraction_jobs(memory_id=memory)["jobs"]
    assert job["messages"] == {"messagesList": [{"eventId": event["eventId"], "messageIndex": 0}]}
    assert (job["status"], job["actorId"], job["sessionId"]) == ("FAILED", "ada", "s")
    started = client.start_memory_extraction_job(memory_id=memory, extraction_job={"jobId": job["jobID"]})
    assert started["jobId"] == job["jobID"]
    with pytest.raises(client.gmdp_client.exceptions.ResourceNotFoundException, match="missing"):
        client.start_memory_extraction_job(memory_id=memory, extraction_job={"jobId": "missing"})
