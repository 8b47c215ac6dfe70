"""Strands agents that keep their conversations in AgentCore Memory, through the SDK's session manager.

What they say of what was remembered is in `memory/extraction/test_strands.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from agentcore_emulator.testing import EmulatorProcess, RunningEmulator

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(__file__).parents[3]
MESSAGES: Any = [{"left": {"metadataKey": "stateType"}, "operator": "NOT_EXISTS"}]


@pytest.fixture
def manage(environment: None, memory: str) -> Callable[..., Any]:
    """`manage(actor_id=..., ...)`: a new session manager of ada's session s, unless told otherwise."""
    return lambda **more: manager_of(memory, **more)


@pytest.fixture
def ask(manage: Callable[..., Any]) -> Callable[..., str]:
    """`ask("prompt", actor_id=...)`: what an agent says that was made for this prompt alone."""
    return lambda prompt, **more: str(agent_of(manage(**more))(prompt))


def manager_of(memory: str, **more: Any) -> Any:
    from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
    from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager

    config: Any = {"memory_id": memory, "actor_id": "ada", "session_id": "s", **more}
    return AgentCoreMemorySessionManager(AgentCoreMemoryConfig(**config), region_name="us-east-1")


def agent_of(manager: Any) -> Any:
    """An agent with a calculator, which the scripted model uses."""
    from strands import Agent, tool
    from strands.models import BedrockModel

    @tool
    def calculator(expression: str) -> str:
        """Calculate."""
        return {"2 + 2": "4", "4 * 3": "12"}[expression]

    return Agent(
        model=BedrockModel(region_name="us-east-1"), tools=[calculator], session_manager=manager, callback_handler=None
    )


def blocks(messages: list[Any]) -> list[Any]:
    """Who says what in each message, without ids of tool uses."""
    return [
        (message["role"], [content.get("text") or sorted(content) for content in message["content"]])
        for message in messages
    ]


def test_an_agent_made_anew_goes_on_with_the_conversation(ask: Callable[..., str]) -> None:
    ask("My name is Ada")
    ask("I like tea")
    assert "Ada" in ask("What is my name?")
    assert "tea" in ask("What do I like?")


def test_actors_and_sessions_have_conversations_of_their_own(ask: Callable[..., str]) -> None:
    ask("My name is Ada")
    assert "Ada" not in ask("What is my name?", actor_id="bob")
    assert "Ada" not in ask("What is my name?", session_id="t")


def test_a_malformed_memory_id_is_noticed(environment: None) -> None:
    with pytest.raises(Exception, match="Invalid memoryId: not a valid memory ID or ARN"):
        manager_of("invalid-memory-id")


def test_a_conversation_that_a_crash_interrupts_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator is killed while a tool runs, between the messages of one turn."""
    state = ("--state-dir", str(tmp_path / "state"), "--quirks", "off")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def enter(emulator: RunningEmulator) -> None:
        for name, value in emulator.info["environment"].items():
            monkeypatch.setenv(name, value)

    with EmulatorProcess(ROOT / "agent" / "memory_agent.py", *state) as first:
        enter(first)
        control = first.client("bedrock-agentcore-control")
        memory = control.create_memory(name="notes", eventExpiryDuration=7)["memory"]["id"]
        agent = agent_of(manager_of(memory))
        agent("My name is Ada")
        agent("What is 2 + 2?")
        before = agent.messages[:]

        def die(expression: str) -> str:
            first.kill()
            return "12"

        agent.tool_registry.registry["calculator"]._tool_func = die
        with pytest.raises(EndpointConnectionError):
            agent("What is 4 * 3?")
        during = agent.messages[len(before) :]
    with EmulatorProcess(ROOT / "agent" / "memory_agent.py", *state) as second:
        enter(second)
        agent = agent_of(manager_of(memory))
        # What was acknowledged is there: all but the tool's result, for which Strands puts that it was interrupted.
        assert agent.messages == [*before, *during[:2]]
        assert blocks(before)[:2] == [("user", ["My name is Ada"]), ("assistant", ["Nice to meet you, Ada."])]
        agent([])
        assert "Ada" in str(agent("What is my name?"))
        again = agent_of(manager_of(memory))
        assert again.messages == agent.messages
        assert len(again.messages) == len(before) + 6


def test_batches_are_kept_in_order(manage: Callable[..., Any]) -> None:
    with manage(batch_size=3) as manager:
        agent = agent_of(manager)
        agent("My name is Ada")
        agent("What is 2 + 2?")
        # What an invocation leaves in the buffer goes out at its end.
        assert [len(event["payload"]) for event in events_of(manager)] == [1, 3, 2]
    again = agent_of(manage(batch_size=3))
    assert again.messages == agent.messages
    assert "Ada" in str(again("What is my name?"))


def test_batches_are_sent_by_time_and_at_the_end(manage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager's timer is run by hand."""
    timers: list[Any] = []

    class Timer:
        def __init__(self, seconds: float, call: Callable[[], None]) -> None:
            self.seconds, self.call = seconds, call

        def start(self) -> None:
            timers.append(self)

        def cancel(self) -> None:
            timers.remove(self)

    monkeypatch.setattr(threading, "Timer", Timer)
    with manage(batch_size=100, flush_interval_seconds=60) as manager:
        agent_of(manager)
        say(manager, "1")
        say(manager, "2")
        assert (manager.pending_message_count(), events_of(manager)) == (2, [])
        (timer,) = timers
        assert timer.seconds == 60
        timer.call()
        assert (manager.pending_message_count(), manager.pending_agent_state_count()) == (0, 0)
        assert [len(event["payload"]) for event in events_of(manager)] == [2]
        say(manager, "3")
    assert timers == []
    assert [message.message["content"] for message in manage().list_messages("s", "default")] == [
        [{"text": "1"}],
        [{"text": "2"}],
        [{"text": "3"}],
    ]


def say(manager: Any, text: str, **more: Any) -> Any:
    """Keep a message of the user, and return its event."""
    from strands.types.session import SessionMessage

    message: Any = {"role": "user", "content": [{"text": text}]}
    return manager.create_message("s", "default", SessionMessage(message, 0, **more))


def events_of(manager: Any) -> list[Any]:
    """The events that hold messages, the newest first."""
    events: list[Any] = manager.memory_client.list_events(
        manager.config.memory_id, manager.config.actor_id, manager.config.session_id, event_metadata=MESSAGES
    )
    return events


def equals(key: str, value: str) -> Any:
    return {"left": {"metadataKey": key}, "operator": "EQUALS_TO", "right": {"metadataValue": {"stringValue": value}}}


def test_events_are_found_by_their_metadata(manage: Callable[..., Any], memory: str) -> None:
    trace = {"traceId": "AAA"}
    manager = manage(default_metadata={"project": "atlas", "env": "test"}, metadata_provider=lambda: dict(trace))
    agent = agent_of(manager)
    agent("My name is Ada")
    trace["traceId"] = "BBB"
    agent("I like tea")
    # Made anew, and without metadata of its own.
    other = manage()
    agent_of(other)("I like milk")
    found = {
        value: [event["eventId"] for event in other.memory_client.list_events(memory, "ada", "s", event_metadata=asked)]
        for value, asked in {
            "AAA": [equals("traceId", "AAA")],
            "BBB": [equals("traceId", "BBB")],
            "atlas": [equals("project", "atlas")],
            "both": [equals("project", "atlas"), equals("traceId", "AAA")],
            "another": [equals("project", "other")],
            "messages": MESSAGES,
        }.items()
    }
    assert len(found["AAA"]) == len(found["BBB"]) == 2
    assert found["atlas"] == [*found["BBB"], *found["AAA"]]
    assert (found["both"], found["another"]) == (found["AAA"], [])
    assert len(found["messages"]) == 6


def test_state_of_older_versions_is_taken_over(manage: Callable[..., Any], memory: str) -> None:
    """It was filed under actors of its own, `session_ID` and `agent_ID`."""
    from bedrock_agentcore.memory import MemoryClient
    from strands.types.session import Session, SessionAgent, SessionType

    client = MemoryClient(region_name="us-east-1")
    session = Session(session_id="s", session_type=SessionType.AGENT)
    old = SessionAgent(agent_id="default", state={"mood": "fine"}, conversation_manager_state={})
    for actor, state in (("session_s", session), ("agent_default", old)):
        client.create_blob_event(memory, actor, "s", json.dumps(state.to_dict()))
    manager = manage()
    assert manager.read_session("s").created_at == session.created_at
    taken = manager.read_agent("s", "default")
    assert (taken.state, taken.created_at) == ({"mood": "fine"}, old.created_at)
    for actor in ("session_s", "agent_default"):
        assert client.list_events(memory, actor, "s") == []
    again = manage()
    assert again.read_agent("s", "default").state == {"mood": "fine"}
    assert again.read_agent("s", "other") is None


def test_an_agents_state_is_restored(manage: Callable[..., Any]) -> None:
    agent = agent_of(manage())
    agent.state.set("mood", "fine")
    agent("My name is Ada")
    agent.state.set("mood", "finer")
    agent("I like tea")
    again = agent_of(manage())
    assert again.state.get("mood") == "finer"
    assert again.messages == agent.messages


def test_a_message_is_replaced(manage: Callable[..., Any]) -> None:
    """By a new event at the old one's time, as events cannot be changed."""
    from strands.types.session import SessionMessage

    manager = manage()
    say(manager, "1", created_at="2026-01-01T00:00:00+00:00")
    old = say(manager, "2", created_at="2026-01-01T00:00:01+00:00")
    message: Any = {"role": "user", "content": [{"text": "new"}]}
    manager.update_message(
        "s", "default", SessionMessage(message, old["eventId"], created_at=old["eventTimestamp"].isoformat())
    )
    assert [message.message["content"][0]["text"] for message in manager.list_messages("s", "default")] == ["1", "new"]
    assert len(events_of(manager)) == 2


def test_a_text_that_is_too_long_for_a_message_is_a_blob(manage: Callable[..., Any]) -> None:
    manager = manage()
    agent_of(manager)("a" * 100_000)
    newest, oldest = events_of(manager)
    assert [list(event["payload"][0]) for event in (newest, oldest)] == [["conversational"], ["blob"]]
    assert agent_of(manage()).messages[0]["content"] == [{"text": "a" * 100_000}]


def test_tools_can_be_left_out_of_what_is_restored(manage: Callable[..., Any]) -> None:
    agent_of(manage())("What is 2 + 2?")
    assert len(agent_of(manage()).messages) == 4
    restored = agent_of(manage(filter_restored_tool_context=True))
    assert blocks(restored.messages) == [("user", ["What is 2 + 2?"]), ("assistant", ["2 + 2 = 4."])]


def test_more_messages_than_a_page_are_restored_in_order(manage: Callable[..., Any]) -> None:
    manager = manage()
    for number in range(103):
        # All of the same time: the manager keeps them apart.
        say(manager, str(number), created_at="2026-01-01T00:00:00+00:00")
    restored = manage().list_messages("s", "default")
    assert [message.message["content"][0]["text"] for message in restored] == [str(number) for number in range(103)]


def test_nothing_is_kept_by_one_that_only_reads(manage: Callable[..., Any], memory: str) -> None:
    from bedrock_agentcore.memory.integrations.strands.config import PersistenceMode

    manager = manage(persistence_mode=PersistenceMode.NONE)
    agent_of(manager)("My name is Ada")
    assert manager.memory_client.list_events(memory, "ada", "s") == []


async def test_an_asynchronous_agent(manage: Callable[..., Any]) -> None:
    agent = agent_of(manage(async_mode=True))
    await agent.invoke_async("My name is Ada")
    again = agent_of(manage(async_mode=True))
    assert again.messages == agent.messages
    assert "Ada" in str(await again.invoke_async("What is my name?"))
