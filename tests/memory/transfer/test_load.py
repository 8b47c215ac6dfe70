"""Exports that come back, and those that must not."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory import MemoryPlane, tables
from agentcore_emulator.memory.transfer.export import export
from agentcore_emulator.memory.transfer.lines import TransferError
from agentcore_emulator.memory.transfer.load import load
from agentcore_emulator.store import Store

NOW = 1_767_225_600_000
DAY = 86_400_000
NUMBERS = itertools.count()
Change = Callable[[Any], object]


class StillClock(Clock):
    def time(self) -> float:
        return NOW / 1000


class Place:
    """A store and the plane on it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.plane = MemoryPlane(store, StillClock(), "us-east-1", "123456789012")

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return await self.plane.operations[operation](given)

    async def export(self, **chosen: str) -> list[bytes]:
        lines: list[bytes] = []
        await self.store.read(lambda c: export(c, lines.append, now=NOW, **chosen))
        return lines

    async def load(self, lines: list[bytes], *, replace: bool = False, renew: bool = False, now: int = NOW) -> Any:
        return await self.store.write(lambda c: load(c, lines, replace=replace, renew=renew, now=now))

    async def say(self, memory: str, actor: str, session: str, text: str, **more: Any) -> str:
        payload = [{"conversational": {"role": "USER", "content": {"text": text}}}]
        given = {"eventTimestamp": NOW / 1000, "payload": payload, **more}
        said = await self.call("CreateEvent", memoryId=memory, actorId=actor, sessionId=session, **given)
        return str(said["event"]["eventId"])


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    store = Store(f"sqlite:///{tmp_path / 'here.db'}")
    yield Place(store)
    await store.close()


@pytest.fixture
async def there(store_url: str) -> AsyncIterator[Place]:
    """On each kind of database."""
    store = Store(store_url)
    yield Place(store)
    await store.close()


@pytest.fixture
async def notes(here: Place) -> str:
    """A memory with two actors, three sessions and a branch of a branch."""
    created = await here.call("CreateMemory", name="notes", eventExpiryDuration=30, description="é", clientToken="t")
    memory: str = created["memory"]["id"]
    root = await here.say(memory, "bob", "s", "first")
    deeper = await here.say(memory, "bob", "s", "second", branch={"name": "z", "rootEventId": root})
    await here.say(memory, "bob", "s", "third", branch={"name": "a", "rootEventId": deeper})
    await here.say(memory, "ada", "t", "fourth", metadata={"topic": {"stringValue": "tea"}}, clientToken="u" * 33)
    await here.say(memory, "ada", "s", "fifth")
    return memory


def parsed(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def written(lines: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in lines]


async def everything(place: Place, memory: str) -> list[Any]:
    """What the API shows of a memory."""
    shown: list[Any] = [await place.call("GetMemory", memoryId=memory)]
    for actor in (await place.call("ListActors", memoryId=memory))["actorSummaries"]:
        listed = await place.call("ListSessions", memoryId=memory, **actor)
        shown.append(listed)
        for session in listed["sessionSummaries"]:
            named = {"actorId": session["actorId"], "sessionId": session["sessionId"]}
            shown.append(await place.call("ListEvents", memoryId=memory, **named, maxResults=100))
    return shown


async def test_an_export_comes_back_as_it_was(here: Place, there: Place, notes: str) -> None:
    lines = await here.export()
    assert [line["kind"] for line in parsed(lines)] == [
        "export", "memory", "session", "event", "session", "event", "session", "branch", "branch", "event", "event",
        "event",
    ]  # fmt: skip
    counts = await there.load(lines)
    assert counts == {"memory": 1, "session": 3, "branch": 2, "event": 5, "expired": 0}
    assert await there.export() == lines
    assert await everything(there, notes) == await everything(here, notes)
    # Filters, branches and tokens work on what came.
    sought = {"left": {"metadataKey": "topic"}, "operator": "EXISTS"}
    place = {"memoryId": notes, "actorId": "ada", "sessionId": "t"}
    assert len((await there.call("ListEvents", **place, filter={"eventMetadata": [sought]}))["events"]) == 1
    fork = {"branch": {"name": "a", "includeParentBranches": True}}
    place = {"memoryId": notes, "actorId": "bob", "sessionId": "s"}
    assert len((await there.call("ListEvents", **place, filter=fork))["events"]) == 3
    again = await there.say(notes, "ada", "t", "again", clientToken="u" * 33)
    assert again in {line.get("eventId") for line in parsed(lines)}
    made = await there.call("CreateMemory", name="other", eventExpiryDuration=7, clientToken="t")
    assert made["memory"]["id"] == notes


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {
        "actorId": st.sampled_from(["a", "b/1", "B"]),
        "sessionId": st.sampled_from(["s", "t", "S-1"]),
        "eventTimestamp": st.integers(0, 253_402_300_799_999).map(lambda n: n / 1000),
        # A member that is null is none.
        "payload": st.lists(
            DOCUMENTS.filter(lambda document: document is not None).map(lambda document: {"blob": document}), max_size=2
        ),
    },
    optional={
        "metadata": st.dictionaries(
            st.sampled_from(["k", "a b", "tab\t"]), st.sampled_from(["", "v"]).map(lambda v: {"stringValue": v})
        ),
        "clientToken": st.sampled_from(["t", "u"]),
        "branch": st.sampled_from(["left", "right", "Down"]),
    },
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_whatever_is_in_a_memory_comes_back(tmp_path: Path, store_url: str, runner: asyncio.Runner) -> None:
    here, there = Place(Store(f"sqlite:///{tmp_path / 'here.db'}")), Place(Store(store_url))

    async def live(events: list[dict[str, Any]]) -> str:
        created = await here.call("CreateMemory", name=f"m{next(NUMBERS)}", eventExpiryDuration=7)
        memory: str = created["memory"]["id"]
        last: dict[str, str] = {}
        for event in events:
            session = event["sessionId"]
            if branch := event.pop("branch", None):
                event["branch"] = {"name": branch, "rootEventId": last.get(session, "0#0")}
            try:
                made = await here.call("CreateEvent", memoryId=memory, **event)
            except ValidationException:
                continue
            last[session] = made["event"]["eventId"]
        return memory

    @given(st.lists(EVENTS, max_size=12))
    @settings(max_examples=100, deadline=None)
    def carried(events: list[dict[str, Any]]) -> None:
        memory = runner.run(live(events))
        lines = runner.run(here.export(memory=memory))
        runner.run(there.load(lines))
        assert runner.run(there.export(memory=memory)) == lines
        assert runner.run(everything(there, memory)) == runner.run(everything(here, memory))
        runner.run(there.load(lines, replace=True))
        assert runner.run(there.export(memory=memory)) == lines
        # An account has a limited number of memories.
        for place in (here, there):
            runner.run(place.call("DeleteMemory", memoryId=memory))

    try:
        carried()
    finally:
        runner.run(here.store.close())
        runner.run(there.store.close())


async def test_what_is_there_is_refused_or_replaced(here: Place, there: Place, notes: str) -> None:
    lines = await here.export()
    await there.load(lines)
    await there.say(notes, "eve", "s", "mine")
    before = await there.export()
    with pytest.raises(TransferError) as refused:
        await there.load(lines)
    assert str(refused.value) == f"line 2: the memory {notes} is there already; --replace puts this one in its place"
    assert await there.export() == before
    await there.load(lines, replace=True)
    assert await there.export() == lines


async def test_a_name_of_another_memory_is_refused(here: Place, there: Place, notes: str) -> None:
    other = (await there.call("CreateMemory", name="notes", eventExpiryDuration=7))["memory"]["id"]
    for replace in (False, True):
        with pytest.raises(TransferError, match=f"line 2: the name notes is that of another memory, {other}"):
            await there.load(await here.export(), replace=replace)


async def test_chosen_sessions_go_into_a_memory_that_is_there(here: Place, there: Place, notes: str) -> None:
    await there.load(await here.export(actor="bob"))
    await there.say(notes, "eve", "s", "mine")
    lines = await here.export(actor="ada")
    assert parsed(lines)[0]["whole"] is False
    await there.load(lines)
    sessions = [line for line in parsed(await there.export()) if line["kind"] == "session"]
    assert [line["actorId"] for line in sessions] == ["ada", "ada", "bob", "eve"]
    await there.say(notes, "ada", "s", "more")
    with pytest.raises(TransferError) as refused:
        await there.load(lines)
    assert str(refused.value) == "line 3: the session t of ada is there already; --replace puts this one in its place"
    await there.load(lines, replace=True)
    assert await there.export(actor="ada") == lines
    assert await there.export(actor="bob") == await here.export(actor="bob")


async def test_strategies_travel_as_they_are_shown(here: Place, there: Place) -> None:
    strategies = [
        {"semanticMemoryStrategy": {"name": "facts", "description": "d", "namespaces": ["/facts/{actorId}"]}},
        {
            "customMemoryStrategy": {
                "name": "own",
                "configuration": {
                    "semanticOverride": {"extraction": {"appendToPrompt": "p", "modelId": "m"}},
                },
            }
        },
    ]
    given = {
        "eventExpiryDuration": 7,
        "memoryStrategies": strategies,
        "memoryExecutionRoleArn": "arn:aws:iam::1:role/r",
    }
    memory = (await here.call("CreateMemory", name="notes", **given))["memory"]["id"]
    lines = await here.export()
    await there.load(lines)
    assert await everything(there, memory) == await everything(here, memory)
    shown = await there.call("GetMemory", memoryId=memory)
    assert [strategy["name"] for strategy in shown["memory"]["strategies"]] == ["facts", "own"]
    removed = {"deleteMemoryStrategies": [{"memoryStrategyId": shown["memory"]["strategies"][0]["strategyId"]}]}
    await there.call("UpdateMemory", memoryId=memory, memoryStrategies=removed)
    kept = [line["name"] for line in parsed(await there.export()) if line["kind"] == "strategy"]
    assert kept == ["own"]


@pytest.fixture
async def facts(here: Place) -> str:
    """A memory with three records, of which one has metadata and one expires."""
    given = {"eventExpiryDuration": 7, "indexedKeys": [{"key": "rank", "type": "NUMBER"}]}
    memory: str = (await here.call("CreateMemory", name="facts", **given))["memory"]["id"]
    new = [
        {
            "requestIdentifier": str(number),
            "namespaces": [f"/facts/{number}"],
            "content": {"text": text},
            "timestamp": NOW / 1000 - number,
            "metadata": metadata,
        }
        for number, (text, metadata) in enumerate(
            [
                ("Ada likes tea", {"rank": {"numberValue": 2.5}, "tags": {"stringListValue": ["a", "b"]}}),
                ("Bob likes coffee", {"when": {"dateTimeValue": 1.5}}),
                ("Eve sleeps", {}),
            ]
        )
    ]
    await here.call("BatchCreateMemoryRecords", memoryId=memory, records=new)
    expiring = update(tables.records).where(tables.records.c.text == "Eve sleeps")
    await here.store.write(lambda c: c.execute(expiring.values(expires_at=NOW + DAY, subject="Eve")))
    return memory


async def found(place: Place, memory: str) -> list[Any]:
    """What the API shows of the records, and by which filters and words it finds them."""
    within = {"memoryId": memory, "namespacePath": "/"}
    number = {
        "left": {"metadataKey": "rank"},
        "operator": "GREATER_THAN",
        "right": {"metadataValue": {"numberValue": 2}},
    }
    searched = {"searchQuery": "tea", "topK": 1}
    return [
        await place.call("ListMemoryRecords", **within),
        await place.call("ListMemoryRecords", **within, metadataFilters=[number]),
        [
            summary["memoryRecordId"]
            for summary in (await place.call("RetrieveMemoryRecords", **within, searchCriteria=searched))[
                "memoryRecordSummaries"
            ]
        ],
    ]


async def test_records_come_back_and_are_found(here: Place, there: Place, facts: str) -> None:
    lines = await here.export()
    records = [line for line in parsed(lines) if line["kind"] == "record"]
    assert [record.get("indexedKeys") for record in records] == [["rank"], None, None]
    assert (await there.load(lines))["record"] == 3
    assert await there.export() == lines
    shown = await found(here, facts)
    assert [len(part.get("memoryRecordSummaries", part) if isinstance(part, dict) else part) for part in shown] == [
        3,
        1,
        1,
    ]
    assert await found(there, facts) == shown
    # Chosen sessions have no part in them.
    await there.say(facts, "ada", "s", "hello")
    assert "record" not in {line["kind"] for line in parsed(await there.export(actor="ada"))}


async def test_records_live_as_long_as_they_did(here: Place, there: Place, facts: str) -> None:
    later = NOW + 400 * DAY
    lines = await here.export()
    assert (await there.load(lines, now=later))["expired"] == 1
    assert (await there.load(lines, replace=True, renew=True, now=later))["expired"] == 0
    expiries = [line.get("expiresAt") for line in parsed(await there.export()) if line["kind"] == "record"]
    assert expiries == [None, None, "2027-02-06T00:00:00.000Z"]


# The lines of `facts`: the export's own, the memory's, three records'.
BROKEN_RECORDS: list[tuple[Change, str]] = [
    (lambda line: line.update(memoryRecordId="short"), "2 validation errors detected: .*memoryRecordId"),
    (lambda line: line.update(text=""), "1 validation error detected: .*text"),
    (lambda line: line.update(metadata={"a": 1}, indexedKeys=[]), "1 validation error detected: .*metadata"),
    (lambda line: line.update(namespace="facts/"), "the namespace 'facts/' must have one slash at either end"),
    (lambda line: line.update(recordType="DREAM"), "recordType 'DREAM' is neither BASE nor REFLECTION"),
    (lambda line: line.update(indexedKeys=["other"]), "indexedKeys must be a list of keys of the metadata"),
    (lambda line: line.update(indexedKeys="rank"), "indexedKeys must be a list of keys of the metadata"),
    (lambda line: line.update(memoryId="other"), "it is of the memory other, which is not the last one before it"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN_RECORDS)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_broken_record_is_named(here: Place, there: Place, facts: str, change: Any, message: str) -> None:
    lines = parsed(await here.export())
    change(lines[2])
    with pytest.raises(TransferError, match=f"^line 3: {message}"):
        await there.load(written(lines))
    assert len(await there.export()) == 1


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_records_among_chosen_sessions_are_refused(here: Place, there: Place, facts: str) -> None:
    lines = parsed(await here.export())
    lines[0]["whole"] = False
    with pytest.raises(TransferError, match=r"^line 3: an export of chosen sessions has no records"):
        await there.load(written(lines))


async def test_one_session_can_be_chosen(here: Place, notes: str) -> None:
    await here.call("CreateMemory", name="other", eventExpiryDuration=7)
    lines = parsed(await here.export(session="s"))
    assert [line["id"] for line in lines if line["kind"] == "memory"] == [notes]
    assert [line["actorId"] for line in lines if line["kind"] == "session"] == ["ada", "bob"]
    assert {line["memoryId"] for line in lines if line["kind"] == "event"} == {notes}


async def test_what_is_not_there_cannot_be_exported(here: Place, notes: str) -> None:
    with pytest.raises(TransferError, match="there is no memory with the id or name 'nothing'"):
        await here.export(memory="nothing")
    with pytest.raises(TransferError, match="there is no session of that actor or with that id"):
        await here.export(memory=notes, actor="eve")


async def test_expiry_counts_from_the_import_on_request(here: Place, there: Place, notes: str) -> None:
    lines = await here.export()
    later = NOW + 400 * DAY
    counts = await there.load(lines, now=later)
    assert counts["expired"] == 5
    counts = await there.load(lines, replace=True, renew=True, now=later)
    assert counts["expired"] == 0
    events = [line for line in parsed(await there.export()) if line["kind"] == "event"]
    assert {line["expiresAt"] for line in events} == {"2027-03-07T00:00:00.000Z"}
    sessions = [line for line in parsed(await there.export()) if line["kind"] == "session"]
    assert {line["keepUntil"] for line in sessions} == {"2027-03-08T00:00:00.000Z"}


async def test_without_an_expiry_there_is_a_new_one(here: Place, there: Place, notes: str) -> None:
    lines = parsed(await here.export())
    for line in lines:
        line.pop("expiresAt", None)
        line.pop("keepUntil", None)
    await there.load(written(lines))
    assert await there.export() == await here.export()


async def test_a_session_stays_as_long_as_its_events(here: Place, there: Place, notes: str) -> None:
    lines = parsed(await here.export(actor="ada", session="t"))
    session = next(line for line in lines if line["kind"] == "session")
    kept, session["keepUntil"] = session["keepUntil"], "2026-01-01T00:00:01Z"
    await there.load(written(lines))
    assert next(line for line in parsed(await there.export()) if line["kind"] == "session")["keepUntil"] == kept


async def test_what_has_expired_is_not_exported(here: Place, notes: str) -> None:
    lines: list[bytes] = []
    await here.store.read(lambda c: export(c, lines.append, now=NOW + 400 * DAY))
    assert [line["kind"] for line in parsed(lines)] == ["export", "memory"]


# Each with what it says, and in which line. The lines are those of `test_an_export_comes_back_as_it_was`.
BROKEN: list[tuple[Change, int, str]] = [
    (lambda lines: lines[0].update(kind="memory"), 1, "it is not the first line of an export of memories"),
    (lambda lines: lines[0].update(version=2), 1, "the export is of version 2, and this emulator reads 1"),
    (lambda lines: lines[0].update(whole=1), 1, "whole must be true or false"),
    (lambda lines: lines[1].pop("name"), 2, "a line of kind memory must have the member 'name'"),
    (lambda lines: lines[1].update(colour="red"), 2, "a line of kind memory has no member 'colour'"),
    (lambda lines: lines[1].update(createdAt="yesterday"), 2, "createdAt of a line of kind memory must be a time"),
    (lambda lines: lines[1].update(createdAt="2026-01-01T00:00:00"), 2, "createdAt of a line of kind memory must be"),
    (lambda lines: lines[1].update(settings=[]), 2, "settings of a line of kind memory must be a JSON object"),
    (lambda lines: lines[1].update(eventExpiryDuration=True), 2, "eventExpiryDuration of a line of kind memory must"),
    (lambda lines: lines[1].update(eventExpiryDuration=1), 2, "1 validation error detected: Value .*"),
    (lambda lines: lines[1].update(id="short"), 2, "Invalid memoryId: not a valid memory ID or ARN"),
    (
        lambda lines: lines[1].update(arn=lines[1]["arn"].replace("notes-", "other-")),
        2,
        "the arn '.*' is not that of the memory",
    ),
    (lambda lines: lines.insert(2, lines[1]), 3, "the memory .* has had a line before"),
    (lambda lines: lines.pop(1), 2, "it is of the memory .*, which is not the last one before it"),
    (lambda lines: lines[2].update(memoryId=7), 3, "memoryId of a line of kind session must be a string"),
    (lambda lines: lines.insert(3, lines[2]), 4, "the session t of ada (is there already|has had a line before)"),
    (lambda lines: lines.pop(2), 3, "it is of the session t of ada, which is not the last one before it"),
    (lambda lines: lines[3].update(sessionId="other"), 4, "it is of the session other of ada, which is not the last"),
    (lambda lines: lines[3].update(payload={}), 4, "payload of a line of kind event must be a JSON list"),
    (lambda lines: lines[3].update(payload=[{"text": "x"}]), 4, "1 validation error detected: .*payload"),
    (lambda lines: lines[3].update(metadata={"topic": 1}), 4, "1 validation error detected: .*metadata"),
    (lambda lines: lines[3].update(eventId="0000000000000000000#ffffffff"), 4, "the eventId '.*' is not the eventT"),
    (lambda lines: lines[3].update(eventId="x"), 4, "the eventId 'x' is not the eventTimestamp in 19 digits"),
    (lambda lines: lines[3].update(branch="left"), 4, "the branch left, on which it is, has no line before it"),
    (lambda lines: lines.insert(4, lines[3]), 5, "there is one with this id or clientToken already"),
    (lambda lines: lines.insert(7, lines.pop(8)), 8, "the branch z, from which it forks, has no line before it"),
    (lambda lines: lines[5].update(kind="dream"), 6, "'dream' is no kind of line that this version knows"),
]


@pytest.mark.parametrize(("change", "number", "message"), BROKEN)
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_broken_line_is_named_and_nothing_changes(
    here: Place, there: Place, notes: str, change: Change, number: int, message: str, replace: bool
) -> None:
    lines = parsed(await here.export())
    change(lines)
    with pytest.raises(TransferError, match=f"^line {number}: {message}") as refused:
        await there.load(written(lines), replace=replace)
    assert "\n" not in str(refused.value)
    assert parsed(await there.export()) == parsed(await here.export())[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "there is no line in it"),
        (b"nothing\n", "line 1: it is not valid JSON, at character 1: Expecting value"),
        (b"[]\n", "line 1: it is not a JSON object"),
        (b'{"a": NaN}\n', "line 1: it holds a number out of range"),
        (b'\n\n{"a": "\\ud800"}\n', "line 3: it holds an unpaired surrogate"),
        (b"\xff\n", "line 1: it is not UTF-8"),
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_is_no_export(there: Place, text: bytes, message: str) -> None:
    with pytest.raises(TransferError) as refused:
        await there.load(text.splitlines(keepends=True))
    assert str(refused.value) == message
