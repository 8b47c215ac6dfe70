"""The control plane's part: memories themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, ServiceQuotaExceededException, ValidationException
from agentcore_emulator.memory import ids, keys, strategies
from agentcore_emulator.memory.stream_delivery import outbox
from agentcore_emulator.memory.tables import memories, milliseconds
from agentcore_emulator.memory.transitions import Delays, refuse_while_busy, status
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["PURGE", "Memories", "find"]

# Members of CreateMemory that are shown again as they were given.
_SHOWN: Final[Sequence[str]] = (
    "description",
    "encryptionKeyArn",
    "memoryExecutionRoleArn",
    "indexedKeys",
    "namespaceKeys",
    "streamDeliveryResources",
)
_KEPT: Final[Sequence[str]] = (*_SHOWN, "tags")
# Members of UpdateMemory that take the place of what is there.
_REPLACED: Final[Sequence[str]] = ("description", "memoryExecutionRoleArn", "namespaceKeys", "streamDeliveryResources")
# botocore model, documentation of ListMemories.
_PAGE: Final = 10
# AWS developer guide, quotas of AgentCore Memory: in a region.
_MOST: Final = 150

_BY_ID = select(memories).where(memories.c.id == bindparam("given"))
_BY_ARN = select(memories).where(memories.c.arn == bindparam("given"))

#: Forgets the memories that are gone at `now`. Nothing shows them any more, so that may wait until somebody writes.
PURGE = delete(memories).where(memories.c.gone_at <= bindparam("now"))


class Memories:
    """CreateMemory, GetMemory, ListMemories, UpdateMemory and DeleteMemory of bedrock-agentcore-control.

    Results are the output structures of the botocore model. An answer to CreateMemory, to DeleteMemory, and to an
    UpdateMemory that concerns strategies has a transitional status, as AWS's has. For how long the next looks have it
    too is what `delays` say.
    """

    def __init__(self, store: Store, clock: Clock, region: str, account: str, delays: Delays) -> None:
        self._store = store
        self._clock = clock
        self._arn = f"arn:aws:bedrock-agentcore:{region}:{account}:memory/"
        self._delays = delays

    async def create_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memory": Memory}`. A repeated clientToken gives the memory that it made, whatever else is asked for.

        Raises ValidationException when the name is taken, in words that the SDK's `create_or_get_memory` looks for, and
        for strategies and keys that cannot be; ServiceQuotaExceededException when there are too many of anything.
        """
        now = milliseconds(self._clock.time())
        token = resource_ids.token_digest(given)
        made = select(memories).where(memories.c.token == token)

        def create(connection: Connection) -> dict[str, Any]:
            connection.execute(PURGE, {"now": now})
            row = None if token is None else connection.execute(made).first()
            if row is None:
                row = self._create(connection, given, token, now)
            rows = strategies.of(connection, row.key, now)
            shown = strategies.shown(rows, now, new=[one.id for one in rows])
            return _memory(row, "CREATING", shown)

        return {"memory": await self._store.write(create)}

    def _create(self, connection: Connection, given: dict[str, Any], token: str | None, now: int) -> Row[Any]:
        name = given["name"]
        if connection.execute(select(memories.c.key).where(memories.c.name == name)).first():
            taken = f"Memory with name '{name}' already exists"
            raise ValidationException(taken, reason="ResourceConflict", fields=[("name", "already exists")])
        if connection.execute(select(func.count()).select_from(memories)).scalar_one() >= _MOST:
            raise ServiceQuotaExceededException(f"An account has at most {_MOST} memories in a region")
        settings = {member: given[member] for member in _KEPT if member in given}
        _check_settings(settings)
        changes = strategies.changed([], {"addMemoryStrategies": given.get("memoryStrategies", [])})
        strategies.check(changes.added, settings)
        delay = self._delays.creating
        state = {"settings": settings, "token": token, **_transition("CREATING", now, delay)}
        row = self.insert(
            connection, resource_ids.new_resource_id(name), name, given["eventExpiryDuration"], now, **state
        )
        strategies.store(connection, row.key, changes, now, delay)
        outbox.configured(connection, row, now)
        return row

    def insert(
        self, connection: Connection, memory_id: str, name: str, expiry_days: int, now: int, **state: Any
    ) -> Row[Any]:
        """The row of a new memory, ready at once and without settings unless `state` says otherwise of its columns."""
        values = {
            "id": memory_id,
            "arn": self._arn + memory_id,
            "name": name,
            "expiry_days": expiry_days,
            "settings": {},
            "created_at": now,
            "updated_at": now,
            "ready_at": now,
        }
        connection.execute(insert(memories).values({**values, **state}))
        return find(connection, memory_id, now)

    async def get_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memory": Memory}`. `view` makes no difference, as nothing here is encrypted.

        Raises ResourceNotFoundException.
        """
        now = milliseconds(self._clock.time())

        def get(connection: Connection) -> dict[str, Any]:
            row = find(connection, given["memoryId"], now)
            return _memory(row, status(row, now), strategies.shown(strategies.of(connection, row.key, now), now))

        return {"memory": await self._store.read(get)}

    async def list_memories(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memories": [MemorySummary], "nextToken"?}`, the newest first (AWS documents no order).

        Raises ValidationException for a token that ListMemories did not give.
        """
        now = milliseconds(self._clock.time())
        listing = Listing("ListMemories")
        size = given.get("maxResults", _PAGE)
        there = memories.c.gone_at.is_(None) | (memories.c.gone_at > now)
        query = select(memories).where(there).order_by(memories.c.key.desc()).limit(size + 1)
        if position := listing.position(given.get("nextToken")):
            query = query.where(memories.c.key < int(position))
        rows = await self._store.read(lambda c: c.execute(query).all())
        summaries = [_summary(row, status(row, now)) for row in rows[:size]]
        return {"memories": summaries, **listing.continued(rows, size, "key")}

    async def update_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memory": Memory}`. What the request does not mention stays as it is.

        The clientToken of the last update again changes nothing. Only strategies take their time; whatever else is
        asked for is there at once (observed: SDK integration tests). Raises ResourceNotFoundException,
        ValidationException while the memory is in a transitional state, and both that CreateMemory raises for keys and
        strategies.
        """
        now = milliseconds(self._clock.time())
        token = resource_ids.token_digest(given)

        def change(connection: Connection) -> dict[str, Any]:
            connection.execute(PURGE, {"now": now})
            row = find(connection, given["memoryId"], now)
            current = [dict(one._mapping) for one in strategies.of(connection, row.key, now)]
            changes = strategies.Changes([], [], [])
            if token is None or token != row.update_token:
                refuse_while_busy(row, now, "UpdateMemory", "update memory")
                changes = strategies.changed(current, given.get("memoryStrategies", {}))
                self._change(connection, row, given, current, changes, token, now)
                row = find(connection, row.id, now)
            shown = strategies.shown(
                strategies.of(connection, row.key, now), now, new=[one["id"] for one in changes.added]
            )
            return _memory(row, "UPDATING" if changes else status(row, now), shown)

        return {"memory": await self._store.write(change)}

    def _change(
        self,
        connection: Connection,
        row: Row[Any],
        given: dict[str, Any],
        current: list[strategies.Strategy],
        changes: strategies.Changes,
        token: str | None,
        now: int,
    ) -> None:
        settings = {**row.settings, **{name: given[name] for name in _REPLACED if name in given}}
        if "addIndexedKeys" in given:
            settings["indexedKeys"] = [*settings.get("indexedKeys", []), *given["addIndexedKeys"]]
        _check_settings(settings)
        strategies.check(changes.applied(current), settings)
        values = {
            "settings": settings,
            "expiry_days": given.get("eventExpiryDuration", row.expiry_days),
            "updated_at": now,
            "update_token": token,
        }
        if changes:
            values |= _transition("UPDATING", now, self._delays.updating)
            strategies.store(connection, row.key, changes, now, self._delays.updating)
        connection.execute(update(memories).where(memories.c.key == row.key).values(values))
        if settings.get("streamDeliveryResources") != row.settings.get("streamDeliveryResources"):
            outbox.configured(connection, find(connection, row.id, now), now)

    async def delete_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryId", "status"}`. With the memory goes all that is in it.

        Raises ResourceNotFoundException, and ValidationException while the memory is being created or updated. One that
        is being deleted goes on being so.
        """
        now = milliseconds(self._clock.time())

        def remove(connection: Connection) -> None:
            row = find(connection, given["memoryId"], now)
            refuse_while_busy(row, now, "DeleteMemory", "delete memory", allowed=("ACTIVE", "DELETING"))
            if row.gone_at is None:
                going = update(memories).where(memories.c.key == row.key)
                connection.execute(going.values(gone_at=now + self._delays.deleting))
            connection.execute(PURGE, {"now": now})

        await self._store.write(remove)
        return {"memoryId": given["memoryId"], "status": "DELETING"}


def find(connection: Connection, given: str, now: int) -> Row[Any]:
    """The row of the memory with the id or ARN `given`, which may be on its way in or out.

    Raises ValidationException when it is neither, ResourceNotFoundException when there is none at `now`. Both in the
    words of the live service (observed, floci-io/floci pull request 3556).
    """
    ids.check_memory_id(given)
    row = connection.execute(_BY_ARN if given.startswith("arn:") else _BY_ID, {"given": given}).first()
    if row is None or (row.gone_at is not None and row.gone_at <= now):
        raise ResourceNotFoundException(f"Memory not found: {given}")
    return row


def _transition(state: str, now: int, delay: int) -> dict[str, Any]:
    return {"transition": state, "ready_at": now + delay} if delay else {}


def _check_settings(settings: dict[str, Any]) -> None:
    keys.check_indexed_keys(settings.get("indexedKeys", []))
    keys.check_namespace_keys(settings.get("namespaceKeys", []))
    streams = settings.get("streamDeliveryResources", {}).get("resources")
    if streams and "memoryExecutionRoleArn" not in settings:
        # Observed by a user of the live service.
        text = "Please provide memoryExecutionRoleArn when streamDeliveryResources is specified"
        raise ValidationException(text, fields=[("memoryExecutionRoleArn", "must not be null")])


def _memory(row: Row[Any], state: str, strategies_shown: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **_summary(row, state),
        "name": row.name,
        "eventExpiryDuration": row.expiry_days,
        "strategies": strategies_shown,
        **{name: value for name, value in row.settings.items() if name in _SHOWN},
    }


def _summary(row: Row[Any], state: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "arn": row.arn,
        "status": state,
        "createdAt": row.created_at / 1000,
        "updatedAt": row.updated_at / 1000,
    }
