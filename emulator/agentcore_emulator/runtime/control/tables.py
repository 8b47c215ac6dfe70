"""What the control plane of agent runtimes keeps. Times are whole milliseconds since the epoch (UTC)."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, UniqueConstraint

from agentcore_emulator.store import metadata
from agentcore_emulator.store.columns import Id, Key

__all__ = ["endpoints", "runtimes", "versions"]

runtimes = Table(
    "runtimes",
    metadata,
    # In order of creation.
    Column("key", Key, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("arn", Id, nullable=False, unique=True),
    Column("name", Id, nullable=False, unique=True),
    Column("tags", JSON, nullable=False),
    Column("created_at", Key, nullable=False),
    # Digest of the clientToken of the DeleteAgentRuntime that is under way, empty without one.
    Column("deleting", String),
)

versions = Table(
    "runtime_versions",
    metadata,
    Column("runtime_key", Key, ForeignKey("runtimes.key", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # The members of CreateAgentRuntime or UpdateAgentRuntime that GetAgentRuntime shows, with those filled in that
    # were not given and are to stay what they are.
    Column("settings", JSON, nullable=False),
    # One of the model's `AgentRuntimeStatus`.
    Column("status", String, nullable=False),
    Column("failure", String),
    # Digests of the request's clientToken and of the request.
    Column("token", String),
    Column("request", String, nullable=False),
    Column("created_at", Key, nullable=False),
    Column("updated_at", Key, nullable=False),
)

endpoints = Table(
    "runtime_endpoints",
    metadata,
    # Without DEFAULT, which follows from the versions. In order of creation.
    Column("key", Key, primary_key=True),
    Column("runtime_key", Key, ForeignKey("runtimes.key", ondelete="CASCADE"), nullable=False),
    Column("id", Id, nullable=False, unique=True),
    Column("arn", Id, nullable=False, unique=True),
    Column("name", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("description", String),
    Column("tags", JSON, nullable=False),
    Column("deleting", Boolean, nullable=False),
    Column("token", String),
    Column("request", String, nullable=False),
    Column("created_at", Key, nullable=False),
    Column("updated_at", Key, nullable=False),
    UniqueConstraint("runtime_key", "name"),
)
