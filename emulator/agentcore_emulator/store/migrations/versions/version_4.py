"""Events that the streams of memories are still to get."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"

_integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_id = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Nothing was delivered before, so nothing waits."""
    op.create_table(
        "stream_events",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("memory_id", _id, nullable=False),
        sa.Column("stream_arn", _id, nullable=False),
        sa.Column("partition_key", _id, nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("due_at", _integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stream_events_created_at", "stream_events", ["created_at"])
