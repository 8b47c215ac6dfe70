"""What the Memory plane keeps.

Every time is whole milliseconds since the epoch (UTC), the resolution at which AgentCore keeps and orders events
(observed: aws/bedrock-agentcore-sdk-python pull requests 572 and 573). Deleting a memory or a session takes with it
what belongs to it.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from agentcore_emulator.store import metadata

__all__ = ["DAY", "branches", "events", "memories", "milliseconds", "sessions"]

#: Milliseconds.
DAY = 24 * 60 * 60 * 1000

memories = Table(
    "memories",
    metadata,
    # In order of creation, here and below.
    Column("key", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("arn", String, nullable=False, unique=True),
    Column("name", String, nullable=False, unique=True),
    Column("expiry_days", Integer, nullable=False),
    # The members of CreateMemory that are kept as they were given.
    Column("settings", JSON, nullable=False),
    # Digest of the clientToken.
    Column("token", String, unique=True),
    Column("created_at", Integer, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    Column("actor_id", String, nullable=False),
    Column("session_id", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    # A day after the last event is gone. Never earlier than a day after any event of the session expires.
    Column("keep_until", Integer, nullable=False, index=True),
    UniqueConstraint("memory_key", "actor_id", "session_id"),
)

# The main branch of a session has no row.
branches = Table(
    "branches",
    metadata,
    Column("session_key", ForeignKey(sessions.c.key, ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    # The branch of the root event, which may be deleted later.
    Column("parent", String, nullable=False),
    Column("root_event_id", String, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    Column("session_key", ForeignKey(sessions.c.key, ondelete="CASCADE"), nullable=False),
    # Sorts as text in the order of the events' own time stamps.
    Column("event_id", String, nullable=False),
    Column("timestamp", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("branch", String, nullable=False),
    Column("payload", JSON, nullable=False),
    # {key: string value}; NULL when none was given.
    Column("metadata", JSON(none_as_null=True)),
    # Digest of the clientToken, unique in its memory.
    Column("token", String),
    UniqueConstraint("session_key", "event_id"),
    UniqueConstraint("memory_key", "token"),
    Index("ix_events_expires_at", "expires_at"),
)


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded down.

    Of the decimal number that the client wrote, as 1.001 * 1000 is a hair less than 1001.
    """
    return int(Decimal(repr(seconds)) * 1000)
