"""Tags of agent runtimes and their endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table, select, update

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.runtime.control.described import Configured
from agentcore_emulator.runtime.control.tables import endpoints, runtimes

__all__ = ["TaggedRuntimes"]


class TaggedRuntimes:
    """What the control plane has made, as `agentcore_emulator.tags` has it; what files configure has no tags."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured

    def tags(self, connection: Connection, arn: str, now: int) -> Mapping[str, str] | None:
        """Those of the runtime or endpoint with this ARN, None if there is none."""
        if self._is_configured(arn):
            return {}
        table = _table(arn)
        tags: Mapping[str, str] | None = connection.execute(select(table.c.tags).where(table.c.arn == arn)).scalar()
        return tags

    def put_tags(self, connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
        """Keep the tags of one that is there. Raises ValidationException for one that a file configures."""
        if self._is_configured(arn):
            raise ValidationException(f"{arn} is configured by a file, not by CreateAgentRuntime, and has no tags")
        table = _table(arn)
        connection.execute(update(table).where(table.c.arn == arn).values(tags=dict(tags)))

    def _is_configured(self, arn: str) -> bool:
        return any(agent.runtime.arn == arn for agent in self._configured)


def _table(arn: str) -> Table:
    return endpoints if "/runtime-endpoint/" in arn else runtimes
