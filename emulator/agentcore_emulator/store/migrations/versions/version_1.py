"""Memories, and the events in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

_integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_id = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Files that were written before there were migrations have exactly this."""
    op.create_table(
        "memories",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("id", _id, nullable=False, unique=True),
        sa.Column("arn", _id, nullable=False, unique=True),
        sa.Column("name", _id, nullable=False, unique=True),
        sa.Column("expiry_days", sa.Integer, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("token", sa.String, unique=True),
        sa.Column("created_at", _integer, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), nullable=False),
        sa.Column("actor_id", _id, nullable=False),
        sa.Column("session_id", _id, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("keep_until", _integer, nullable=False, index=True),
        sa.UniqueConstraint("memory_key", "actor_id", "session_id"),
    )
    op.create_table(
        "branches",
        sa.Column("session_key", _integer, sa.ForeignKey("sessions.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", _id, primary_key=True),
        sa.Column("parent", _id, nullable=False),
        sa.Column("root_event_id", _id, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_key", _integer, sa.ForeignKey("memories.key", ondelete="CASCADE"), nullable=False),
        sa.Column("session_key", _integer, sa.ForeignKey("sessions.key", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", _id, nullable=False),
        sa.Column("timestamp", _integer, nullable=False),
        sa.Column("expires_at", _integer, nullable=False),
        sa.Column("branch", _id, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True)),
        sa.Column("token", sa.String),
        sa.UniqueConstraint("session_key", "event_id"),
        sa.UniqueConstraint("memory_key", "token"),
        sa.Index("ix_events_expires_at", "expires_at"),
    )
