"""The SDK's `MemoryClient`: memories and their strategies, each method as its documentation has it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.testing import RunningEmulator

if TYPE_CHECKING:
    from bedrock_agentcore.memory import MemoryClient

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.usefixtures("on_pause")]

ROLE = "arn:aws:iam::123456789012:role/r"
STEP = {"prompt": "p", "modelId": "m"}
KINESIS = {
    "resources": [
        {
            "kinesis": {
                "dataStreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s",
                "contentConfigurations": [{"type": "MEMORY_RECORDS", "level": "METADATA_ONLY"}],
            }
        }
    ]
}


@pytest.fixture
def client(environment: None) -> MemoryClient:
    from bedrock_agentcore.memory import MemoryClient

    return MemoryClient(region_name="us-east-1")


@pytest.fixture
def name() -> str:
    return f"m{uuid.uuid4().hex}"


@pytest.fixture
def memory(make_memory: Callable[..., str]) -> str:
    """The id of a memory without strategies that may have custom ones."""
    return make_memory(memoryExecutionRoleArn=ROLE)


def test_a_memory_of_the_memory_client(client: MemoryClient, name: str) -> None:
    keys = [{"key": "priority", "type": "NUMBER"}]
    made = client.create_memory_and_wait(
        name,
        [{"semanticMemoryStrategy": {"name": "facts"}}, {"summaryMemoryStrategy": {"name": "sums"}}],
        description="d",
        event_expiry_days=7,
        memory_execution_role_arn=ROLE,
        stream_delivery_resources=KINESIS,
        indexed_keys=keys,  # type: ignore[arg-type]
    )
    assert (made["status"], made["description"], made["eventExpiryDuration"]) == ("ACTIVE", "d", 7)
    assert (made["streamDeliveryResources"], made["indexedKeys"]) == (KINESIS, keys)
    assert made["id"] == made["memoryId"]
    assert client.get_memory_status(made["id"]) == "ACTIVE"
    facts, sums = client.get_memory_strategies(made["id"])
    assert (facts["memoryStrategyType"], sums["memoryStrategyType"]) == ("SEMANTIC", "SUMMARIZATION")
    assert sums["namespaces"] == ["/strategies/{memoryStrategyId}/actors/{actorId}/sessions/{sessionId}/"]
    assert made["id"] in {one["memoryId"] for one in client.list_memories(max_results=10_000)}
    assert client.delete_memory_and_wait(made["id"])["status"] == "DELETING"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_memory_status(made["id"])


def test_a_memory_is_created_or_found(client: MemoryClient, name: str) -> None:
    made = client.create_memory(name, event_expiry_days=30)
    assert (made["status"], made["eventExpiryDuration"], made["strategies"]) == ("CREATING", 30, [])
    assert client.create_or_get_memory(name)["id"] == made["id"]
    assert client.delete_memory(made["id"])["status"] == "DELETING"
    assert client.create_or_get_memory(name)["id"] != made["id"]


def test_operations_that_are_passed_on(client: MemoryClient, memory: str) -> None:
    answer = client.update_memory(
        memory_id=memory, add_indexed_keys=[{"key": "a", "type": "STRING"}], stream_delivery_resources=KINESIS
    )
    assert answer["memory"]["indexedKeys"] == [{"key": "a", "type": "STRING"}]
    assert answer["memory"]["streamDeliveryResources"] == KINESIS
    assert client.get_memory(memory_id=memory)["memory"]["indexedKeys"] == [{"key": "a", "type": "STRING"}]


def test_strategies_are_added_one_after_the_other(client: MemoryClient, memory: str) -> None:
    client.add_semantic_strategy_and_wait(memory, "facts", "d", namespace_templates=["/facts/{actorId}/"])
    client.add_summary_strategy_and_wait(memory, "sums")
    client.add_user_preference_strategy_and_wait(memory, "likes")
    client.add_episodic_strategy_and_wait(
        memory, "episodes", reflection_namespace_templates=["/strategies/{memoryStrategyId}/"]
    )
    client.add_custom_semantic_strategy_and_wait(memory, "own", STEP, STEP)
    made = client.add_custom_episodic_strategy_and_wait(
        memory,
        "own_episodes",
        STEP,
        STEP,
        {**STEP, "namespaceTemplates": ["custom/{actorId}/"]},
        namespace_templates=["custom/{actorId}/{sessionId}/"],
    )
    assert made["status"] == "ACTIVE"
    assert [(one["name"], one["type"], one["status"]) for one in made["strategies"]] == [
        ("facts", "SEMANTIC", "ACTIVE"),
        ("sums", "SUMMARIZATION", "ACTIVE"),
        ("likes", "USER_PREFERENCE", "ACTIVE"),
        ("episodes", "EPISODIC", "ACTIVE"),
        ("own", "CUSTOM", "ACTIVE"),
        ("own_episodes", "CUSTOM", "ACTIVE"),
    ]
    facts, own = made["strategies"][0], made["strategies"][4]
    assert (facts["description"], facts["namespaces"]) == ("d", ["/facts/{actorId}/"])
    # What the SDK puts for a custom strategy, which has no slash in front.
    assert own["namespaceTemplates"] == ["custom/{actorId}/{sessionId}/"]


def test_strategies_are_added_without_waiting(client: MemoryClient, memory: str) -> None:
    assert client.add_semantic_strategy(memory, "facts")["status"] == "UPDATING"
    client.add_summary_strategy(memory, "sums")
    client.add_user_preference_strategy(memory, "likes")
    client.add_episodic_strategy(memory, "episodes", ["/strategies/{memoryStrategyId}/actors/{actorId}/"])
    client.add_custom_semantic_strategy(memory, "own", STEP, STEP)
    override = {"userPreferenceOverride": {"extraction": {"appendToPrompt": "p", "modelId": "m"}}}
    with pytest.warns(UserWarning, match="may leave memory in CREATING state"):
        client.add_strategy(memory, {"customMemoryStrategy": {"name": "likes_more", "configuration": override}})
    assert len(client.get_memory_strategies(memory)) == 6


def test_a_custom_episodic_strategy(client: MemoryClient, memory: str) -> None:
    reflection = {**STEP, "namespaceTemplates": ["custom/{actorId}/"]}
    client.add_custom_episodic_strategy(
        memory, "own", STEP, STEP, reflection, namespace_templates=["custom/{actorId}/{sessionId}/"]
    )
    (made,) = client.get_memory_strategies(memory)
    assert made["configuration"]["type"] == "EPISODIC_OVERRIDE"
    assert made["configuration"]["reflection"] == {
        "customReflectionConfiguration": {
            "episodicReflectionOverride": {
                "appendToPrompt": "p",
                "modelId": "m",
                "namespaces": ["custom/{actorId}/"],
                "namespaceTemplates": ["custom/{actorId}/"],
            }
        }
    }


def test_strategies_are_modified_and_deleted(client: MemoryClient, memory: str) -> None:
    made = client.update_memory_strategies_and_wait(
        memory,
        add_strategies=[
            {"semanticMemoryStrategy": {"name": "facts"}},
            {
                "customMemoryStrategy": {
                    "name": "own",
                    "configuration": {"semanticOverride": {"extraction": {"appendToPrompt": "p", "modelId": "m"}}},
                }
            },
        ],
    )
    facts, own = (one["strategyId"] for one in made["strategies"])
    client.modify_strategy(memory, facts, description="new", namespace_templates=["/facts/{actorId}/"])
    client.modify_strategy(memory, own, configuration={"extraction": {"appendToPrompt": "q", "modelId": "n"}})
    changed, custom = client.get_memory_strategies(memory)
    assert (changed["description"], changed["namespaces"]) == ("new", ["/facts/{actorId}/"])
    assert custom["configuration"]["extraction"] == {
        "customExtractionConfiguration": {"semanticExtractionOverride": {"appendToPrompt": "q", "modelId": "n"}}
    }
    with pytest.raises(ClientError, match="which has no configuration to modify"):
        client.modify_strategy(memory, facts, configuration={"extraction": custom["configuration"]["extraction"]})
    assert [one["strategyId"] for one in client.delete_strategy(memory, facts)["strategies"]] == [own]
    both = client.update_memory_strategies(
        memory, add_strategies=[{"summaryMemoryStrategy": {"name": "sums"}}], delete_strategy_ids=[own]
    )
    assert [one["name"] for one in both["strategies"]] == ["sums"]


def test_the_client_waits_for_as_long_as_on_aws(
    elsewhere: Callable[..., RunningEmulator], on_pause: Callable[[Callable[[float], object]], None]
) -> None:
    """Each pause of its moves the emulator's clock."""
    emulator = elsewhere("--clock", "virtual", "--memory-delays", "observed")
    on_pause(emulator.clock.advance)
    from bedrock_agentcore.memory import MemoryClient

    client = MemoryClient(region_name="us-east-1")
    started = emulator.clock.time()
    made = client.create_memory_and_wait("notes", [])
    assert emulator.clock.time() - started == 170
    shown = client.add_semantic_strategy_and_wait(made["id"], "facts")
    assert emulator.clock.time() - started == 340
    assert [one["status"] for one in shown["strategies"]] == ["ACTIVE"]
    client.add_summary_strategy(made["id"], "sums")
    with pytest.raises(ClientError, match=r"transitional state UPDATING\. Cannot update memory\."):
        client.add_user_preference_strategy(made["id"], "likes")
    emulator.clock.advance(162)
    client.delete_memory_and_wait(made["id"])
    assert emulator.clock.time() - started == 562
