"""LangGraph graphs that keep their checkpoints in AgentCore Memory, in each of the formats that its saver has.

Each step waits for the checkpoint of the one before (`durability="sync"`). Otherwise two may be of one millisecond, and
which of such events is the newest is open, so that a saver of snapshots could go on from the older one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import operator
import uuid
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

from agentcore_emulator.testing import EmulatorProcess, RunningEmulator

AGENT = Path(__file__).parents[3] / "agent" / "memory_agent.py"
FORMATS = ["legacy", "snapshot"]


class State(TypedDict):
    said: Annotated[list[str], operator.add]


@pytest.fixture(params=FORMATS)
def saver(environment: None, memory: str, request: pytest.FixtureRequest) -> Any:
    return saver_of(memory, request.param)


@pytest.fixture
def config() -> dict[str, Any]:
    """Of a thread of its own."""
    return thread(uuid.uuid4().hex)


def saver_of(memory: str, kind: str, **more: Any) -> Any:
    from langgraph_checkpoint_aws import AgentCoreMemorySaver

    return AgentCoreMemorySaver(memory, checkpoint_format=kind, region_name="us-east-1", **more)


def thread(name: str, actor: str = "ada", **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": name, "actor_id": actor, **more}}


def chain(saver: Any, *, city: bool = False) -> Any:
    """A graph that greets, asks for a city if it is to, and says goodbye."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import interrupt

    graph: Any = StateGraph(State)
    graph.add_node("greet", lambda state: {"said": [f"Hello {len(state['said'])}"]})
    graph.add_node("ask", lambda state: {"said": [interrupt("Which city?")] if city else []})
    graph.add_node("leave", lambda state: {"said": ["Bye"]})
    graph.add_edge(START, "greet")
    graph.add_edge("greet", "ask")
    graph.add_edge("ask", "leave")
    graph.add_edge("leave", END)
    return graph.compile(checkpointer=saver)


def said(state: Any) -> list[str]:
    texts: list[str] = state.values.get("said", [])
    return texts


@pytest.mark.parametrize("kind", FORMATS)
def test_a_graph_goes_on_after_a_crash(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langgraph.types import Command

    state = ("--state-dir", str(tmp_path / "state"), "--quirks", "off")

    def enter(emulator: RunningEmulator) -> None:
        for name, value in emulator.info["environment"].items():
            monkeypatch.setenv(name, value)

    config = thread("t")
    with EmulatorProcess(AGENT, *state) as first:
        enter(first)
        control = first.client("bedrock-agentcore-control")
        memory = control.create_memory(name="notes", eventExpiryDuration=7)["memory"]["id"]
        stopped = chain(saver_of(memory, kind), city=True).invoke({"said": ["Hi"]}, config, durability="sync")
        assert [one.value for one in stopped["__interrupt__"]] == ["Which city?"]
        first.kill()
    with EmulatorProcess(AGENT, *state) as second:
        enter(second)
        graph = chain(saver_of(memory, kind), city=True)
        assert graph.get_state(config).next == ("ask",)
        assert graph.invoke(Command(resume="Rome"), config, durability="sync") == {
            "said": ["Hi", "Hello 1", "Rome", "Bye"]
        }
        assert [said(one) for one in graph.get_state_history(config)] == [
            ["Hi", "Hello 1", "Rome", "Bye"],
            ["Hi", "Hello 1", "Rome"],
            ["Hi", "Hello 1"],
            ["Hi"],
            [],
        ]


def test_a_thread_goes_on(saver: Any, config: dict[str, Any]) -> None:
    graph = chain(saver)
    graph.invoke({"said": ["Hi"]}, config, durability="sync")
    assert graph.invoke({"said": ["Again"]}, config, durability="sync")["said"] == [
        "Hi",
        "Hello 1",
        "Bye",
        "Again",
        "Hello 4",
        "Bye",
    ]
    assert graph.get_state(config).next == ()
    # Threads and actors have states of their own.
    name = config["configurable"]["thread_id"]
    for other in (thread("other"), thread(name, "bob")):
        assert graph.get_state(other).values == {}


def test_a_thread_goes_on_from_an_earlier_checkpoint(saver: Any, config: dict[str, Any]) -> None:
    graph = chain(saver)
    graph.invoke({"said": ["Hi"]}, config, durability="sync")
    history = list(graph.get_state_history(config))
    assert [one.next for one in history] == [(), ("leave",), ("ask",), ("greet",), ("__start__",)]
    assert [one.metadata["step"] for one in history] == [3, 2, 1, 0, -1]
    greeted = history[2]
    assert graph.get_state(greeted.config) == greeted
    changed = graph.update_state(greeted.config, {"said": ["What?"]}, as_node="ask")
    assert graph.invoke(None, changed, durability="sync") == {"said": ["Hi", "Hello 1", "What?", "Bye"]}
    assert said(graph.get_state(history[0].config)) == ["Hi", "Hello 1", "Bye"]
    assert said(graph.get_state(config)) == ["Hi", "Hello 1", "What?", "Bye"]


def test_what_was_done_is_not_done_again(saver: Any, config: dict[str, Any]) -> None:
    """One of two nodes of a step fails; the other's writes are kept."""
    from langgraph.graph import START, StateGraph

    runs: list[str] = []

    def works(state: State) -> dict[str, Any]:
        runs.append("works")
        return {"said": ["done"]}

    def fails(state: State) -> dict[str, Any]:
        runs.append("fails")
        if runs.count("fails") == 1:
            raise ValueError("not yet")
        return {"said": ["done too"]}

    graph: Any = StateGraph(State)
    for node in (works, fails):
        graph.add_node(node.__name__, node)
        graph.add_edge(START, node.__name__)
    made = graph.compile(checkpointer=saver)
    with pytest.raises(ValueError, match="not yet"):
        made.invoke({"said": []}, config, durability="sync")
    assert sorted(task.name for task in made.get_state(config).tasks if task.error) == ["fails"]
    assert sorted(made.invoke(None, config, durability="sync")["said"]) == ["done", "done too"]
    assert sorted(runs) == ["fails", "fails", "works"]


def test_a_graph_within_a_graph(saver: Any, config: dict[str, Any]) -> None:
    """Its checkpoints are in a session of their own."""
    from langgraph.graph import START, StateGraph
    from langgraph.types import Command

    inner = chain(None, city=True)
    graph: Any = StateGraph(State)
    graph.add_node("inner", inner)
    graph.add_edge(START, "inner")
    made = graph.compile(checkpointer=saver)
    made.invoke({"said": ["Hi"]}, config, durability="sync")
    (task,) = made.get_state(config, subgraphs=True).tasks
    assert (said(task.state), task.state.next) == (["Hi", "Hello 1"], ("ask",))
    assert made.invoke(Command(resume="Rome"), config, durability="sync")["said"][-2:] == ["Rome", "Bye"]


def test_checkpoints_are_listed(saver: Any, config: dict[str, Any]) -> None:
    graph = chain(saver)
    graph.invoke({"said": ["Hi"]}, config, durability="sync")
    listed = list(saver.list(config))
    assert [one.checkpoint["id"] for one in listed] == sorted((one.checkpoint["id"] for one in listed), reverse=True)
    assert len(listed) == 5
    assert list(saver.list(config, limit=2)) == listed[:2]
    assert list(saver.list(config, before=listed[1].config)) == listed[2:]
    assert list(saver.list(config, filter={"source": "input"})) == listed[4:]
    assert list(saver.list(listed[3].config)) == [listed[3]]
    assert [one.parent_config for one in listed[:4]] == [one.config for one in listed[1:]]
    assert saver.get_tuple(config) == listed[0]
    assert saver.get_tuple(listed[3].config) == listed[3]
    assert saver.get_tuple(thread("none")) is None


def test_a_thread_that_is_deleted(saver: Any, config: dict[str, Any]) -> None:
    graph = chain(saver)
    name = config["configurable"]["thread_id"]
    for one in (config, thread(name, "bob")):
        graph.invoke({"said": ["Hi"]}, one, durability="sync")
    saver.delete_thread(name, "ada")
    assert list(saver.list(config)) == []
    assert graph.get_state(config).values == {}
    assert said(graph.get_state(thread(name, "bob"))) == ["Hi", "Hello 1", "Bye"]


@pytest.mark.parametrize("kind", FORMATS)
def test_small_pages_make_no_difference(environment: None, memory: str, config: dict[str, Any], kind: str) -> None:
    saver = saver_of(memory, kind, max_results=2)
    chain(saver).invoke({"said": ["Hi"]}, config, durability="sync")
    assert len(list(saver.list(config))) == 5
    assert saver.get_tuple(config).checkpoint["channel_values"]["said"] == ["Hi", "Hello 1", "Bye"]


def test_a_checkpoint_of_more_than_an_event_holds(saver: Any, config: dict[str, Any]) -> None:
    """An event has a hundred payloads, so it takes several."""
    from langgraph.checkpoint.base import empty_checkpoint

    values = {f"channel-{number}": {"number": number, "bytes": bytes([number])} for number in range(250)}
    versions = dict.fromkeys(values, "1")
    checkpoint: Any = {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}
    given = {"configurable": {**config["configurable"], "checkpoint_ns": ""}}
    written = saver.put(given, checkpoint, {"source": "loop", "step": 1}, versions)
    saver.put_writes(written, [("channel-1", "later")], "task", "path")
    restored = saver.get_tuple(config)
    assert restored.checkpoint["channel_values"] == values
    assert restored.pending_writes == [("task", "channel-1", "later")]
    assert (restored.config, restored.metadata["step"]) == (written, 1)


def test_messages_come_back_as_they_were(saver: Any, config: dict[str, Any]) -> None:
    from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
    from langgraph.graph import START, MessagesState, StateGraph

    call: Any = {"name": "add", "args": {"a": 1}, "id": "1"}
    answers: list[AnyMessage] = [AIMessage("", id="a", tool_calls=[call]), ToolMessage("2", id="b", tool_call_id="1")]
    graph: Any = StateGraph(MessagesState)
    graph.add_node("answer", lambda state: {"messages": answers})
    graph.add_edge(START, "answer")
    question = HumanMessage("Was kostet 1 + 1? 🙂", id="q")
    graph.compile(checkpointer=saver).invoke({"messages": [question]}, config, durability="sync")
    restored = graph.compile(checkpointer=saver).get_state(config).values["messages"]
    assert restored == [question, *answers]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_checkpoint_with_its_writes(saver: Any, config: dict[str, Any], asynchronous: bool) -> None:
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph_checkpoint_aws import PendingWrite

    first, second = saver.get_next_version(None), saver.get_next_version(saver.get_next_version(None))
    assert first < second
    given: Any = {"configurable": {**config["configurable"], "checkpoint_ns": ""}}
    checkpoint: Any = {**empty_checkpoint(), "channel_values": {"said": ["Hi"]}, "channel_versions": {"said": second}}
    writes = [PendingWrite(given, [("said", ["Bye"])], "task", "path")]
    written: Any = (given, checkpoint, {"source": "loop", "step": 1}, {"said": second}, writes)
    config = await saver.aput_with_writes(*written) if asynchronous else saver.put_with_writes(*written)
    restored = saver.get_tuple(config)
    assert restored.checkpoint["channel_values"] == {"said": ["Hi"]}
    assert restored.pending_writes == [("task", "said", ["Bye"])]


def test_checkpoints_that_are_written_at_the_end(saver: Any, config: dict[str, Any]) -> None:
    from langgraph_checkpoint_aws import DeferredCheckpointSaver

    deferred = DeferredCheckpointSaver(saver, batch_writes=True)
    with deferred.flush_on_exit():
        chain(deferred, city=True).invoke({"said": ["Hi"]}, config, durability="sync")
        assert saver.get_tuple(config) is None
    assert chain(saver, city=True).get_state(config).next == ("ask",)
    assert len(list(saver.list(config))) == 1


async def test_all_that_asynchronously(saver: Any, config: dict[str, Any]) -> None:
    from langgraph.types import Command

    graph = chain(saver, city=True)
    await graph.ainvoke({"said": ["Hi"]}, config, durability="sync")
    assert (await graph.aget_state(config)).next == ("ask",)
    assert (await graph.ainvoke(Command(resume="Rome"), config, durability="sync"))["said"] == [
        "Hi",
        "Hello 1",
        "Rome",
        "Bye",
    ]
    listed = [one async for one in saver.alist(config)]
    assert listed == list(saver.list(config))
    assert [one async for one in saver.alist(config, before=listed[0].config, limit=1)] == [listed[1]]
    assert await saver.aget_tuple(config) == saver.get_tuple(config)
    assert [said(one) async for one in graph.aget_state_history(config)][-2:] == [["Hi"], []]
    last = listed[0].checkpoint
    later = dt.datetime.fromisoformat(last["ts"]) + dt.timedelta(seconds=1)
    checkpoint: Any = {**last, "id": f"{last['id']}-0", "ts": later.isoformat()}
    written = await saver.aput(listed[0].config, checkpoint, {"source": "update"}, {})
    await saver.aput_writes(written, [("said", ["late"])], "task")
    restored = await saver.aget_tuple(config)
    assert restored.checkpoint["id"] == checkpoint["id"]
    assert restored.parent_config == listed[0].config
    assert restored.pending_writes == [("task", "said", ["late"])]
    await saver.adelete_thread(config["configurable"]["thread_id"], "ada")
    assert await saver.aget_tuple(config) is None


async def test_many_threads_at_once(saver: Any) -> None:
    graph = chain(saver)
    configs = [thread(f"t{number}", f"actor{number % 3}") for number in range(12)]
    await asyncio.gather(
        *(graph.ainvoke({"said": [str(number)]}, one, durability="sync") for number, one in enumerate(configs))
    )
    for number, one in enumerate(configs):
        assert said(graph.get_state(one)) == [str(number), "Hello 1", "Bye"]
