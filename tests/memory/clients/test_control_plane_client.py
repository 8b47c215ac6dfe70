"""The SDK's `MemoryControlPlaneClient`, each method as its documentation has it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from bedrock_agentcore.memory.controlplane import MemoryControlPlaneClient

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.usefixtures("on_pause")]

ROLE = "arn:aws:iam::123456789012:role/r"
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
def control(environment: None) -> MemoryControlPlaneClient:
    from bedrock_agentcore.memory.controlplane import MemoryControlPlaneClient

    return MemoryControlPlaneClient(region_name="us-east-1")


@pytest.fixture
def name() -> str:
    return f"m{uuid.uuid4().hex}"


def test_a_memory_of_the_control_plane_client(control: MemoryControlPlaneClient, name: str) -> None:
    made = control.create_memory(
        name,
        event_expiry_days=7,
        description="d",
        memory_execution_role_arn=ROLE,
        strategies=[{"semanticMemoryStrategy": {"name": "facts", "description": "semantic strategy"}}],
        stream_delivery_resources=KINESIS,
        wait_for_active=True,
    )
    assert (made["name"], made["status"], made["strategyCount"]) == (name, "ACTIVE", 1)
    assert "strategies" not in control.get_memory(made["id"], include_strategies=False)
    assert made["id"] in {one["id"] for one in control.list_memories(max_results=1000)}
    control.update_memory(made["id"], description="updated description", event_expiry_days=30)
    shown = control.get_memory(made["id"])
    assert (shown["description"], shown["eventExpiryDuration"]) == ("updated description", 30)
    control.delete_memory(made["id"], wait_for_strategies=True, wait_for_deletion=True)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        control.get_memory(made["id"])


def test_strategies_of_the_control_plane_client(control: MemoryControlPlaneClient, memory: str) -> None:
    first = control.add_strategy(memory, {"semanticMemoryStrategy": {"name": "facts"}}, wait_for_active=True)
    control.add_strategy(memory, {"userPreferenceMemoryStrategy": {"name": "likes"}}, wait_for_active=True)
    facts = first["strategies"][0]["strategyId"]
    assert control.get_strategy(memory, facts)["namespaces"] == ["/strategies/{memoryStrategyId}/actors/{actorId}/"]
    changed = control.update_strategy(memory, facts, description="d", namespace_templates=["/f/"], wait_for_active=True)
    assert (changed["strategies"][0]["description"], changed["strategies"][0]["namespaces"]) == ("d", ["/f/"])
    left = control.remove_strategy(memory, facts, wait_for_active=True)
    assert [one["name"] for one in left["strategies"]] == ["likes"]
    with pytest.raises(ValueError, match="not found in memory"):
        control.get_strategy(memory, facts)
