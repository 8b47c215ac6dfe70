from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agentcore_emulator.memory import survey
from agentcore_emulator.memory.tables import DAY
from agentcore_emulator.store import Store

NOW = 1_767_225_600_000
Call = Callable[..., Awaitable[dict[str, Any]]]


async def test_what_is_there_is_counted(store: Store, memory: str, call: Call) -> None:
    async def say(actor: str, session: str, seconds: float, **more: Any) -> str:
        given = {"actorId": actor, "sessionId": session, "eventTimestamp": seconds, "payload": [{"blob": "xy"}]}
        return str((await call("CreateEvent", **given, **more))["event"]["eventId"])

    root = await say("bob", "s", 1.0)
    await say("bob", "s", 2.0, branch={"name": "left", "rootEventId": root})
    await say("ada", "t", 4.0)
    await call("DeleteEvent", actorId="ada", sessionId="s", eventId=await say("ada", "s", 9.0))
    await call("CreateMemory", name="empty", eventExpiryDuration=365)
    size = len('[{"blob": "xy"}]')

    found, empty = await store.read(lambda c: survey.all_memories(c, NOW))
    assert found == survey.MemoryCounts(
        events=3, size=3 * size, last=4000, id=memory, expiry_days=7, strategies=0, actors=2, sessions=3, records=0
    )
    assert empty == survey.MemoryCounts(
        events=0, size=0, last=None, id=empty.id, expiry_days=365, strategies=0, actors=0, sessions=0, records=0
    )
    assert await store.read(lambda c: survey.actors_of(c, memory, NOW)) == [
        survey.ActorCounts(events=1, size=size, last=4000, actor="ada", sessions=2),
        survey.ActorCounts(events=2, size=2 * size, last=2000, actor="bob", sessions=1),
    ]
    assert await store.read(lambda c: survey.sessions_of(c, memory, "bob", NOW)) == [
        survey.SessionCounts(events=2, size=2 * size, last=2000, session="s", branches=1)
    ]
    assert await store.read(lambda c: survey.sessions_of(c, memory, "ada", NOW)) == [
        survey.SessionCounts(events=1, size=size, last=4000, session="t", branches=0),
        survey.SessionCounts(events=0, size=0, last=None, session="s", branches=0),
    ]

    later = NOW + 7 * DAY
    assert await store.read(lambda c: survey.sessions_of(c, memory, "bob", later)) == [
        survey.SessionCounts(events=0, size=0, last=None, session="s", branches=1)
    ]
    assert await store.read(lambda c: survey.actors_of(c, memory, later + DAY)) == []
