"""What Strands agents say is remembered, and told to them again, through the SDK's own session manager."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

STRATEGIES: list[dict[str, Any]] = [
    {"semanticMemoryStrategy": {"name": "Facts", "namespaces": ["/facts/{actorId}/"]}},
    {"userPreferenceMemoryStrategy": {"name": "Preferences", "namespaces": ["/preferences/{actorId}/"]}},
    {"summaryMemoryStrategy": {"name": "Summary", "namespaces": ["/summaries/{actorId}/{sessionId}/"]}},
    {
        "episodicMemoryStrategy": {
            "name": "Episodes",
            "namespaces": ["/episodes/{actorId}/{sessionId}/"],
            "reflectionConfiguration": {"namespaces": ["/episodes/{actorId}/"]},
        }
    },
]


@pytest.fixture
def client(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's own client. It never has to sleep: what it waits for is there at its first look."""
    for name, value in emulator.info["environment"].items():
        monkeypatch.setenv(name, value)
    from bedrock_agentcore.memory import MemoryClient

    def sleep(seconds: float) -> None:
        raise AssertionError(f"the SDK wanted to sleep for {seconds} seconds")

    monkeypatch.setattr(time, "sleep", sleep)
    return MemoryClient(region_name="us-east-1")


@pytest.fixture
def memory(client: Any) -> Iterator[str]:
    created = client.create_memory_and_wait(name=f"m{uuid.uuid4().hex}", strategies=STRATEGIES)
    yield created["id"]
    client.gmcp_client.delete_memory(memoryId=created["id"])


@pytest.fixture
def agent(memory: str) -> Callable[..., Any]:
    """An agent of the actor ada, made anew, that is told what is remembered in these namespaces."""
    from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig, RetrievalConfig
    from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager
    from strands import Agent, tool
    from strands.models import BedrockModel

    @tool
    def calculator(expression: str) -> str:
        """Calculate."""
        return "4"

    def make(session: str = "s", **namespaces: float) -> Any:
        retrieval = {
            f"/{name}/{{actorId}}/": RetrievalConfig(top_k=5, relevance_score=least)
            for name, least in namespaces.items()
        }
        config = AgentCoreMemoryConfig(
            memory_id=memory, actor_id="ada", session_id=session, retrieval_config=retrieval or None
        )
        manager = AgentCoreMemorySessionManager(config, region_name="us-east-1")
        return Agent(model=BedrockModel(), tools=[calculator], session_manager=manager, callback_handler=None)

    return make


def texts(client: Any, memory: str, namespace: str) -> list[str]:
    found = client.retrieve_memories(memory_id=memory, namespace=namespace, query="the user", top_k=50)
    return [record["content"]["text"] for record in found]


def test_what_is_said_is_remembered_at_once(client: Any, memory: str, agent: Callable[..., Any]) -> None:
    agent()("I like sushi with tuna")
    assert client.wait_for_memories(memory_id=memory, namespace="/preferences/ada/", test_query="sushi")
    assert [json.loads(text)["preference"] for text in texts(client, memory, "/preferences/ada/")] == [
        "Likes sushi with tuna"
    ]
    assert texts(client, memory, "/facts/ada/") == ["The user likes sushi with tuna."]


def test_an_agent_of_another_session_is_told_what_is_known(agent: Callable[..., Any]) -> None:
    agent("one")("I like sushi with tuna")
    asking = agent("two", preferences=0.3)
    asking("What sushi do I like?")
    assert "<user_context>" in str(asking.messages)
    assert "Likes sushi with tuna" in str(asking.messages)


def test_what_is_known_is_not_remembered_as_if_it_was_said(client: Any, memory: str, agent: Callable[..., Any]) -> None:
    agent("one")("I like sushi with tuna")
    before = texts(client, memory, "/facts/ada/")
    agent("two", preferences=0.1, facts=0.1)("What sushi do I like?")
    assert texts(client, memory, "/facts/ada/") == before


def test_tools_are_no_facts(client: Any, memory: str, agent: Callable[..., Any]) -> None:
    agent()("My name is Ada. What is 2 + 2?")
    assert texts(client, memory, "/facts/ada/") == ["The user's name is Ada."]
    (summary,) = texts(client, memory, "/summaries/ada/s/")
    assert "toolUse" not in summary


def test_an_episode_tells_which_tools_were_called(client: Any, memory: str, agent: Callable[..., Any]) -> None:
    speaking = agent()
    speaking("What is 2 + 2?")
    speaking("Thanks, that's all!")
    (episode,) = texts(client, memory, "/episodes/ada/s/")
    assert json.loads(episode)["assessment"] == "Yes"
    assert "calculator" in json.loads(episode)["turns"][0]["action"]
    (lesson,) = texts(client, memory, "/episodes/ada/")
    assert "calculator" in lesson


def test_a_conversation_of_the_client_is_remembered_too(client: Any, memory: str) -> None:
    said = [
        ("I am a pilot based in Denver and fly Cessnas.", "USER"),
        ("Flying Cessnas out of Denver, nice.", "ASSISTANT"),
        ("I also play cello in my spare time.", "USER"),
    ]
    client.save_conversation(memory_id=memory, actor_id="ada", session_id="s", messages=said)
    for namespace in ("/facts/ada/", "/summaries/ada/s/"):
        assert client.wait_for_memories(memory_id=memory, namespace=namespace)
        assert "pilot based in Denver" in " ".join(texts(client, memory, namespace))
