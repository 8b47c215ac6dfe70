from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException

NEW_YEAR = 1_767_225_600.0
HAS_EVENTS = {"eventFilter": "HAS_EVENTS"}
Call = Callable[..., Awaitable[dict[str, Any]]]
Add = Callable[[str, str], Awaitable[str]]
Names = Callable[..., Awaitable[list[str]]]
Advance = Callable[[float], None]


@pytest.fixture
def add(call: Call) -> Add:
    async def added(actor: str, session: str) -> str:
        given = {"actorId": actor, "sessionId": session, "eventTimestamp": 1.0, "payload": []}
        event_id: str = (await call("CreateEvent", **given))["event"]["eventId"]
        return event_id

    return added


@pytest.fixture
def actors(call: Call) -> Names:
    async def names() -> list[str]:
        return [summary["actorId"] for summary in (await call("ListActors"))["actorSummaries"]]

    return names


@pytest.fixture
def sessions(call: Call) -> Names:
    async def names(actor: str, **given: Any) -> list[str]:
        summaries = (await call("ListSessions", actorId=actor, **given))["sessionSummaries"]
        return [summary["sessionId"] for summary in summaries]

    return names


async def test_a_memory_starts_without_actors(actors: Names, sessions: Names) -> None:
    assert await actors() == []
    assert await sessions("a") == []


async def test_an_actor_is_listed_once(add: Add, actors: Names) -> None:
    for actor, session in (("b/1:x", "s"), ("a", "s"), ("a", "t"), ("a", "s")):
        await add(actor, session)
    assert await actors() == ["a", "b/1:x"]


async def test_sessions_are_listed_newest_first(add: Add, call: Call, sessions: Names, advance: Advance) -> None:
    await add("a", "z")
    advance(0.5)
    await add("a", "b")
    await add("b", "other")
    # A later event does not make the session newer.
    await add("a", "z")
    assert (await call("ListSessions", actorId="a"))["sessionSummaries"] == [
        {"sessionId": "b", "actorId": "a", "createdAt": NEW_YEAR + 43_200},
        {"sessionId": "z", "actorId": "a", "createdAt": NEW_YEAR},
    ]
    assert await sessions("nobody") == []


async def test_pages_of_actors(add: Add, call: Call) -> None:
    for n in range(25):
        await add(f"a{n:02}", "s")
    first = await call("ListActors")
    assert len(first["actorSummaries"]) == 20
    await add("a005", "s")  # sorts into the page that has been read
    await add("a195", "s")  # sorts behind it
    second = await call("ListActors", nextToken=first["nextToken"], maxResults=5)
    third = await call("ListActors", nextToken=second["nextToken"])
    assert [summary["actorId"] for page in (second, third) for summary in page["actorSummaries"]] == [
        "a195",
        *(f"a{n}" for n in range(20, 25)),
    ]
    assert "nextToken" not in third


async def test_pages_of_sessions(add: Add, call: Call) -> None:
    for n in range(25):
        await add("a", f"s{n}")
    first = await call("ListSessions", actorId="a")
    assert [summary["sessionId"] for summary in first["sessionSummaries"]] == [f"s{n}" for n in range(24, 4, -1)]
    await add("a", "new")
    second = await call("ListSessions", actorId="a", nextToken=first["nextToken"])
    assert [summary["sessionId"] for summary in second["sessionSummaries"]] == ["s4", "s3", "s2", "s1", "s0"]
    assert "nextToken" not in second


async def test_tokens_are_for_one_listing(add: Add, call: Call) -> None:
    for session in ("s", "t"):
        await add("a", session)
        await add("b", session)
    actors = (await call("ListActors", maxResults=1))["nextToken"]
    sessions = (await call("ListSessions", actorId="a", maxResults=1))["nextToken"]
    for operation, given in (
        ("ListActors", {"nextToken": sessions}),
        ("ListSessions", {"actorId": "a", "nextToken": actors}),
        ("ListSessions", {"actorId": "b", "nextToken": sessions}),
        ("ListSessions", {"actorId": "a", "nextToken": sessions, "filter": HAS_EVENTS}),
    ):
        with pytest.raises(ValidationException, match=f"Invalid nextToken: {operation} did not"):
            await call(operation, **given)


async def test_an_emptied_session_is_listed_for_a_day(
    add: Add, call: Call, actors: Names, sessions: Names, advance: Advance
) -> None:
    event_ids = [await add("a", "s"), await add("a", "s")]
    await add("b", "t")
    advance(2)
    for event_id in event_ids:
        assert await sessions("a", filter=HAS_EVENTS) == ["s"]
        await call("DeleteEvent", actorId="a", sessionId="s", eventId=event_id)
    assert await sessions("a", filter=HAS_EVENTS) == []
    assert await sessions("a") == ["s"]
    advance(0.999)
    assert await sessions("a") == ["s"]
    assert await actors() == ["a", "b"]
    advance(0.001)
    assert await sessions("a") == []
    assert await actors() == ["b"]


async def test_deleting_one_event_of_several_does_not_shorten_a_sessions_life(
    add: Add, call: Call, sessions: Names, advance: Advance
) -> None:
    await add("a", "s")
    advance(1)
    later = await add("a", "s")
    await call("DeleteEvent", actorId="a", sessionId="s", eventId=later)
    advance(5.999)
    assert await sessions("a", filter=HAS_EVENTS) == ["s"]
    advance(0.001)
    assert await sessions("a", filter=HAS_EVENTS) == []
    advance(0.999)
    assert await sessions("a") == ["s"]
    advance(0.001)
    assert await sessions("a") == []


async def test_a_session_whose_events_expired_is_listed_for_a_day(
    add: Add, actors: Names, sessions: Names, advance: Advance
) -> None:
    await add("a", "s")
    advance(7)
    assert await sessions("a", filter=HAS_EVENTS) == []
    assert await sessions("a") == ["s"]
    await add("b", "t")  # a write, which purges
    assert await sessions("a") == ["s"]
    advance(1)
    assert await sessions("a") == []
    assert await actors() == ["b"]


async def test_a_clock_that_is_set_back_does_not_shorten_a_sessions_life(
    add: Add, sessions: Names, advance: Advance
) -> None:
    await add("a", "s")
    advance(-2)
    await add("a", "s")
    advance(8.5)
    await add("b", "t")  # purges
    assert await sessions("a", filter=HAS_EVENTS) == ["s"]


async def test_a_session_that_was_emptied_goes_on(add: Add, call: Call, sessions: Names, advance: Advance) -> None:
    event_id = await add("a", "s")
    await call("DeleteEvent", actorId="a", sessionId="s", eventId=event_id)
    advance(0.5)
    await add("a", "s")
    advance(5)
    assert (await call("ListSessions", actorId="a", filter=HAS_EVENTS))["sessionSummaries"] == [
        {"sessionId": "s", "actorId": "a", "createdAt": NEW_YEAR}
    ]
