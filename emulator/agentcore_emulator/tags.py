"""Tags of whatever has an ARN and can have some: memories, agent runtimes and their endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import InternalServerException, ResourceNotFoundException, ServiceQuotaExceededException
from agentcore_emulator.store import Store
from agentcore_emulator.store.answers import plain
from agentcore_emulator.store.columns import milliseconds

__all__ = ["Tagged", "Tags"]

# botocore model, `TagsMap`, of which a resource shows one.
_MOST: Final = 50


class Tagged(Protocol):
    """Resources of one kind; `now` is in milliseconds since the epoch."""

    def tags(self, connection: Connection, arn: str, now: int) -> Mapping[str, str] | None:
        """The tags of one, None if there is none of this kind under this ARN."""

    def put_tags(self, connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
        """Keep the tags of one that is there. May raise what says that it can have none."""


class Tags:
    """TagResource, UntagResource and ListTagsForResource of bedrock-agentcore-control.

    Tags mean nothing here; they are kept and shown. All raise ResourceNotFoundException for an ARN of nothing that is
    `tagged`, and InternalServerException when the state file fails them.
    """

    services: Sequence[str] = ("bedrock-agentcore-control",)

    def __init__(self, store: Store, clock: Clock, tagged: Sequence[Tagged]) -> None:
        self._store = store
        self._clock = clock
        self._tagged = tagged
        handlers: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }
        self.operations = {name: plain(handler, InternalServerException) for name, handler in handlers.items()}

    async def tag_resource(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{}`. Tags that are there already get the new values.

        Raises ServiceQuotaExceededException when there would be more than 50.
        """

        def add(tags: Mapping[str, str]) -> Mapping[str, str]:
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
        _, tags = await self._store.read(lambda c: self._find(c, given["resourceArn"], now))
        return {"tags": dict(tags)}

    async def _change(self, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> dict[str, Any]:
        now = milliseconds(self._clock.time())

        def work(connection: Connection) -> None:
            tagged, tags = self._find(connection, arn, now)
            tagged.put_tags(connection, arn, change(tags))

        await self._store.write(work)
        return {}

    def _find(self, connection: Connection, arn: str, now: int) -> tuple[Tagged, Mapping[str, str]]:
        for tagged in self._tagged:
            tags = tagged.tags(connection, arn, now)
            if tags is not None:
                return tagged, tags
        raise ResourceNotFoundException(f"Resource not found: {arn}")
