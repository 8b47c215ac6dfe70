from __future__ import annotations

import asyncio
import json
import math
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException

NEW_YEAR = 1_767_225_600.0
HELLO = [{"conversational": {"content": {"text": "hello"}, "role": "USER"}}]
Call = Callable[..., Awaitable[dict[str, Any]]]
Add = Callable[..., Awaitable[dict[str, Any]]]
Texts = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def add(call: Call) -> Add:
    """`await add("text", at=seconds, ...)`: an event of actor a in session s whose blob is the text."""

    async def added(text: str, at: float = NEW_YEAR, **given: Any) -> dict[str, Any]:
        place = {"actorId": "a", "sessionId": "s", "eventTimestamp": at, "payload": [{"blob": text}]}
        event: dict[str, Any] = (await call("CreateEvent", **{**place, **given}))["event"]
        return event

    return added


@pytest.fixture
def texts(call: Call) -> Texts:
    """The blobs of a whole listing of session s, read in pages of two."""

    async def listed(**given: Any) -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await call("ListEvents", actorId="a", sessionId="s", maxResults=2, **given, **token)
            found += [event["payload"][0]["blob"] for event in page["events"]]
            if "nextToken" not in page:
                return found
            assert len(page["events"]) == 2
            token = {"nextToken": page["nextToken"]}

    return listed


async def test_an_event_is_made_and_shown(call: Call, memory: str) -> None:
    given = {
        "actorId": "users/1:x",
        "sessionId": "s",
        "eventTimestamp": 1_756_147_154.3097,
        "payload": [*HELLO, {"blob": {"any": [1, None, "json"]}}, {"json": {"content": 1.5}}],
        "metadata": {"stateType": {"stringValue": "AGENT"}, "empty": {"stringValue": ""}},
        "extractionMode": "SKIP",
        "clientToken": "t",
    }
    event = (await call("CreateEvent", **given))["event"]
    assert re.fullmatch(r"0000001756147154309#[0-9a-f]{8}", event["eventId"])
    assert event == {
        "memoryId": memory,
        "actorId": "users/1:x",
        "sessionId": "s",
        "eventId": event["eventId"],
        "eventTimestamp": 1_756_147_154.309,
        "payload": given["payload"],
        "branch": {"name": "main"},
        "metadata": given["metadata"],
    }
    place = {"actorId": "users/1:x", "sessionId": "s"}
    assert await call("GetEvent", **place, eventId=event["eventId"]) == {"event": event}
    assert await call("ListEvents", **place) == {"events": [event]}


async def test_no_metadata_and_no_payload(add: Add, call: Call) -> None:
    event = await add("", payload=[])
    assert event["payload"] == []
    assert "metadata" not in event
    assert await call("GetEvent", actorId="a", sessionId="s", eventId=event["eventId"]) == {"event": event}


async def test_a_session_without_an_id_gets_a_uuid(call: Call) -> None:
    given = {"actorId": "a", "eventTimestamp": 1.0, "payload": HELLO}
    events = [(await call("CreateEvent", **given))["event"] for _ in range(2)]
    assert len({uuid.UUID(event["sessionId"]) for event in events}) == 2
    for event in events:
        assert await call("ListEvents", actorId="a", sessionId=event["sessionId"]) == {"events": [event]}


async def test_newest_first_by_the_events_own_time(add: Add, texts: Texts) -> None:
    for text, at in (("second", 20.0), ("fourth", 40.0), ("first", 10.0), ("third", 30.0), ("zeroth", 0.0)):
        await add(text, at)
    assert await texts() == ["fourth", "third", "second", "first", "zeroth"]


async def test_a_millisecond_makes_the_order(add: Add, texts: Texts) -> None:
    await add("later", 10.001)
    await add("earlier", 10.000)
    assert await texts() == ["later", "earlier"]


async def test_events_of_one_millisecond_are_all_kept(add: Add, texts: Texts) -> None:
    made = await asyncio.gather(*(add(str(n)) for n in range(25)))
    assert len({event["eventId"] for event in made}) == 25
    newest_first = sorted(made, key=lambda event: event["eventId"], reverse=True)
    assert await texts() == [event["payload"][0]["blob"] for event in newest_first]


async def test_a_suffix_that_is_taken_is_drawn_again(add: Add, texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["00000000", "00000000", "00000000", "00000001"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    first = await add("first")
    second = await add("second")
    assert [first["eventId"][-8:], second["eventId"][-8:]] == ["00000000", "00000001"]
    assert await texts() == ["second", "first"]


@pytest.mark.parametrize("at", [-0.001, math.nan, math.inf, 253_402_300_800.0])
async def test_a_time_that_cannot_be_written_is_refused(add: Add, texts: Texts, at: float) -> None:
    with pytest.raises(ValidationException, match="Invalid eventTimestamp"):
        await add("never", at)
    await add("last", 253_402_300_799.999)
    assert await texts() == ["last"]


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, 1, 1.0, -0.0, 10**400 + 7, -(2**63) - 1, 5e-324, 1.7976931348623157e308, 0.1 + 0.2,
        "", "null", "\x00", "\u2028ä\U0001f600", [], {}, {"": [{"z": 1, "a": [None, [[]]]}]},
    ],
    ids=repr,
)  # fmt: skip
async def test_any_json_comes_back_as_it_was(add: Add, call: Call, value: Any) -> None:
    payload = [{"blob": value}, {"json": {"content": value}}]
    await add("", payload=payload)
    (event,) = (await call("ListEvents", actorId="a", sessionId="s"))["events"]
    # As text, so that 1, 1.0 and true are told apart, and the order of members counts.
    assert json.dumps(event["payload"]) == json.dumps(payload)


@pytest.mark.parametrize("operation", ["GetEvent", "DeleteEvent"])
async def test_an_event_is_found_only_in_its_place(add: Add, call: Call, operation: str) -> None:
    event = await add("here")
    for actor, session, event_id in (
        ("b", "s", event["eventId"]),
        ("a", "t", event["eventId"]),
        ("a", "s", "0000000000000000001#00000000"),
    ):
        with pytest.raises(ResourceNotFoundException) as caught:
            await call(operation, actorId=actor, sessionId=session, eventId=event_id)
        assert caught.value.message == f"Unable to find event with id {event_id}"


async def test_a_deleted_event_is_gone_at_once(add: Add, call: Call, texts: Texts) -> None:
    await add("stays", 1.0)
    event = await add("goes", 2.0)
    place = {"actorId": "a", "sessionId": "s", "eventId": event["eventId"]}
    assert await call("DeleteEvent", **place) == {"eventId": event["eventId"]}
    for operation in ("GetEvent", "DeleteEvent"):
        with pytest.raises(ResourceNotFoundException):
            await call(operation, **place)
    assert await texts() == ["stays"]


async def test_a_repeated_token_gives_the_event_it_made(add: Add, texts: Texts) -> None:
    first = await add("first", 10.0, clientToken="t", metadata={"k": {"stringValue": "v"}})
    # The SDK's AgentCoreMemoryStore sends the same token with a new time stamp; nothing else counts either.
    assert await add("first", 20.0, clientToken="t") == first
    assert await add("other", 30.0, clientToken="t", actorId="b", sessionId="t", branch={"name": "new"}) == first
    assert (await add("second", 20.0, clientToken="T"))["eventId"] != first["eventId"]
    assert await texts() == ["second", "first"]


async def test_a_token_sent_twice_at_once_makes_one_event(add: Add, texts: Texts) -> None:
    made = await asyncio.gather(*(add("one", float(n), clientToken="t") for n in range(20)))
    assert all(event == made[0] for event in made)
    assert await texts() == ["one"]


async def test_tokens_belong_to_a_memory(add: Add, call: Call) -> None:
    first = await add("first", clientToken="t")
    other = (await call("CreateMemory", name="other", eventExpiryDuration=7))["memory"]["id"]
    assert (await add("other", clientToken="t", memoryId=other))["eventId"] != first["eventId"]


async def test_a_token_is_forgotten_with_its_event(add: Add, call: Call) -> None:
    first = await add("first", clientToken="t")
    await call("DeleteEvent", actorId="a", sessionId="s", eventId=first["eventId"])
    assert (await add("second", clientToken="t"))["eventId"] != first["eventId"]


async def test_payloads_are_left_out_on_request(add: Add, call: Call) -> None:
    event = await add("text", metadata={"k": {"stringValue": "v"}})
    place = {"actorId": "a", "sessionId": "s"}
    assert (await call("ListEvents", **place, includePayloads=True))["events"] == [event]
    del event["payload"]
    assert (await call("ListEvents", **place, includePayloads=False))["events"] == [event]


async def test_an_unknown_actor_or_session_has_no_events(add: Add, call: Call) -> None:
    await add("text")
    for actor, session in (("b", "s"), ("a", "t")):
        assert await call("ListEvents", actorId=actor, sessionId=session) == {"events": []}


async def test_a_page_has_twenty_events_unless_told(add: Add, call: Call) -> None:
    for n in range(25):
        await add(str(n), float(n))
    place = {"actorId": "a", "sessionId": "s"}
    first = await call("ListEvents", **place)
    assert [event["payload"][0]["blob"] for event in first["events"]] == [str(n) for n in range(24, 4, -1)]
    # The size of a page may change from one to the next, and so may what is shown of an event.
    rest = await call("ListEvents", **place, nextToken=first["nextToken"], maxResults=5, includePayloads=False)
    assert [event["eventTimestamp"] for event in rest["events"]] == [4.0, 3.0, 2.0, 1.0, 0.0]
    assert "nextToken" not in rest


async def test_pages_stay_right_while_events_come_and_go(add: Add, call: Call) -> None:
    made = {n: await add(str(n), float(n)) for n in range(0, 12, 2)}
    place = {"actorId": "a", "sessionId": "s", "maxResults": 2}
    first = await call("ListEvents", **place)
    assert [event["eventTimestamp"] for event in first["events"]] == [10.0, 8.0]
    await add("newer", 11.0)
    await add("older", 5.0)
    for gone in (8, 4):  # the event at which the page ended is one of them
        await call("DeleteEvent", actorId="a", sessionId="s", eventId=made[gone]["eventId"])
    second = await call("ListEvents", **place, nextToken=first["nextToken"])
    third = await call("ListEvents", **place, nextToken=second["nextToken"])
    assert [event["eventTimestamp"] for page in (second, third) for event in page["events"]] == [6.0, 5.0, 2.0, 0.0]
    assert "nextToken" not in third


async def test_a_token_is_for_one_filter(add: Add, call: Call) -> None:
    for n in range(3):
        await add(str(n), float(n), metadata={"k": {"stringValue": "v"}})
    place = {"actorId": "a", "sessionId": "s", "maxResults": 1}
    plain = (await call("ListEvents", **place))["nextToken"]
    main = {"branch": {"name": "main"}}
    filtered = (await call("ListEvents", **place, filter=main))["nextToken"]
    assert (await call("ListEvents", **place, filter={}, nextToken=plain))["events"][0]["eventTimestamp"] == 1.0
    for given in (
        {"filter": main, "nextToken": plain},
        {"nextToken": filtered},
        {"filter": {"branch": {"name": "main", "includeParentBranches": True}}, "nextToken": filtered},
        {"sessionId": "t", "nextToken": plain},
    ):
        with pytest.raises(ValidationException, match="Invalid nextToken"):
            await call("ListEvents", **{**place, **given})


async def test_events_expire_after_the_memorys_days(
    add: Add, call: Call, texts: Texts, advance: Callable[[float], None]
) -> None:
    # Whatever their own time is: expiry counts from the write.
    old = await add("old", 1.0)
    advance(1)
    await add("new", NEW_YEAR + 1_000_000)
    advance(5.999)
    assert await texts() == ["new", "old"]
    advance(0.001)
    assert await texts() == ["new"]
    for operation in ("GetEvent", "DeleteEvent"):
        with pytest.raises(ResourceNotFoundException):
            await call(operation, actorId="a", sessionId="s", eventId=old["eventId"])
    advance(1)
    assert await texts() == []


async def test_what_has_expired_is_purged_by_the_next_write(
    add: Add, call: Call, advance: Callable[[float], None]
) -> None:
    first = await add("first", clientToken="t", branch=None)
    await add("forked", branch={"name": "fork", "rootEventId": first["eventId"]})
    advance(8)
    again = await add("again", clientToken="t")
    assert again["eventId"] != first["eventId"]
    assert (await call("ListSessions", actorId="a"))["sessionSummaries"] == [
        {"sessionId": "s", "actorId": "a", "createdAt": NEW_YEAR + 8 * 86_400}
    ]
    # With the session, its branches have gone.
    with pytest.raises(ValidationException, match="does not exist"):
        await add("fork", branch={"name": "fork"})
