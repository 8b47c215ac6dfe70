"""LangGraph's store over AgentCore Memory: messages go in as events, and what is extracted of them is found."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, RunningEmulator

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

AGENT = Path(__file__).parents[3] / "agent" / "memory_agent.py"
FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}


@pytest.fixture
def store(environment: None, remembering: str) -> Any:
    return store_of(remembering)


@pytest.fixture
def events(emulator: RunningEmulator, remembering: str) -> Callable[[], list[tuple[str, str]]]:
    """Role and text of each message of ada's session s, the newest first."""
    data = emulator.client("bedrock-agentcore")

    def listed() -> list[tuple[str, str]]:
        given = {"memoryId": remembering, "actorId": "ada", "sessionId": "s"}
        found = [event["payload"] for event in data.list_events(**given)["events"]]
        said = [item["conversational"] for payload in found for item in payload]
        return [(one["role"], one["content"]["text"]) for one in said]

    return listed


def store_of(memory: str, **more: Any) -> Any:
    from langgraph_checkpoint_aws import AgentCoreMemoryStore

    return AgentCoreMemoryStore(memory_id=memory, region_name="us-east-1", **more)


def human(text: str) -> dict[str, BaseMessage]:
    from langchain_core.messages import HumanMessage

    return {"message": HumanMessage(text)}


def contents(items: list[Any]) -> list[str]:
    return [item.value["content"] for item in items]


def test_what_is_put_is_found(store: Any) -> None:
    store.put(("ada", "s"), "1", human("I like sushi with tuna"))
    store.put(("ada", "t"), "2", human("I live in Berlin"))
    first, second = store.search(("facts", "ada"), query="What sushi do I like?")
    assert first.value["content"] == "The user likes sushi with tuna."
    assert first.value["namespaces"] == ["/facts/ada/"]
    assert first.value["memory_strategy_id"].startswith("Facts-")
    assert first.score >= 0.3 > second.score
    item = store.get(("facts", "ada"), first.key)
    assert (item.key, item.value, item.created_at) == (first.key, first.value, first.created_at)


def test_messages_have_roles(store: Any, events: Callable[[], list[tuple[str, str]]]) -> None:
    from langchain_core.messages import AIMessage, SystemMessage, ToolMessage

    call: Any = {"name": "add", "args": {}, "id": "1"}
    store.put(("ada", "s"), "0", {"message": AIMessage("", tool_calls=[call])})
    assert events() == []
    for number, message in enumerate((human("1")["message"], AIMessage("2"), ToolMessage("3", tool_call_id="1"))):
        store.put(("ada", "s"), str(number), {"message": message})
    store.put(("ada", "t"), "3", {"message": SystemMessage("4")})
    assert sorted(events(), key=lambda event: event[1]) == [("USER", "1"), ("ASSISTANT", "2"), ("TOOL", "3")]


def test_namespaces_by_path_and_exactly(store: Any, remembering: str) -> None:
    store.put(("ada", "s"), "1", human("I like sushi with tuna"))
    store.put(("bob", "s"), "1", human("I like sushi with salmon"))
    assert len(store.search(("facts",), query="sushi")) == 2
    assert len(store.search((), query="sushi", limit=50)) == 6
    assert contents(store.search(("facts", "bob"), query="sushi")) == ["The user likes sushi with salmon."]
    assert store.search(("facts", "ad"), query="sushi") == []
    exact = store_of(remembering, hierarchical_search=False)
    assert exact.search(("facts",), query="sushi") == []
    assert contents(exact.search(("facts", "bob"), query="sushi")) == ["The user likes sushi with salmon."]


def test_how_many(store: Any) -> None:
    for number in range(4):
        store.put(("ada", "s"), str(number), human(f"I own {number + 2} red bicycles in town {number}"))
    found = store.search(("facts",), query="bicycles", limit=3)
    assert len(found) == 3
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert store.search(("facts",)) == []


def test_what_is_not_there(store: Any) -> None:
    assert store.get(("facts", "ada"), f"mem-{uuid.uuid4()}") is None
    assert store.search(("facts", "ada"), query="sushi") == []
    assert store.list_namespaces() == []
    missing = store_of("missing-0123456789")
    assert missing.get(("facts", "ada"), f"mem-{uuid.uuid4()}") is None
    with pytest.raises(ClientError, match="Memory not found"):
        missing.put(("ada", "s"), "1", human("Hello"))
    with pytest.raises(ClientError, match="Memory not found"):
        missing.search(("facts",), query="sushi")


def test_a_batch(store: Any) -> None:
    from langgraph.store.base import GetOp, PutOp, SearchOp

    put, found, gone = store.batch(
        [
            PutOp(("ada", "s"), "1", human("I like sushi with tuna")),
            SearchOp(("facts",), query="sushi"),
            GetOp(("facts",), f"mem-{uuid.uuid4()}"),
        ]
    )
    assert (put, contents(found), gone) == (None, ["The user likes sushi with tuna."], None)


async def test_all_that_asynchronously(store: Any) -> None:
    from langgraph.store.base import PutOp

    await store.aput(("ada", "s"), "1", human("I like sushi with tuna"))
    (found,) = await store.asearch(("facts", "ada"), query="sushi")
    assert found.value["content"] == "The user likes sushi with tuna."
    assert (await store.aget(("facts", "ada"), found.key)).value == found.value
    await store.abatch([PutOp(("ada", "s"), str(number), human(f"I own {number} red bicycles")) for number in (2, 3)])
    best = await store.asearch(("facts", "ada"), query="bicycles", limit=2)
    assert sorted(contents(best)) == ["The user owns 2 red bicycles.", "The user owns 3 red bicycles."]
    assert await store.alist_namespaces() == []


def test_a_graph_remembers_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.store.base import BaseStore

    state = ("--state-dir", str(tmp_path / "state"), "--quirks", "off")

    def answer(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
        said = state["messages"][-1]
        known = contents(store.search(("facts", "ada"), query=str(said.content)))
        store.put(("ada", "s"), str(uuid.uuid4()), {"message": said})
        return {"messages": [AIMessage(f"I know {known}")]}

    def ask(emulator: RunningEmulator, memory: str, text: str) -> str:
        for name, value in emulator.info["environment"].items():
            monkeypatch.setenv(name, value)
        graph: Any = StateGraph(MessagesState)
        graph.add_node("answer", answer)
        graph.add_edge(START, "answer")
        told = graph.compile(store=store_of(memory)).invoke({"messages": [HumanMessage(text)]})
        answered: str = told["messages"][-1].content
        return answered

    with EmulatorProcess(AGENT, *state) as first:
        control = first.client("bedrock-agentcore-control")
        given = {"name": "notes", "eventExpiryDuration": 7, "memoryStrategies": [FACTS]}
        memory = control.create_memory(**given)["memory"]["id"]
        assert ask(first, memory, "I like sushi with tuna") == "I know []"
        first.kill()
    with EmulatorProcess(AGENT, *state) as second:
        assert ask(second, memory, "What sushi do I like?") == "I know ['The user likes sushi with tuna.']"
