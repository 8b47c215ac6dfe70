"""Strategies, records, extraction jobs, and memories that change."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

_integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_id = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_BATCH = 1000


def upgrade() -> None:
    """Memories of version 1 are ready since they were created, and have never changed."""
    with op.batch_alter_table("memories") as batch:
        batch.add_column(sa.Column("update_token", sa.String))
        batch.add_column(sa.Column("updated_at", _integer))
        batch.add_column(sa.Column("transition", sa.String))
        batch.add_column(sa.Column("ready_at", _integer))
        batch.add_column(sa.Column("gone_at", _integer))
    memories = sa.table("memories", *map(sa.column, ("created_at", "updated_at", "ready_at")))
    op.execute(memories.update().values(updated_at=memories.c.created_at, ready_at=memories.c.created_at))
    with op.batch_alter_table("memories") as batch:
        batch.alter_column("updated_at", existing_type=_integer, nullable=False)
        batch.alter_column("ready_at", existing_type=_integer, nullable=False)
    _create_strategies()
    _create_records()
    _index_metadata()


def _create_strategies() -> None:
    op.create_table(
        "strategies",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", _id, nullable=False),
        sa.Column("name", _id, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("namespace_template", _id, nullable=False),
        sa.Column("configuration", sa.JSON(none_as_null=True)),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("updated_at", _integer, nullable=False),
        sa.Column("ready_at", _integer, nullable=False),
        sa.Column("gone_at", _integer),
        sa.UniqueConstraint("memory_key", "id"),
        sa.UniqueConstraint("memory_key", "name"),
    )
    op.create_table(
        "extraction_jobs",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), nullable=False),
        sa.Column("strategy_key", _integer, sa.ForeignKey("strategies.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", _id, nullable=False, unique=True),
        sa.Column("actor_id", _id, nullable=False),
        sa.Column("session_id", _id, nullable=False),
        sa.Column("messages", sa.JSON, nullable=False),
        sa.Column("timestamp", _integer, nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("failure_reason", sa.String),
        sa.Column("due_at", _integer, nullable=False),
        sa.Index("ix_extraction_jobs_due", "status", "due_at"),
        sa.Index("ix_extraction_jobs_memory", "memory_key", "status"),
        sa.Index("ix_extraction_jobs_session", "strategy_key", "actor_id", "session_id"),
    )
    op.create_table(
        "ingestions",
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("token", sa.String, primary_key=True),
        sa.Column("session_id", _id, nullable=False),
        sa.Column("forget_at", _integer, nullable=False, index=True),
    )


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", _id, nullable=False),
        sa.Column("strategy_id", _id),
        sa.Column("namespace", _id, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", _id),
        sa.Column("metadata", sa.JSON(none_as_null=True)),
        sa.Column("timestamp", _integer, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("updated_at", _integer, nullable=False),
        sa.Column("expires_at", _integer),
        sa.UniqueConstraint("memory_key", "id"),
        sa.Index("ix_records_namespace", "memory_key", "namespace"),
        sa.Index("ix_records_subject", "memory_key", "strategy_id", "namespace", "subject"),
        sa.Index("ix_records_expires_at", "expires_at"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "record_metadata",
        sa.Column("record_key", _integer, sa.ForeignKey("records.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", _id, primary_key=True),
        sa.Column("item", sa.Integer, primary_key=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("text", _id),
        sa.Column("number", sa.Float),
    )
    op.create_table(
        "record_vectors",
        sa.Column("record_key", _integer, sa.ForeignKey("records.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "unembedded",
        sa.Column("record_key", _integer, sa.ForeignKey("records.key", ondelete="CASCADE"), primary_key=True),
    )


def _index_metadata() -> None:
    rows = op.create_table(
        "event_metadata",
        sa.Column("event_key", _integer, sa.ForeignKey("events.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", _id, primary_key=True),
        sa.Column("value", _id, nullable=False),
    )
    connection = op.get_bind()
    pairs = _pairs(connection)
    while batch := list(itertools.islice(pairs, _BATCH)):
        connection.execute(sa.insert(rows), batch)


def _pairs(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """What each event has in its metadata. Some events at a time: there may be millions."""
    events = sa.table("events", sa.column("key"), sa.column("metadata", sa.JSON(none_as_null=True)))
    described = sa.select(events.c.key, events.c.metadata).where(events.c.metadata.is_not(None)).order_by(events.c.key)
    last = 0
    while found := connection.execute(described.where(events.c.key > last).limit(_BATCH)).all():
        for key, metadata in found:
            yield from ({"event_key": key, "name": name, "value": value} for name, value in metadata.items())
        last = found[-1].key
