"""Agent runtimes of the control plane, their versions and endpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

_integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_id = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """There were none before."""
    op.create_table(
        "runtimes",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("id", _id, nullable=False, unique=True),
        sa.Column("arn", _id, nullable=False, unique=True),
        sa.Column("name", _id, nullable=False, unique=True),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("deleting", sa.String),
    )
    op.create_table(
        "runtime_versions",
        sa.Column("runtime_key", _integer, sa.ForeignKey("runtimes.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("failure", sa.String),
        sa.Column("token", sa.String),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("updated_at", _integer, nullable=False),
    )
    op.create_table(
        "runtime_endpoints",
        sa.Column("key", _integer, primary_key=True),
        sa.Column("runtime_key", _integer, sa.ForeignKey("runtimes.key", ondelete="CASCADE"), nullable=False),
        sa.Column("id", _id, nullable=False, unique=True),
        sa.Column("arn", _id, nullable=False, unique=True),
        sa.Column("name", _id, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("description", sa.String),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("deleting", sa.Boolean, nullable=False),
        sa.Column("token", sa.String),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("created_at", _integer, nullable=False),
        sa.Column("updated_at", _integer, nullable=False),
        sa.UniqueConstraint("runtime_key", "name"),
    )
