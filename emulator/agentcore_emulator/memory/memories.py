"""The control plane's part: memories themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import NotImplementedException, ResourceNotFoundException, ValidationException
from agentcore_emulator.memory import ids
from agentcore_emulator.memory.paging import Listing
from agentcore_emulator.memory.tables import memories, milliseconds
from agentcore_emulator.store import Store

__all__ = ["Memories", "find"]

# Members of CreateMemory that are shown again as they were given.
_SHOWN = (
    "description",
    "encryptionKeyArn",
    "memoryExecutionRoleArn",
    "indexedKeys",
    "namespaceKeys",
    "streamDeliveryResources",
)
_KEPT = (*_SHOWN, "tags")
# botocore model, documentation of ListMemories.
_PAGE = 10

_BY_ID = select(memories).where(memories.c.id == bindparam("given"))
_BY_ARN = select(memories).where(memories.c.arn == bindparam("given"))


class Memories:
    """CreateMemory, GetMemory, ListMemories and DeleteMemory of bedrock-agentcore-control.

    Results are the output structures of the botocore model. A memory can be used at once: CreateMemory answers
    `CREATING`, as AWS does, and every later look says `ACTIVE`, where AWS takes two to three minutes.
    """

    def __init__(self, store: Store, clock: Clock, region: str, account: str) -> None:
        self._store = store
        self._clock = clock
        self._arn = f"arn:aws:bedrock-agentcore:{region}:{account}:memory/"

    async def create_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memory": Memory}`. A repeated clientToken gives the memory that it made, whatever else is asked for.

        Raises ValidationException when the name is taken, in words that the SDK's `create_or_get_memory` looks for, and
        NotImplementedException for what needs long-term memory.
        """
        _refuse_long_term_memory(given)
        token = ids.token_digest(given)
        memory_id = ids.new_memory_id(given["name"])
        values = {
            **self._values(memory_id, given["name"], given["eventExpiryDuration"]),
            "settings": {name: given[name] for name in _KEPT if name in given},
            "token": token,
        }

        def create(connection: Connection) -> Row[Any]:
            made = select(memories).where(memories.c.token == token)
            if token is not None and (row := connection.execute(made).first()):
                return row
            if connection.execute(select(memories.c.key).where(memories.c.name == given["name"])).first():
                taken = f"Memory with name '{given['name']}' already exists"
                raise ValidationException(taken, reason="ResourceConflict", fields=[("name", "already exists")])
            connection.execute(insert(memories).values(values))
            return connection.execute(select(memories).where(memories.c.id == memory_id)).one()

        return {"memory": _memory(await self._store.write(create), "CREATING")}

    async def ensure(self, name: str, memory_id: str | None, expiry_days: int) -> str:
        """The id of the memory with that id, else of the one called `name`, else of one that is created so.

        A memory that was made here before its agent was deployed thus goes on under the id that it has here.
        """
        new_id = memory_id or ids.new_memory_id(name)

        def find_or_create(connection: Connection) -> str:
            for known in (memories.c.id == new_id, memories.c.name == name):
                found: str | None = connection.execute(select(memories.c.id).where(known)).scalar()
                if found is not None:
                    return found
            connection.execute(insert(memories).values(self._values(new_id, name, expiry_days)))
            return new_id

        return await self._store.write(find_or_create)

    def _values(self, memory_id: str, name: str, expiry_days: int) -> dict[str, Any]:
        now = milliseconds(self._clock.time())
        return {
            "id": memory_id,
            "arn": self._arn + memory_id,
            "name": name,
            "expiry_days": expiry_days,
            "settings": {},
            "token": None,
            "created_at": now,
            "updated_at": now,
            "ready_at": now,
        }

    async def get_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memory": Memory}`. `view` makes no difference, as nothing here is encrypted.

        Raises ResourceNotFoundException.
        """
        return {"memory": _memory(await self._store.read(lambda c: find(c, given["memoryId"])), "ACTIVE")}

    async def list_memories(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memories": [MemorySummary], "nextToken"?}`, the newest first (AWS documents no order).

        Raises ValidationException for a token that ListMemories did not give.
        """
        listing = Listing("ListMemories")
        size = given.get("maxResults", _PAGE)
        query = select(memories).order_by(memories.c.key.desc()).limit(size + 1)
        if position := listing.position(given.get("nextToken")):
            query = query.where(memories.c.key < int(position))
        rows = await self._store.read(lambda c: c.execute(query).all())
        return {"memories": [_summary(row) for row in rows[:size]], **listing.continued(rows, size, "key")}

    async def delete_memory(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryId", "status"}`. The memory and its events are gone when this returns; AWS takes a while.

        Raises ResourceNotFoundException.
        """

        def remove(connection: Connection) -> None:
            memory = find(connection, given["memoryId"])
            connection.execute(delete(memories).where(memories.c.key == memory.key))

        await self._store.write(remove)
        return {"memoryId": given["memoryId"], "status": "DELETING"}


def find(connection: Connection, given: str) -> Row[Any]:
    """The row of the memory with the id or ARN `given`.

    Raises ValidationException when it is neither, ResourceNotFoundException when there is none. Both in the words of
    the live service (observed, floci-io/floci pull request 3556).
    """
    ids.check_memory_id(given)
    row = connection.execute(_BY_ARN if given.startswith("arn:") else _BY_ID, {"given": given}).first()
    if row is None:
        raise ResourceNotFoundException(f"Memory not found: {given}")
    return row


def _refuse_long_term_memory(given: Mapping[str, Any]) -> None:
    """Accepting a strategy and never extracting a record would be a lie, and so would a stream without records."""
    if given.get("memoryStrategies"):
        raise NotImplementedException("CreateMemory with memoryStrategies", "bedrock-agentcore-control")
    if given.get("streamDeliveryResources", {}).get("resources"):
        raise NotImplementedException("CreateMemory with streamDeliveryResources", "bedrock-agentcore-control")


def _memory(row: Row[Any], status: str) -> dict[str, Any]:
    return {
        **_summary(row),
        "name": row.name,
        "eventExpiryDuration": row.expiry_days,
        "status": status,
        "strategies": [],
        **{name: value for name, value in row.settings.items() if name in _SHOWN},
    }


def _summary(row: Row[Any]) -> dict[str, Any]:
    created = row.created_at / 1000
    return {"id": row.id, "arn": row.arn, "status": "ACTIVE", "createdAt": created, "updatedAt": created}
