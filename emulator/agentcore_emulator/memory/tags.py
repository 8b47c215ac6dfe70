"""Tags of memories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, ServiceQuotaExceededException
from agentcore_emulator.memory.tables import memories, milliseconds
from agentcore_emulator.store import Store

__all__ = ["Tags"]

# botocore model, `TagsMap`, of which a resource shows one.
_MOST: Final = 50


class Tags:
    """TagResource, UntagResource and ListTagsForResource of bedrock-agentcore-control, for the ARNs of memories.

    Tags mean nothing here; they are kept and shown. All raise ResourceNotFoundException for any other ARN.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def tag_resource(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{}`. Tags that are there already get the new values.

        Raises ServiceQuotaExceededException when there would be more than 50.
        """

        def add(tags: dict[str, str]) -> dict[str, str]:
            new = {**tags, **given["tags"]}
            if len(new) > _MOST:
                raise ServiceQuotaExceededException(f"A resource has at most {_MOST} tags, and would have {len(new)}")
            return new

        return await self._change(given["resourceArn"], add)

    async def untag_resource(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{}`. Keys that no tag has are no error."""
        keys = set(given["tagKeys"])
        return await self._change(
            given["resourceArn"], lambda tags: {key: value for key, value in tags.items() if key not in keys}
        )

    async def list_tags_for_resource(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"tags": {key: value}}`."""
        now = milliseconds(self._clock.time())
        row = await self._store.read(lambda c: _find(c, given["resourceArn"], now))
        return {"tags": row.settings.get("tags", {})}

    async def _change(self, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, Any]:
        now = milliseconds(self._clock.time())

        def work(connection: Connection) -> None:
            row = _find(connection, arn, now)
            settings = {**row.settings, "tags": change(row.settings.get("tags", {}))}
            connection.execute(update(memories).where(memories.c.key == row.key).values(settings=settings))

        await self._store.write(work)
        return {}


def _find(connection: Connection, arn: str, now: int) -> Row[Any]:
    row = connection.execute(select(memories).where(memories.c.arn == arn)).first()
    if row is None or (row.gone_at is not None and row.gone_at <= now):
        raise ResourceNotFoundException(f"Resource not found: {arn}")
    return row
