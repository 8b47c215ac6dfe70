"""Strands' `MemoryManager` over the SDK's `AgentCoreMemoryStore`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def client(environment: None) -> Any:
    from bedrock_agentcore.memory import MemoryClient

    return MemoryClient(region_name="us-east-1")


@pytest.fixture
def make_store(client: Any, remembering: str) -> Callable[..., Any]:
    """`make_store(namespace=..., ...)`: a store of ada's session s, unless told otherwise."""
    from bedrock_agentcore.memory.integrations.strands.memorystore import AgentCoreMemoryStore

    def made(**more: Any) -> Any:
        return AgentCoreMemoryStore(
            **{"memory_id": remembering, "actor_id": "ada", "session_id": "s", "client": client, **more}
        )

    return made


@pytest.fixture
def writer(make_store: Callable[..., Any]) -> Any:
    return make_store(namespace="/facts/{actorId}/", writable=True, extraction=True)


def messages(*texts: str) -> list[Any]:
    """Of the user and of the assistant, in turn."""
    return [
        {"role": ("user", "assistant")[number % 2], "content": [{"text": text}]} for number, text in enumerate(texts)
    ]


def numbered(*numbers: int) -> Any:
    from strands.memory import AddMessagesContext

    return AddMessagesContext(sequence_numbers=list(numbers))


async def found(store: Any, query: str = "sushi", **options: Any) -> list[str]:
    return [entry.content for entry in await store.search(query, options)]


async def test_what_is_added_is_found(writer: Any) -> None:
    await writer.add_messages(messages("I like sushi with tuna", "Noted", "I live in Berlin"), numbered(0, 1, 2))
    first, second = await writer.search("What sushi do I like?")
    assert first.content == "The user likes sushi with tuna."
    assert second.content == "The user lives in Berlin."
    assert first.metadata["_namespaces"] == ["/facts/ada/"]
    assert first.metadata["_id"].startswith("mem-")
    assert first.metadata["_score"] >= 0.3 > second.metadata["_score"]
    assert first.metadata["_createdAt"].endswith("Z")


async def test_a_batch_that_is_sent_again_is_kept_once(client: Any, remembering: str, writer: Any) -> None:
    """The second time it has another time stamp."""
    for _ in range(2):
        await writer.add_messages(messages("I like sushi with tuna", "Noted"), numbered(0, 1))
    await writer.add_messages(messages("I live in Berlin"), numbered(2))
    newest, oldest = client.list_events(remembering, "ada", "s")
    assert [len(event["payload"]) for event in (newest, oldest)] == [1, 2]
    # Without numbers nothing shows that it is the same.
    for _ in range(2):
        await writer.add_messages(messages("I like tea"))
    assert len(client.list_events(remembering, "ada", "s")) == 4


async def test_a_batch_of_several_events(client: Any, remembering: str, make_store: Callable[..., Any]) -> None:
    """They are posted at the same time; a new one begins where there is other metadata or no room."""

    def tone(message: Any) -> dict[str, Any]:
        return {"loud": message["content"][0]["text"].isupper()}

    store = make_store(
        namespace="/facts/{actorId}/", writable=True, extraction=True, max_turns_per_event=2, metadata_provider=tone
    )
    await store.add_messages(messages("a", "b", "c", "D"), numbered(0, 1, 2, 3))
    events = client.list_events(remembering, "ada", "s")
    assert sorted(
        (
            event["metadata"]["loud"]["stringValue"],
            [item["conversational"]["content"]["text"] for item in event["payload"]],
        )
        for event in events
    ) == [("false", ["a", "b"]), ("false", ["c"]), ("true", ["D"])]


async def test_what_extraction_is_to_skip(make_store: Callable[..., Any], writer: Any) -> None:
    skipping = make_store(namespace="/facts/{actorId}/", writable=True, extraction=True, extraction_mode="SKIP")
    await skipping.add_messages(messages("I like sushi with tuna"), numbered(0))
    await writer.add_messages(messages("I live in Berlin"), numbered(0))
    assert await found(writer) == ["The user lives in Berlin."]


async def test_exact_namespaces_and_subtrees(make_store: Callable[..., Any], writer: Any) -> None:
    await writer.add_messages(messages("I like sushi with tuna"), numbered(0))
    assert len(await found(make_store(namespace="/facts/{actorId}/"))) == 1
    assert await found(make_store(namespace="/facts/")) == []
    for path in ("/facts", "/facts/ada", "/facts/{actorId}/"):
        assert len(await found(make_store(namespace_path=path))) == 1
    assert await found(make_store(namespace_path="/facts/ad")) == []
    assert await found(make_store(namespace="/facts/{actorId}/", actor_id="bob")) == []


async def test_summaries_stay_in_their_session(make_store: Callable[..., Any]) -> None:
    given = {"namespace": "/sums/{actorId}/{sessionId}/"}
    writing = make_store(**given, writable=True, extraction=True)
    await writing.add_messages(messages("We are planning a trip to Japan", "Lovely", "Book a hotel in Kyoto"))
    assert "Japan" in (await found(make_store(**given), "What trip is planned?"))[0]
    assert await found(make_store(**given, session_id="t"), "What trip is planned?") == []


async def test_how_many_and_how_good(make_store: Callable[..., Any], writer: Any) -> None:
    await writer.add_messages(messages("I like sushi with tuna", "", "I live in Berlin", "", "I play the cello"))
    assert len(await found(writer, max_search_results=2)) == 2
    assert len(await found(make_store(namespace="/facts/{actorId}/", max_search_results=1))) == 1
    assert await found(make_store(namespace="/facts/{actorId}/", min_score=0.3)) == ["The user likes sushi with tuna."]


async def test_errors_are_raised(make_store: Callable[..., Any]) -> None:
    reading = make_store(namespace="/facts/{actorId}/")
    with pytest.raises(ValueError, match="not writable"):
        await reading.add_messages(messages("a"))
    missing = {"memory_id": "missing-0123456789", "namespace": "/facts/{actorId}/"}
    with pytest.raises(ClientError, match="Memory not found"):
        await make_store(**missing).search("sushi")
    with pytest.raises(Exception, match=r"create_event failed for 1 of 1 event.*Memory not found"):
        await make_store(**missing, writable=True).add_messages(messages("a"))


async def test_an_agent_of_another_session_knows(client: Any, remembering: str) -> None:
    from bedrock_agentcore.memory.integrations.strands.memorystore import create_agentcore_memory_stores
    from strands import Agent
    from strands.memory import MemoryManager
    from strands.models import BedrockModel

    def manager(session: str) -> MemoryManager:
        return MemoryManager(
            stores=create_agentcore_memory_stores(
                memory_id=remembering,
                actor_id="ada",
                session_id=session,
                namespaces=[{"namespace": "/facts/{actorId}/"}, {"namespace": "/likes/{actorId}/"}],
                extraction=True,
                client=client,
            )
        )

    model = BedrockModel(region_name="us-east-1")
    telling = manager("one")
    await Agent(model=model, memory_manager=telling, callback_handler=None).invoke_async("I like sushi with tuna")
    await telling.flush()
    entries = await manager("two").search("What sushi do I like?")
    assert {tuple((entry.metadata or {})["_namespaces"]) for entry in entries} == {("/facts/ada/",), ("/likes/ada/",)}
    assert all("sushi" in entry.content for entry in entries)
    (event,) = client.list_events(remembering, "ada", "one")
    assert event["payload"][0]["conversational"] == {"content": {"text": "I like sushi with tuna"}, "role": "USER"}
