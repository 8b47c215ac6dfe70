"""What Alembic runs around the migrations."""

from __future__ import annotations

from alembic import context

from agentcore_emulator.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.versions.name,
    # SQLite can, if a transaction is begun by hand, as the store does.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
