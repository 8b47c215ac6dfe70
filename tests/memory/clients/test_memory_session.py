"""The SDK's `MemorySessionManager`, and the sessions and actors that it makes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

At = Callable[[int], dt.datetime]


@pytest.fixture
def manage(environment: None) -> Callable[[str], Any]:
    """`manage(memory_id)`: a manager of the memory."""
    from bedrock_agentcore.memory.session import MemorySessionManager

    return lambda memory_id: MemorySessionManager(memory_id, region_name="us-east-1")


@pytest.fixture
def manager(manage: Callable[[str], Any], memory: str) -> Any:
    """One of a memory that keeps events alone."""
    return manage(memory)


@pytest.fixture
def session(manager: Any) -> Any:
    return manager.create_memory_session("ada", "s")


@pytest.fixture
def knowing(manage: Callable[[str], Any], remembering: str) -> Any:
    """A manager of a memory that extracts."""
    return manage(remembering)


@pytest.fixture
def remembered(knowing: Any) -> Any:
    """The session of an actor who likes sushi."""
    session = knowing.create_memory_session("ada", "s")
    session.add_turns(said("I like sushi with tuna"))
    return session


@pytest.fixture
def filed(manage: Callable[[str], Any], make_memory: Callable[..., str], at: At) -> Any:
    """A manager of four records in /facts/ada/, which weigh 0 to 3, and one in /facts/ada/more/."""
    memory = make_memory(indexedKeys=[{"key": "weight", "type": "NUMBER"}])
    manager = manage(memory)
    records = [
        {
            "requestIdentifier": f"r{number}",
            "namespaces": ["/facts/ada/more/" if number == 4 else "/facts/ada/"],
            "content": {"text": f"Plate {number}"},
            "timestamp": at(number),
            "metadata": {"weight": {"numberValue": number}},
        }
        for number in range(5)
    ]
    manager.batch_create_memory_records(memory_id=memory, records=records)
    return manager


def said(*texts: str) -> list[Any]:
    """Messages of the user and of the assistant, in turn."""
    from bedrock_agentcore.memory.constants import ConversationalMessage, MessageRole

    roles = [MessageRole.USER, MessageRole.ASSISTANT]
    return [ConversationalMessage(text, roles[number % 2]) for number, text in enumerate(texts)]


def ids(events: list[Any]) -> list[str]:
    return [event["eventId"] for event in events]


def texts(items: list[Any]) -> list[str]:
    return [item["content"]["text"] for item in items]


def equals(key: str, value: str) -> Any:
    return {"left": {"metadataKey": key}, "operator": "EQUALS_TO", "right": {"metadataValue": {"stringValue": value}}}


def test_turns_and_blobs(manager: Any, session: Any, at: At) -> None:
    from bedrock_agentcore.memory.constants import BlobMessage

    hello, hi = said("Hello", "Hi")
    metadata = {"place": {"stringValue": "NYC"}}
    first = session.add_turns([hello, BlobMessage({"a": [1]}), hi], metadata=metadata, event_timestamp=at(0))
    assert first["payload"] == [
        {"conversational": {"content": {"text": "Hello"}, "role": "USER"}},
        {"blob": {"a": [1]}},
        {"conversational": {"content": {"text": "Hi"}, "role": "ASSISTANT"}},
    ]
    second = manager.add_turns("ada", "s", said("Bye"))
    assert ids(manager.list_events("ada", "s")) == ids([second, first])
    assert ids(session.list_events(max_results=1)) == ids([second])
    assert ids(session.list_events(eventMetadata=[equals("place", "NYC")])) == ids([first])
    assert all("payload" not in event for event in session.list_events(include_payload=False))
    shown = session.get_event(first["eventId"])
    assert (shown["eventTimestamp"], shown["metadata"]) == (at(0), metadata)
    assert [texts(turn) for turn in session.get_last_k_turns(k=1)] == [["Bye"]]


def test_times_are_kept_to_the_millisecond(session: Any, at: At) -> None:
    """Its serializer sends them as they are, where botocore's may leave fractions out."""
    when = at(0) + dt.timedelta(milliseconds=123)
    assert session.add_turns(said("Hello"), event_timestamp=when)["eventTimestamp"] == when


def test_a_session_of_more_than_a_page(manager: Any, session: Any, at: At) -> None:
    made = [session.add_turns(said(str(number)), event_timestamp=at(number)) for number in range(103)]
    assert ids(session.list_events(max_results=1000)) == ids(made[::-1])
    turns = manager.get_last_k_turns("ada", "s", k=102)
    assert [texts(turn) for turn in turns] == [[str(number)] for number in range(102, 0, -1)]
    assert len(session.get_last_k_turns(k=9, max_results=4)) == 4
    (main,) = session.list_branches()
    assert main["eventCount"] == 103


def test_branches(manager: Any, session: Any, at: At) -> None:
    root = session.add_turns(said("One", "1"), event_timestamp=at(0))
    main = session.add_turns(said("Two", "2"), event_timestamp=at(1))
    fork = session.fork_conversation(said("Three", "3"), root["eventId"], "other", event_timestamp=at(2))
    more = manager.add_turns("ada", "s", said("Four"), {"name": "other"}, event_timestamp=at(3))
    last = manager.fork_conversation("ada", "s", more["eventId"], "third", said("Five"), event_timestamp=at(4))
    assert [(one["name"], one["rootEventId"], one["eventCount"]) for one in manager.list_branches("ada", "s")] == [
        ("third", more["eventId"], 1),
        ("other", root["eventId"], 2),
        ("main", None, 2),
    ]
    assert ids(session.list_events(branch_name="other")) == ids([more, fork])
    everything = session.list_events(branch_name="third", include_parent_branches=True)
    assert ids(everything) == ids([last, more, fork, root])
    assert ids(session.list_events(branch_name="main")) == ids([last, more, fork, main, root])
    turns = session.get_last_k_turns(k=9, branch_name="third", include_parent_branches=True)
    assert [texts(turn) for turn in turns] == [["Five"], ["Four"], ["Three", "3"], ["One", "1"]]


def test_an_event_that_is_deleted(manager: Any, session: Any, at: At) -> None:
    first, second = (session.add_turns(said("Hello"), event_timestamp=at(number)) for number in range(2))
    session.delete_event(first["eventId"])
    for operation in (session.get_event, session.delete_event):
        with pytest.raises(ClientError, match="Unable to find event"):
            operation(first["eventId"])
    assert manager.get_event("ada", "s", second["eventId"])["eventId"] == second["eventId"]
    manager.delete_event("ada", "s", second["eventId"])
    assert session.list_events() == []


def test_actors_and_their_sessions(manager: Any, session: Any) -> None:
    names = [f"actor-{number:02}" for number in range(21)]
    for name in names:
        manager.add_turns(name, "s", said("Hello"))
    assert sorted(actor["actorId"] for actor in manager.list_actors()) == names
    for number in range(21):
        manager.add_turns(names[0], f"t{number}", said("Hello"))
    sessions = manager.list_actor_sessions(names[0])
    assert {one["sessionId"] for one in sessions} == {"s", *(f"t{number}" for number in range(21))}
    assert len(session.list_actors()) == 21
    assert session.get_actor().list_sessions() == []
    session.add_turns(said("Hello"))
    actor = session.get_actor()
    assert [(one["sessionId"], one["actorId"]) for one in actor.list_sessions()] == [("s", "ada")]


def test_a_session_without_an_id_gets_one(manager: Any) -> None:
    made = manager.create_memory_session("ada")
    assert uuid.UUID(made["sessionId"]).version == 4
    event = made.add_turns(said("Hello"))
    assert event["sessionId"] == made["sessionId"]


def test_what_is_said_is_found(remembered: Any) -> None:
    (fact,) = remembered.search_long_term_memories("sushi", namespace="/facts/ada/")
    assert fact["content"]["text"] == "The user likes sushi with tuna."
    assert fact["score"] >= 0.3
    assert len(remembered.search_long_term_memories("sushi", namespace_path="/")) == 3
    assert len(remembered.search_long_term_memories("sushi", namespace_path="/", top_k=1)) == 1
    strategy = fact["memoryStrategyId"]
    assert texts(remembered.search_long_term_memories("sushi", namespace_path="/", strategy_id=strategy)) == [
        fact["content"]["text"]
    ]
    assert texts(remembered.list_long_term_memory_records(namespace_path="/", strategy_id=strategy)) == [
        fact["content"]["text"]
    ]
    shown = remembered.get_memory_record(fact["memoryRecordId"])
    assert shown["content"] == fact["content"]
    remembered.delete_memory_record(fact["memoryRecordId"])
    with pytest.raises(ClientError, match="Memory record not found"):
        remembered.get_memory_record(fact["memoryRecordId"])


def test_records_are_searched_and_listed(filed: Any) -> None:
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
    heavy = filters.build_expression(
        left.build("weight"), MemoryRecordOperatorType.GREATER_THAN_OR_EQUALS, right.build_number(3)
    )
    found = filed.search_long_term_memories("plate", namespace_path="/facts", metadata_filters=[heavy])
    assert sorted(texts(found)) == ["Plate 3", "Plate 4"]
    assert len(filed.list_long_term_memory_records(namespace="/facts/ada/")) == 4
    assert len(filed.list_long_term_memory_records(namespace_path="/facts/")) == 5
    assert len(filed.list_long_term_memory_records(namespace_path="/facts/", max_results=2)) == 2
    with pytest.raises(ClientError, match="is not a valid filter key"):
        filed.search_long_term_memories(
            "plate", namespace_path="/", metadata_filters=[{**heavy, "left": {"metadataKey": "height"}}]
        )


def test_a_namespace_is_emptied(filed: Any) -> None:
    answer = filed.delete_all_long_term_memories_in_namespace("/facts/ada/")
    assert (len(answer["successfulRecords"]), answer["failedRecords"]) == (4, [])
    (left,) = filed.list_long_term_memory_records(namespace_path="/")
    assert left["content"]["text"] == "Plate 4"
    assert filed.delete_all_long_term_memories_in_namespace("/facts/ada/")["successfulRecords"] == []
    assert filed.get_memory_record(left["memoryRecordId"])["metadata"]["weight"] == {"numberValue": 4}
    filed.delete_memory_record(left["memoryRecordId"])
    assert filed.list_long_term_memory_records(namespace_path="/") == []


def test_a_turn_with_a_model(knowing: Any, remembered: Any, at: At) -> None:
    from bedrock_agentcore.memory.constants import RetrievalConfig

    def model(prompt: str, memories: list[Any]) -> str:
        return f"{prompt} {texts(memories)}"

    asked = {
        "/facts/{actorId}/": RetrievalConfig(top_k=5, relevance_score=0.3),
        "/facts/{sessionId}/": RetrievalConfig(top_k=5),
    }
    known, answer, event = remembered.process_turn_with_llm(
        "What sushi?", model, asked, {"kind": {"stringValue": "turn"}}, at(1)
    )
    assert texts(known) == ["The user likes sushi with tuna."]
    assert [item["conversational"]["content"]["text"] for item in event["payload"]] == ["What sushi?", answer]
    assert (event["metadata"], event["eventTimestamp"]) == ({"kind": {"stringValue": "turn"}}, at(1))
    assert knowing.process_turn_with_llm("bob", "t", "Hello", model, asked)[1] == "Hello []"


async def test_a_turn_with_an_asynchronous_model(knowing: Any, remembered: Any) -> None:
    from bedrock_agentcore.memory.constants import RetrievalConfig

    async def model(prompt: str, memories: list[Any]) -> str:
        return f"{prompt} {texts(memories)}"

    asked = {"/likes/{actorId}/": RetrievalConfig(top_k=5, retrieval_query="sushi")}
    known, answer, event = await remembered.process_turn_with_llm_async("Tell me", model, asked)
    assert len(known) == 1
    assert event["payload"][1]["conversational"]["content"]["text"] == answer
    assert (await knowing.process_turn_with_llm_async("bob", "t", "Hello", model, asked))[1] == "Hello []"
