"""Events: the turns of conversations and whatever else an agent wants kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, and_, bindparam, delete, func, insert, or_, select, update

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException
from agentcore_emulator.memory import branches, ids, memories, tables
from agentcore_emulator.memory.extraction import Extraction
from agentcore_emulator.memory.filters import metadata_conditions
from agentcore_emulator.memory.tables import DAY, event_metadata, events, milliseconds, sessions
from agentcore_emulator.memory.times import moment
from agentcore_emulator.memory.transitions import refuse_while_busy
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["Events"]

# botocore model, documentation of ListEvents.
_PAGE = 20


def _showing(*columns: Column[Any]) -> Select[Any]:
    """Events with what `_event` shows of them."""
    query = select(
        events.c.key,
        events.c.session_key,
        tables.memories.c.id.label("memory_id"),
        sessions.c.actor_id,
        sessions.c.session_id,
        events.c.event_id,
        events.c.timestamp,
        events.c.branch,
        tables.branches.c.root_event_id,
        events.c.metadata,
        *columns,
    )
    root = and_(tables.branches.c.session_key == events.c.session_key, tables.branches.c.name == events.c.branch)
    return query.select_from(
        events.join(sessions, sessions.c.key == events.c.session_key)
        .join(tables.memories, tables.memories.c.key == events.c.memory_key)
        .outerjoin(tables.branches, root)
    )


# Built once: putting a statement together costs as much as running it.
_EVENTS = _showing(events.c.payload)
_EVENTS_WITHOUT_PAYLOAD = _showing()
_REPEATED = _EVENTS.where(events.c.memory_key == bindparam("memory_key"), events.c.token == bindparam("token"))
_PURGES = (
    memories.PURGE,
    delete(events).where(events.c.expires_at <= bindparam("now")),
    delete(sessions).where(sessions.c.keep_until <= bindparam("now")),
)
_DUE = select(
    or_(
        select(tables.memories.c.key).where(tables.memories.c.gone_at <= bindparam("now")).exists(),
        select(events.c.key).where(events.c.expires_at <= bindparam("now")).exists(),
        select(sessions.c.key).where(sessions.c.keep_until <= bindparam("now")).exists(),
    )
)
_TAKEN = select(events.c.key).where(
    events.c.session_key == bindparam("session_key"), events.c.event_id == bindparam("event_id")
)
_INSERTION = insert(events).returning(events.c.key)
_SESSION = select(sessions.c.key, sessions.c.keep_until).where(
    sessions.c.memory_key == bindparam("memory_key"),
    sessions.c.actor_id == bindparam("actor_id"),
    sessions.c.session_id == bindparam("session_id"),
)
_NEW_SESSION = insert(sessions).returning(sessions.c.key)
_KEEP_SESSION = update(sessions).where(sessions.c.key == bindparam("session"))


class Events:
    """CreateEvent, GetEvent, ListEvents and DeleteEvent of bedrock-agentcore.

    Results are the output structures of the botocore model. All of them take the memory's id or ARN, and raise
    ValidationException when `memoryId` is neither and ResourceNotFoundException when there is no such memory. What one
    call has written, every later one sees.
    """

    def __init__(self, store: Store, clock: Clock, extraction: Extraction) -> None:
        self._store = store
        self._clock = clock
        self._extraction = extraction

    async def create_event(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"event": Event}`. A session without an id gets a UUID. Without a branch, the event is on `main`.

        A clientToken that the memory has seen gives the event which it made, and nothing is written: the model says
        that such a request is ignored without an error, and the SDK's AgentCoreMemoryStore repeats tokens with a new
        eventTimestamp. Raises ValidationException for a time stamp or a branch that cannot be, and while the memory is
        being created or deleted.
        """
        new = {**given, "sessionId": given.get("sessionId") or str(uuid.uuid4())}
        metadata = given.get("metadata")
        values = {
            "timestamp": moment("eventTimestamp", given["eventTimestamp"]),
            "payload": given["payload"],
            # Events have string values only (botocore model, `MetadataValue`).
            "metadata": None if metadata is None else {key: value["stringValue"] for key, value in metadata.items()},
            "token": resource_ids.token_digest(given),
        }
        now = milliseconds(self._clock.time())
        event, waiting = await self._store.write(lambda c: _create(c, new, values, now, self._extraction))
        if waiting:
            self._extraction.wake()
        return {"event": event}

    async def get_event(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"event": Event}`. Raises ResourceNotFoundException when there is none, or it has expired."""
        now = milliseconds(self._clock.time())
        return {"event": _event(await self._store.read(lambda c: _find(c, given, now)))}

    async def delete_event(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"eventId"}`. Branches that fork from the event stay.

        Raises ResourceNotFoundException when there is none, or it has expired.
        """
        now = milliseconds(self._clock.time())
        await self._store.write(lambda c: _delete(c, _find(c, given, now), now))
        return {"eventId": given["eventId"]}

    async def list_events(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"events": [Event], "nextToken"?}`, newest first; empty for an actor or session that does not exist.

        Without a branch filter, events of all branches. With `includePayloads` false, events have no `payload`. (All
        observed on the live service, floci-io/floci pull request 3556.) Where AWS looks at `maxResults` events and may
        give an empty page with a token, here a page is short only when nothing follows, and only then has no token.
        Raises ValidationException for a token that another listing gave, and for a filter that makes no sense.
        """
        now = milliseconds(self._clock.time())
        return await self._store.read(lambda c: _list(c, given, now))


def _create(
    connection: Connection, new: Mapping[str, Any], values: dict[str, Any], now: int, extraction: Extraction
) -> tuple[dict[str, Any], bool]:
    """The event, and whether anything is to be extracted from it."""
    _purge(connection, now)
    memory = memories.find(connection, new["memoryId"], now)
    seen = {"memory_key": memory.key, "token": values["token"]}
    if values["token"] is not None and (row := connection.execute(_REPEATED, seen).first()):
        return _event(row), False
    # That it is refused while a memory is made was observed. Strategies that come or go do not concern it.
    refuse_while_busy(memory, now, "CreateEvent", "create event", allowed=("ACTIVE", "UPDATING"))
    expires_at = now + memory.expiry_days * DAY
    session_key = _session(connection, memory.key, new, now, keep_until=expires_at + DAY)
    branch, root = branches.place(connection, memory.key, session_key, new.get("branch"))
    event_id = ids.new_event_id(values["timestamp"])
    # Two events of one millisecond may draw the same suffix.
    while connection.execute(_TAKEN, {"session_key": session_key, "event_id": event_id}).first():
        event_id = ids.new_event_id(values["timestamp"])
    drawn = {"memory_key": memory.key, "session_key": session_key, "event_id": event_id, "branch": branch}
    key = connection.execute(_INSERTION, {**values, **drawn, "expires_at": expires_at}).scalar_one()
    if values["metadata"]:
        rows = [{"event_key": key, "name": name, "value": value} for name, value in values["metadata"].items()]
        connection.execute(insert(event_metadata), rows)
    event = {
        "memoryId": memory.id,
        "actorId": new["actorId"],
        "sessionId": new["sessionId"],
        "eventId": event_id,
        "eventTimestamp": values["timestamp"] / 1000,
        "payload": new["payload"],
        "branch": _branch(branch, root),
    }
    waiting = extraction.enqueue(connection, memory, new, event_id=event_id, timestamp=values["timestamp"], now=now)
    return ({**event, "metadata": new["metadata"]} if "metadata" in new else event), waiting


def _purge(connection: Connection, now: int) -> None:
    """Forget what has expired. Nothing shows it any more, so that may wait until somebody writes."""
    # Nearly always there is nothing to do, and one question is quicker than three orders.
    if connection.execute(_DUE, {"now": now}).scalar_one():
        for purge in _PURGES:
            connection.execute(purge, {"now": now})


def _session(connection: Connection, memory_key: int, new: Mapping[str, Any], now: int, keep_until: int) -> int:
    """The key of the event's session, which is made when it is new."""
    named = {"memory_key": memory_key, "actor_id": new["actorId"], "session_id": new["sessionId"]}
    known = connection.execute(_SESSION, named).first()
    if known is None:
        key: int = connection.execute(_NEW_SESSION, {**named, "created_at": now, "keep_until": keep_until}).scalar_one()
        return key
    if known.keep_until < keep_until:
        connection.execute(_KEEP_SESSION, {"session": known.key, "keep_until": keep_until})
    return int(known.key)


def _find(connection: Connection, given: Mapping[str, Any], now: int) -> Row[Any]:
    memory = memories.find(connection, given["memoryId"], now)
    query = _EVENTS.where(
        sessions.c.memory_key == memory.key,
        sessions.c.actor_id == given["actorId"],
        sessions.c.session_id == given["sessionId"],
        events.c.event_id == given["eventId"],
        events.c.expires_at > now,
    )
    row = connection.execute(query).first()
    if row is None:
        # Observed on the live service, floci-io/floci pull request 3556.
        raise ResourceNotFoundException(f"Unable to find event with id {given['eventId']}")
    return row


def _delete(connection: Connection, event: Row[Any], now: int) -> None:
    connection.execute(delete(events).where(events.c.key == event.key))
    last = select(func.max(events.c.expires_at)).where(events.c.session_key == event.session_key)
    keep_until = max(now, connection.execute(last).scalar() or 0) + DAY
    connection.execute(_KEEP_SESSION, {"session": event.session_key, "keep_until": keep_until})


def _list(connection: Connection, given: Mapping[str, Any], now: int) -> dict[str, Any]:
    memory = memories.find(connection, given["memoryId"], now)
    narrowed: Mapping[str, Any] = given.get("filter", {})
    listing = Listing("ListEvents", memory.id, given["actorId"], given["sessionId"], narrowed)
    position = listing.position(given.get("nextToken"))
    conditions = list(metadata_conditions(narrowed.get("eventMetadata", ())))
    session_key = connection.execute(
        select(sessions.c.key).where(
            sessions.c.memory_key == memory.key,
            sessions.c.actor_id == given["actorId"],
            sessions.c.session_id == given["sessionId"],
        )
    ).scalar()
    if session_key is None:
        return {"events": []}
    if branch := narrowed.get("branch"):
        parents = branch.get("includeParentBranches", False)
        conditions.append(branches.in_branch(session_key, branch["name"], include_parents=parents))
    if position is not None:
        conditions.append(events.c.event_id < position)
    size = given.get("maxResults", _PAGE)
    shown = _EVENTS if given.get("includePayloads", True) else _EVENTS_WITHOUT_PAYLOAD
    query = (
        shown.where(events.c.session_key == session_key, events.c.expires_at > now, *conditions)
        .order_by(events.c.event_id.desc())
        .limit(size + 1)
    )
    rows = connection.execute(query).all()
    return {"events": [_event(row) for row in rows[:size]], **listing.continued(rows, size, "event_id")}


def _event(row: Row[Any]) -> dict[str, Any]:
    """The model's `Event`."""
    shown = row._mapping
    event: dict[str, Any] = {
        "memoryId": row.memory_id,
        "actorId": row.actor_id,
        "sessionId": row.session_id,
        "eventId": row.event_id,
        "eventTimestamp": row.timestamp / 1000,
        "branch": _branch(row.branch, row.root_event_id),
    }
    if "payload" in shown:
        event["payload"] = row.payload
    if (metadata := shown["metadata"]) is not None:
        event["metadata"] = {key: {"stringValue": value} for key, value in metadata.items()}
    return event


def _branch(name: str, root: str | None) -> dict[str, str]:
    """The model's `Branch`. Every event of a branch shows the root: the SDK's list_branches takes it from any."""
    return {"name": name} if root is None else {"name": name, "rootEventId": root}
