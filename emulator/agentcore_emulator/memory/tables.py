"""What the Memory plane keeps.

Every time is whole milliseconds since the epoch (UTC), the resolution at which AgentCore keeps and orders events
(observed: aws/bedrock-agentcore-sdk-python pull requests 572 and 573). Deleting a memory or a session takes with it
what belongs to it.
"""

from __future__ import annotations

import re

from sqlalchemy import (
    JSON,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

from agentcore_emulator.store import metadata
from agentcore_emulator.store.columns import Id as _Id
from agentcore_emulator.store.columns import Key as _Key
from agentcore_emulator.store.columns import milliseconds

__all__ = [
    "DAY",
    "branches",
    "event_metadata",
    "events",
    "extraction_jobs",
    "ingestions",
    "memories",
    "milliseconds",
    "record_metadata",
    "record_vectors",
    "records",
    "sessions",
    "strategies",
    "stream_events",
    "unembedded",
]

#: Milliseconds.
DAY = 24 * 60 * 60 * 1000

# As it is in the files of version 1.
_Time = _Key


class _Text(TypeDecorator[str]):
    """Any text. PostgreSQL's has no NUL, so there an escape character stands before a 0 for it, and before itself."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\x1b", "\x1b\x1b").replace("\0", "\x1b0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or dialect.name != "postgresql":
            return value
        return re.sub("\x1b(.)", lambda match: "\0" if match[1] == "0" else match[1], value)


memories = Table(
    "memories",
    metadata,
    # In order of creation, here and below.
    Column("key", _Key, primary_key=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("arn", _Id, nullable=False, unique=True),
    Column("name", _Id, nullable=False, unique=True),
    Column("expiry_days", Integer, nullable=False),
    # The members of CreateMemory and UpdateMemory that are kept as they were given.
    Column("settings", JSON, nullable=False),
    # Digest of the clientToken, and of the one of the last UpdateMemory.
    Column("token", String, unique=True),
    Column("update_token", String),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    # CREATING or UPDATING before `ready_at`, NULL when neither took time; DELETING until `gone_at`.
    Column("transition", String),
    Column("ready_at", _Time, nullable=False),
    Column("gone_at", _Time),
)

strategies = Table(
    "strategies",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    # `<name>-<10 letters and digits>`.
    Column("id", _Id, nullable=False),
    Column("name", _Id, nullable=False),
    # `MemoryStrategyType` of the botocore model.
    Column("type", String, nullable=False),
    # With a slash at either end. The records' namespaces are made of it. It is shown as it was given, in `settings`.
    Column("namespace_template", _Id, nullable=False),
    # The model's `StrategyConfiguration`, in the form of the output; NULL for a built-in strategy without reflections.
    Column("configuration", JSON(none_as_null=True)),
    # `description`, `namespaces`, `memoryRecordSchema`, `recordExpiryDurationDays` and the like, in the form of the
    # output.
    Column("settings", JSON, nullable=False),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    # CREATING before.
    Column("ready_at", _Time, nullable=False),
    # DELETING until then; NULL for one that stays.
    Column("gone_at", _Time),
    UniqueConstraint("memory_key", "id"),
    UniqueConstraint("memory_key", "name"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    Column("actor_id", _Id, nullable=False),
    Column("session_id", _Id, nullable=False),
    Column("created_at", _Time, nullable=False),
    # A day after the last event is gone. Never earlier than a day after any event of the session expires.
    Column("keep_until", _Time, nullable=False, index=True),
    UniqueConstraint("memory_key", "actor_id", "session_id"),
)

# The main branch of a session has no row.
branches = Table(
    "branches",
    metadata,
    Column("session_key", ForeignKey(sessions.c.key, ondelete="CASCADE"), primary_key=True),
    Column("name", _Id, primary_key=True),
    # The branch of the root event, which may be deleted later.
    Column("parent", _Id, nullable=False),
    Column("root_event_id", _Id, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    Column("session_key", ForeignKey(sessions.c.key, ondelete="CASCADE"), nullable=False),
    # Sorts as text in the order of the events' own time stamps.
    Column("event_id", _Id, nullable=False),
    Column("timestamp", _Time, nullable=False),
    Column("expires_at", _Time, nullable=False),
    Column("branch", _Id, nullable=False),
    Column("payload", JSON, nullable=False),
    # {key: string value}, as it is shown; NULL when none was given.
    Column("metadata", JSON(none_as_null=True)),
    # Digest of the clientToken, unique in its memory.
    Column("token", String),
    UniqueConstraint("session_key", "event_id"),
    UniqueConstraint("memory_key", "token"),
    Index("ix_events_expires_at", "expires_at"),
)

# What an event's metadata is filtered by.
event_metadata = Table(
    "event_metadata",
    metadata,
    Column("event_key", ForeignKey(events.c.key, ondelete="CASCADE"), primary_key=True),
    Column("name", _Id, primary_key=True),
    Column("value", _Id, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    # `mem-` and a UUID.
    Column("id", _Id, nullable=False),
    # NULL for one that BatchCreateMemoryRecords made without a strategy. Records outlive their strategy.
    Column("strategy_id", _Id),
    # With a slash at either end.
    Column("namespace", _Id, nullable=False),
    Column("text", _Text, nullable=False),
    # BASE or REFLECTION.
    Column("kind", String, nullable=False),
    # What an extracted record is about, by which a later one takes its place; NULL for others.
    Column("subject", _Text(collation="C").with_variant(_Text(), "sqlite")),
    # The model's `MetadataValue`s by key, as they are shown; NULL when there are none.
    Column("metadata", JSON(none_as_null=True)),
    Column("timestamp", _Time, nullable=False),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    Column("expires_at", _Time),
    UniqueConstraint("memory_key", "id"),
    Index("ix_records_namespace", "memory_key", "namespace"),
    Index("ix_records_subject", "memory_key", "strategy_id", "namespace", "subject"),
    Index("ix_records_expires_at", "expires_at"),
    # A key is never used again, by which page tokens and vectors know a record.
    sqlite_autoincrement=True,
)

# What a record's metadata is filtered by: a row for each value, and for each item of a list.
record_metadata = Table(
    "record_metadata",
    metadata,
    Column("record_key", ForeignKey(records.c.key, ondelete="CASCADE"), primary_key=True),
    Column("name", _Id, primary_key=True),
    Column("item", Integer, primary_key=True),
    # STRING, STRINGLIST, NUMBER or DATETIME; the first two have text, the others a number (of milliseconds).
    Column("type", String, nullable=False),
    Column("text", _Id),
    Column("number", Float),
)

# For retrieval by meaning.
record_vectors = Table(
    "record_vectors",
    metadata,
    Column("record_key", ForeignKey(records.c.key, ondelete="CASCADE"), primary_key=True),
    # Which model made it. Vectors of another are none.
    Column("model", String, nullable=False),
    # 32-bit floating point numbers, little-endian, of length 1 together.
    Column("vector", LargeBinary, nullable=False),
)

# Records whose text has no vector yet. Whatever writes a record says so here, whether or not anybody asks for vectors:
# retrieval by meaning may be switched on later.
unembedded = Table(
    "unembedded",
    metadata,
    Column("record_key", ForeignKey(records.c.key, ondelete="CASCADE"), primary_key=True),
)

# What is still to be extracted, one row for each event (or ingestion) and strategy. A job that is done has no row: it
# goes in the transaction that brings the records.
extraction_jobs = Table(
    "extraction_jobs",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), nullable=False),
    Column("strategy_key", ForeignKey(strategies.c.key, ondelete="CASCADE"), nullable=False),
    Column("id", _Id, nullable=False, unique=True),
    Column("actor_id", _Id, nullable=False),
    Column("session_id", _Id, nullable=False),
    # [{"eventId"?, "messageIndex", "role"?, "text"? | "json"? | "blob"?}]
    Column("messages", JSON, nullable=False),
    # When it was said.
    Column("timestamp", _Time, nullable=False),
    # Values of the memory's own namespace keys, by name.
    Column("variables", JSON, nullable=False),
    # The event's metadata: {key: string value}.
    Column("metadata", JSON, nullable=False),
    # PENDING; FAILED, or STARTED again by StartMemoryExtractionJob; OPEN while its episode is not over, or until a
    # trigger of its self-managed strategy strikes.
    Column("status", String, nullable=False),
    Column("failure_reason", String),
    Column("due_at", _Time, nullable=False),
    Index("ix_extraction_jobs_due", "status", "due_at"),
    Index("ix_extraction_jobs_memory", "memory_key", "status"),
    Index("ix_extraction_jobs_session", "strategy_key", "actor_id", "session_id"),
)

# Ingestions that a repeated clientToken is recognized by. They make no event, and their jobs go when they are done.
ingestions = Table(
    "ingestions",
    metadata,
    Column("memory_key", ForeignKey(memories.c.key, ondelete="CASCADE"), primary_key=True),
    # Digest of the clientToken.
    Column("token", String, primary_key=True),
    Column("session_id", _Id, nullable=False),
    Column("forget_at", _Time, nullable=False, index=True),
)

# What the streams of `streamDeliveryResources` are still to get. Events outlive their memory.
stream_events = Table(
    "stream_events",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("memory_id", _Id, nullable=False),
    Column("stream_arn", _Id, nullable=False),
    Column("partition_key", _Id, nullable=False),
    # {"memoryStreamEvent": ...}
    Column("event", JSON, nullable=False),
    Column("created_at", _Time, nullable=False, index=True),
    Column("due_at", _Time, nullable=False),
    # A key is never used again: an event is forgotten by it after it was read.
    sqlite_autoincrement=True,
)
