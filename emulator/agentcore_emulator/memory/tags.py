"""Tags of memories."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from agentcore_emulator.memory.tables import memories

__all__ = ["TaggedMemories"]


class TaggedMemories:
    """Memories, as `agentcore_emulator.tags` has them."""

    def tags(self, connection: Connection, arn: str, now: int) -> Mapping[str, str] | None:
        """Those of the memory with this ARN, None if there is none at `now`."""
        row = connection.execute(select(memories).where(memories.c.arn == arn)).first()
        if row is None or (row.gone_at is not None and row.gone_at <= now):
            return None
        tags: Mapping[str, str] = row.settings.get("tags", {})
        return tags

    def put_tags(self, connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
        """Keep the tags of a memory that is there."""
        settings = connection.execute(select(memories.c.settings).where(memories.c.arn == arn)).scalar_one()
        changed = {**settings, "tags": dict(tags)}
        connection.execute(update(memories).where(memories.c.arn == arn).values(settings=changed))
