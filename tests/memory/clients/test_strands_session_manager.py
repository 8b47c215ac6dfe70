"""A Strands agent that keeps its conversation in the plane, through the SDK's own session manager."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def memory(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in emulator.info["environment"].items():
        monkeypatch.setenv(name, value)
    control = emulator.client("bedrock-agentcore-control")
    created = control.create_memory(name=f"m{uuid.uuid4().hex}", eventExpiryDuration=7)["memory"]
    yield created["id"]
    control.delete_memory(memoryId=created["id"])


@pytest.fixture
def ask(memory: str) -> Callable[..., str]:
    """`ask("prompt", actor=...)`: what an agent says that was made for this prompt alone."""
    from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
    from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager
    from strands import Agent
    from strands.models import BedrockModel

    def asked(prompt: str, actor: str = "ada") -> str:
        config = AgentCoreMemoryConfig(memory_id=memory, actor_id=actor, session_id="s")
        manager = AgentCoreMemorySessionManager(config, region_name="us-east-1")
        agent = Agent(model=BedrockModel(), session_manager=manager, callback_handler=None)
        return str(agent(prompt))

    return asked


def test_an_agent_made_anew_goes_on_with_the_conversation(ask: Callable[..., str]) -> None:
    ask("My name is Ada")
    ask("I like tea")
    assert "Ada" in ask("What is my name?")
    assert "tea" in ask("What do I like?")


def test_actors_have_conversations_of_their_own(ask: Callable[..., str]) -> None:
    ask("My name is Ada")
    assert "Ada" not in ask("What is my name?", actor="bob")


def test_a_malformed_memory_id_is_noticed(memory: str) -> None:
    from bedrock_agentcore.memory.integrations.strands.config import AgentCoreMemoryConfig
    from bedrock_agentcore.memory.integrations.strands.session_manager import AgentCoreMemorySessionManager

    config: Any = AgentCoreMemoryConfig(memory_id="invalid-memory-id", actor_id="a", session_id="s")
    with pytest.raises(Exception, match="memoryId"):
        AgentCoreMemorySessionManager(config, region_name="us-east-1")
