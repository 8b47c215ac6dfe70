"""Actors and their sessions, which exist because events do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import memories
from agentcore_emulator.memory.tables import events, milliseconds, sessions
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["Sessions"]

# botocore model, documentation of ListActors and ListSessions.
_PAGE = 20


class Sessions:
    """ListActors and ListSessions of bedrock-agentcore.

    A session whose events were all deleted or have expired is listed for another day: "Empty sessions are automatically
    deleted after one day" (botocore model, ListSessions). AWS documents no order for either listing. Both take the
    memory's id or ARN, and raise ValidationException when `memoryId` is neither or the token is another listing's, and
    ResourceNotFoundException when there is no such memory.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_actors(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"actorSummaries": [{"actorId"}], "nextToken"?}`, by name: the actors that have a session."""
        now = milliseconds(self._clock.time())
        size = given.get("maxResults", _PAGE)

        def page(connection: Connection) -> dict[str, Any]:
            memory = memories.find(connection, given["memoryId"], now)
            listing = Listing("ListActors", memory.id)
            query = (
                select(sessions.c.actor_id)
                .distinct()
                .where(sessions.c.memory_key == memory.key, sessions.c.keep_until > now)
                .order_by(sessions.c.actor_id)
                .limit(size + 1)
            )
            if position := listing.position(given.get("nextToken")):
                query = query.where(sessions.c.actor_id > position)
            rows = connection.execute(query).all()
            summaries = [{"actorId": row.actor_id} for row in rows[:size]]
            return {"actorSummaries": summaries, **listing.continued(rows, size, "actor_id")}

        return await self._store.read(page)

    async def list_sessions(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"sessionSummaries": [{"sessionId", "actorId", "createdAt"}], "nextToken"?}`, the newest first.

        Empty for an actor that does not exist. The filter `{"eventFilter": "HAS_EVENTS"}` leaves out empty sessions.
        """
        now = milliseconds(self._clock.time())
        size = given.get("maxResults", _PAGE)

        def page(connection: Connection) -> dict[str, Any]:
            memory = memories.find(connection, given["memoryId"], now)
            listing = Listing("ListSessions", memory.id, given["actorId"], given.get("filter", {}))
            query = (
                select(sessions)
                .where(
                    sessions.c.memory_key == memory.key,
                    sessions.c.actor_id == given["actorId"],
                    sessions.c.keep_until > now,
                )
                .order_by(sessions.c.key.desc())
                .limit(size + 1)
            )
            if given.get("filter", {}).get("eventFilter") == "HAS_EVENTS":
                live = select(events.c.key).where(events.c.session_key == sessions.c.key, events.c.expires_at > now)
                query = query.where(live.exists())
            if position := listing.position(given.get("nextToken")):
                query = query.where(sessions.c.key < int(position))
            rows = connection.execute(query).all()
            summaries = [
                {"sessionId": row.session_id, "actorId": row.actor_id, "createdAt": row.created_at / 1000}
                for row in rows[:size]
            ]
            return {"sessionSummaries": summaries, **listing.continued(rows, size, "key")}

        return await self._store.read(page)
