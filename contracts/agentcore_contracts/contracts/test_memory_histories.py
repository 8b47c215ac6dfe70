"""Short-term memory through histories: whatever is saved, deleted and listed in whatever order."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from agentcore_contracts import contract, profiles
from agentcore_contracts.memory import Memory
from agentcore_contracts.memory_histories import MemoryHistories


@contract(
    "ME-040",
    title="Whatever the order of saving, forking, repeating, deleting and listing, each listing has what it must",
    evidence="field-report",
    source="floci-io/floci pull request 3556, captured on the live service; the integration tests of"
    " aws/bedrock-agentcore-sdk-python; botocore 1.44 bedrock-agentcore model",
)
def test_histories_of_conversations(memory: Memory) -> None:
    """Histories are Hypothesis's, and the emulator's own tests run the same machine with more of them."""
    machine = type("MemoryHistories", (MemoryHistories,), {"memory": memory})
    run_state_machine_as_test(machine, settings=profiles.of_histories())
