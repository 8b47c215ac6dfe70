from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException

Call = Callable[..., Awaitable[dict[str, Any]]]
Add = Callable[..., Awaitable[str]]
Shown = Callable[..., Awaitable[list[float]]]


@pytest.fixture
def add(call: Call) -> Add:
    """`await add(1)`: the id of a new event on main at second 1; `add(2, "b", root)` and `add(3, "b")` on a branch."""

    async def added(at: float, name: str | None = None, root: str | None = None, session: str = "s") -> str:
        given: dict[str, Any] = {"actorId": "a", "sessionId": session, "eventTimestamp": at, "payload": []}
        if name is not None:
            given["branch"] = {"name": name} | ({} if root is None else {"rootEventId": root})
        event_id: str = (await call("CreateEvent", **given))["event"]["eventId"]
        return event_id

    return added


@pytest.fixture
def shown(call: Call) -> Shown:
    """The times of the events that a branch filter shows."""

    async def listed(name: str, parents: bool | None = None) -> list[float]:
        branch = {"name": name} | ({} if parents is None else {"includeParentBranches": parents})
        page = await call("ListEvents", actorId="a", sessionId="s", maxResults=100, filter={"branch": branch})
        return [event["eventTimestamp"] for event in page["events"]]

    return listed


async def test_a_branch_is_made_and_continued(add: Add, call: Call, shown: Shown) -> None:
    root = await add(1)
    await add(2)
    await add(3, "b", root)
    await add(4, "b")
    await add(5, "b", root)
    events = (await call("ListEvents", actorId="a", sessionId="s"))["events"]
    fork = {"name": "b", "rootEventId": root}
    assert [(event["eventTimestamp"], event["branch"]) for event in events] == [
        (5.0, fork),
        (4.0, fork),
        (3.0, fork),
        (2.0, {"name": "main"}),
        (1.0, {"name": "main"}),
    ]
    for event in events:
        assert (await call("GetEvent", actorId="a", sessionId="s", eventId=event["eventId"]))["event"] == event
    assert await shown("b") == [5, 4, 3]
    assert await shown("b", parents=False) == [5, 4, 3]
    assert await shown("main") == [2, 1]
    assert await shown("unknown") == []
    assert await shown("unknown", parents=True) == []


async def test_main_may_be_named(add: Add, shown: Shown) -> None:
    await add(1, "main")
    await add(2)
    assert await shown("main") == [2, 1]
    assert await shown("main", parents=True) == [2, 1]


async def test_parents_are_shown_up_to_the_fork(add: Add, shown: Shown) -> None:
    await add(1)
    fork = await add(2)
    await add(3)
    await add(4, "b", fork)
    nested = await add(5, "b")
    await add(6, "b")
    await add(7, "sibling", fork)
    await add(8, "c", nested)
    await add(9, "c")
    assert await shown("b", parents=True) == [6, 5, 4, 2, 1]
    assert await shown("sibling", parents=True) == [7, 2, 1]
    assert await shown("c", parents=True) == [9, 8, 5, 4, 2, 1]
    assert await shown("c") == [9, 8]


async def test_a_branch_shows_its_own_events_from_before_the_fork(add: Add, shown: Shown) -> None:
    await add(1)
    fork = await add(10)
    await add(20)
    # Events carry the time that their writer gives them.
    await add(5, "b", fork)
    late = await add(30, "b")
    await add(15)
    await add(40, "c", late)
    assert await shown("b", parents=True) == [30, 10, 5, 1]
    assert await shown("c", parents=True) == [40, 30, 10, 5, 1]


async def test_a_deep_chain_of_forks(add: Add, call: Call) -> None:
    root = await add(0)
    for n in range(1, 60):
        root = await add(n, f"b{n}", root)
    place = {"actorId": "a", "sessionId": "s", "filter": {"branch": {"name": "b50", "includeParentBranches": True}}}
    first = await call("ListEvents", **place, maxResults=30)
    second = await call("ListEvents", **place, maxResults=30, nextToken=first["nextToken"])
    times = [event["eventTimestamp"] for page in (first, second) for event in page["events"]]
    assert times == [float(n) for n in range(50, -1, -1)]


async def test_a_branch_outlives_its_root(add: Add, call: Call, shown: Shown) -> None:
    await add(1)
    fork = await add(2)
    await add(3, "b", fork)
    await call("DeleteEvent", actorId="a", sessionId="s", eventId=fork)
    await add(4, "b")
    assert await shown("b", parents=True) == [4, 3, 1]


async def test_branches_of_sessions_are_apart(add: Add, shown: Shown) -> None:
    await add(4, "b", await add(1))
    await add(2)
    await add(4, "b", await add(3, session="t"), session="t")
    assert await shown("b", parents=True) == [4, 1]


async def test_a_new_branch_needs_a_root(add: Add, shown: Shown) -> None:
    await add(1)
    with pytest.raises(ValidationException) as caught:
        await add(2, "b")
    assert caught.value.message == ("Invalid branch: the branch b does not exist, and a new branch needs a rootEventId")
    assert await shown("b") == []


async def test_a_root_that_is_nowhere(add: Add, call: Call) -> None:
    missing = "0000000000000000001#00000000"
    with pytest.raises(ValidationException) as caught:
        await add(2, "b", missing)
    assert caught.value.message == f"Invalid branch: the session has no event {missing}"
    assert caught.value.reason == "FieldValidationFailed"
    # The session that the event would have started does not exist either.
    assert (await call("ListSessions", actorId="a"))["sessionSummaries"] == []


async def test_a_root_in_another_session(add: Add) -> None:
    elsewhere = await add(1, session="t")
    await add(1)
    with pytest.raises(ValidationException) as caught:
        await add(2, "b", elsewhere)
    assert caught.value.message == f"Invalid branch: the root event {elsewhere} is in another session"
    assert caught.value.reason == "EventInOtherSession"


async def test_a_root_in_another_memory(add: Add, call: Call) -> None:
    other = (await call("CreateMemory", name="other", eventExpiryDuration=7))["memory"]["id"]
    given = {"actorId": "a", "sessionId": "s", "eventTimestamp": 1.0, "payload": []}
    elsewhere = (await call("CreateEvent", memoryId=other, **given))["event"]["eventId"]
    with pytest.raises(ValidationException, match="the session has no event"):
        await add(2, "b", elsewhere)


async def test_a_root_that_has_expired(add: Add, advance: Callable[[float], None]) -> None:
    expired = await add(1)
    advance(1)
    await add(2)
    advance(6)
    with pytest.raises(ValidationException, match="the session has no event"):
        await add(3, "b", expired)


async def test_a_branch_has_one_root(add: Add) -> None:
    first, second = await add(1), await add(2)
    await add(3, "b", first)
    with pytest.raises(ValidationException) as caught:
        await add(4, "b", second)
    assert caught.value.message == f"Invalid branch: the branch b exists and its root event is {first}"
    with pytest.raises(ValidationException, match="the branch main has no root event"):
        await add(5, "main", first)
