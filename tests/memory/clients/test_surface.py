"""That the tests of a client use all that it has."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

# The SDK still configures pydantic by a class; the warning comes from importing it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LISTS = ("_ALLOWED_GMDP_METHODS", "_ALLOWED_GMCP_METHODS")
"""What a client forwards to boto3 besides its own methods."""


@pytest.mark.parametrize(
    ("name", "called", "modules"),
    [
        ("bedrock_agentcore.memory.client.MemoryClient", "client", "test_memory_client*.py"),
        ("bedrock_agentcore.memory.controlplane.MemoryControlPlaneClient", "control", "test_control_plane_client.py"),
        ("bedrock_agentcore.memory.session.MemorySessionManager", "manager filed knowing", "test_memory_session.py"),
        ("bedrock_agentcore.memory.session.MemorySession", "session remembered", "test_memory_session.py"),
        ("bedrock_agentcore.memory.session.Actor", "actor", "test_memory_session.py"),
        (
            "bedrock_agentcore.memory.integrations.strands.memorystore.AgentCoreMemoryStore",
            "store writer",
            "test_strands_memory_store.py",
        ),
        ("langgraph_checkpoint_aws.AgentCoreMemorySaver", "saver", "test_langgraph_checkpointer.py"),
        ("langgraph_checkpoint_aws.AgentCoreMemoryStore", "store", "test_langgraph_store.py"),
    ],
    ids=lambda value: value.rpartition(".")[2] if "." in value else "",
)
def test_every_public_method_is_called(name: str, called: str, modules: str) -> None:
    """`called` are the variables that hold an instance in those modules."""
    module, _, short = name.rpartition(".")
    client = getattr(importlib.import_module(module), short)
    public = {own for own, value in vars(client).items() if inspect.isfunction(value) and not own.startswith("_")}
    for listed in LISTS:
        public |= getattr(client, listed, set())
    used = {
        node.func.attr
        for file in Path(__file__).parent.glob(modules)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in called.split()
    }
    assert public - used == set()
