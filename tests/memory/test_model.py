"""Every listing of the plane against a plain model of it, through histories that Hypothesis makes up."""

from __future__ import annotations

import asyncio
import collections
import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

NUMBERS = itertools.count()
DAYS = 3
DAY = 86_400.0
ACTORS = st.sampled_from(["a", "b/1"])
SESSIONS = st.sampled_from(["s", "t"])
BRANCHES = st.sampled_from(["main", "left", "right", "deep"])
TOKENS = st.sampled_from([None, None, None, "t", "u"])
# Few, so that several events share one.
TIMES = st.integers(0, 6).map(lambda n: n / 1000)
KEYS = st.sampled_from(["k", "a.b", "tab\t"])
VALUES = st.sampled_from(["", "v", "V"])
METADATA = st.none() | st.dictionaries(KEYS, VALUES, max_size=2)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {"at": TIMES, "document": DOCUMENTS, "metadata": METADATA, "branch": BRANCHES, "token": TOKENS}
)
EXPRESSIONS = st.one_of(
    st.tuples(KEYS, st.just("EXISTS"), st.none()),
    st.tuples(KEYS, st.just("NOT_EXISTS"), st.none()),
    st.tuples(KEYS, st.just("EQUALS_TO"), VALUES),
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "branch": st.fixed_dictionaries({"name": BRANCHES}, optional={"includeParentBranches": st.booleans()}),
        "eventMetadata": st.lists(EXPRESSIONS, min_size=1, max_size=2),
    },
)


class MovedClock(Clock):
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@dataclass
class Stored:
    shown: dict[str, Any]
    token: str | None
    expires: float

    @property
    def event_id(self) -> str:
        return str(self.shown["eventId"])

    def meets(self, key: str, operator: str, value: str | None) -> bool:
        metadata: dict[str, dict[str, str]] = self.shown.get("metadata", {})
        match operator:
            case "EXISTS":
                return key in metadata
            case "NOT_EXISTS":
                return key not in metadata
            case _:
                return key in metadata and metadata[key]["stringValue"] == value


@dataclass
class Session:
    created: float
    order: int
    empty_since: float = 0.0
    events: list[Stored] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def live(self, now: float) -> list[Stored]:
        return [event for event in self.events if event.expires > now]

    def gone(self, now: float) -> bool:
        last = max((event.expires for event in self.events), default=0.0)
        return now >= max(last, self.empty_since) + DAY

    def in_branch(self, event: Stored, name: str, parents: bool) -> bool:
        own = event.shown["branch"]["name"]
        limit = "~"
        while own != name:
            if not parents or name not in self.parents:
                return False
            limit, name = self.roots[name], self.parents[name]
        return event.event_id <= limit


@dataclass(frozen=True)
class Reading:
    """A listing that was left in the middle."""

    place: tuple[str, str]
    narrowed: Mapping[str, Any]
    token: str
    last: str


# What the histories had in them, so that a test can hold that they had enough of it.
SEEN: collections.Counter[str] = collections.Counter()


class Machine(RuleBasedStateMachine):
    """One memory per history, all in one store."""

    def __init__(self, runner: asyncio.Runner, plane: MemoryPlane, clock: MovedClock) -> None:
        super().__init__()
        self.runner = runner
        self.plane = plane
        self.clock = clock
        created = self.call("CreateMemory", name=f"m{next(NUMBERS)}", eventExpiryDuration=DAYS)
        self.memory = created["memory"]["id"]
        self.sessions: dict[tuple[str, str], Session] = {}
        self.made = 0
        self.reading: list[Reading] = []

    def teardown(self) -> None:
        """An account has a limited number of memories."""
        self.call("DeleteMemory", memoryId=self.memory)

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return self.runner.run(self.plane.operations[operation](given))  # type: ignore[arg-type]

    def on(self, place: tuple[str, str], operation: str, **given: Any) -> dict[str, Any]:
        return self.call(operation, memoryId=self.memory, actorId=place[0], sessionId=place[1], **given)

    def forget(self) -> None:
        """What a write purges."""
        now = self.clock.now
        self.sessions = {place: session for place, session in self.sessions.items() if not session.gone(now)}

    @initialize(data=st.data(), said=st.lists(EVENTS, min_size=4, max_size=10))
    def begin(self, data: st.DataObject, said: list[dict[str, Any]]) -> None:
        """With a conversation that is long enough for pages and forks."""
        for event in said:
            self.create(data.draw(ACTORS), "s", event, data)

    @rule(actor=ACTORS, session=SESSIONS, said=st.lists(EVENTS, min_size=1, max_size=4), data=st.data())
    def go_on(self, actor: str, session: str, said: list[dict[str, Any]], data: st.DataObject) -> None:
        for event in said:
            self.create(actor, session, event, data)

    def create(self, actor: str, session: str, event: Mapping[str, Any], data: st.DataObject) -> None:
        self.forget()
        place, now = (actor, session), self.clock.now
        at, metadata, branch, token = (event[name] for name in ("at", "metadata", "branch", "token"))
        known = self.sessions.get(place, Session(now, self.made))
        given: dict[str, Any] = {"eventTimestamp": at, "payload": [{"blob": event["document"]}]}
        if metadata is not None:
            given["metadata"] = {key: {"stringValue": value} for key, value in metadata.items()}
        if token is not None:
            given["clientToken"] = token
        if branch != "main":
            given["branch"] = {"name": branch}
        possible = True
        live = known.live(now)
        if branch not in ("main", *known.roots):
            possible = bool(live)
            if live:
                given["branch"]["rootEventId"] = data.draw(st.sampled_from(live)).event_id
        for other in self.sessions.values():
            for made in other.live(now):
                if token is not None and made.token == token:
                    assert self.on(place, "CreateEvent", **given) == {"event": made.shown}
                    return
        if not possible:
            try:
                self.on(place, "CreateEvent", **given)
            except ValidationException:
                return
            raise AssertionError("a branch without a root was made")
        shown = self.on(place, "CreateEvent", **given)["event"]
        expected = {"memoryId": self.memory, "actorId": actor, "sessionId": session, **given}
        expected.pop("clientToken", None)
        expected["eventId"] = shown["eventId"]
        root = given.get("branch", {}).get("rootEventId", known.roots.get(branch))
        expected["branch"] = {"name": branch} | ({} if root is None else {"rootEventId": root})
        assert shown == expected
        assert shown["eventId"].startswith(f"{round(at * 1000):019}#")
        if root is not None and branch not in known.roots:
            known.roots[branch] = root
            known.parents[branch] = next(e for e in live if e.event_id == root).shown["branch"]["name"]
        known.events.append(Stored(shown, token, now + DAYS * DAY))
        self.sessions[place] = known
        self.made += 1

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.sessions)))
        session, now = self.sessions[place], self.clock.now
        if not session.events:
            return
        event = data.draw(st.sampled_from(session.events))
        try:
            assert self.on(place, "DeleteEvent", eventId=event.event_id) == {"eventId": event.event_id}
        except ResourceNotFoundException:
            assert event.expires <= now
            return
        assert event.expires > now
        session.events.remove(event)
        if not session.live(now):
            session.empty_since = now

    # Rarely so far that nothing is left.
    @rule(days=st.sampled_from([0.1, 0.1, 0.1, 0.1, 1.0, 3.0]))
    def advance(self, days: float) -> None:
        self.clock.now += days * DAY

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.sessions)))
        for event in self.sessions[place].live(self.clock.now):
            assert self.on(place, "GetEvent", eventId=event.event_id) == {"event": event.shown}

    @rule(data=st.data(), narrowed=FILTERS, size=st.integers(1, 3))
    def start_listing(self, data: st.DataObject, narrowed: dict[str, Any], size: int) -> None:
        place = data.draw(st.sampled_from([*sorted(self.sessions), ("a", "unknown")]))
        if reading := self.page(place, narrowed, size, None):
            self.reading.append(reading)

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), size=st.integers(1, 3))
    def go_on_listing(self, data: st.DataObject, size: int) -> None:
        reading = data.draw(st.sampled_from(self.reading))
        if rest := self.page(reading.place, reading.narrowed, size, reading):
            self.reading.append(rest)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data(), parents=st.booleans(), expression=EXPRESSIONS, size=st.integers(1, 3))
    def list_to_the_end(self, data: st.DataObject, parents: bool, expression: Any, size: int) -> None:
        place = data.draw(st.sampled_from(sorted(self.sessions)))
        branches = [{"name": name, "includeParentBranches": parents} for name in ("main", *self.sessions[place].roots)]
        filters: list[dict[str, Any]] = [{"eventMetadata": [expression]}, *({"branch": branch} for branch in branches)]
        for narrowed in filters:
            reading = self.page(place, narrowed, size, None)
            while reading:
                reading = self.page(place, narrowed, size, reading)

    def page(
        self, place: tuple[str, str], narrowed: Mapping[str, Any], size: int, after: Reading | None
    ) -> Reading | None:
        """Check one page, and say where it has stopped."""
        given: dict[str, Any] = {"maxResults": size}
        if narrowed:
            given["filter"] = {**narrowed}
        if "eventMetadata" in narrowed:
            given["filter"]["eventMetadata"] = [
                {"left": {"metadataKey": key}, "operator": operator}
                | ({} if value is None else {"right": {"metadataValue": {"stringValue": value}}})
                for key, operator, value in narrowed["eventMetadata"]
            ]
        if after:
            given["nextToken"] = after.token
        answer = self.on(place, "ListEvents", **given)
        expected = [e for e in self.matching(place, narrowed) if after is None or e.event_id < after.last]
        assert answer["events"] == [event.shown for event in expected[:size]]
        branch = narrowed.get("branch")
        everything = len(self.sessions[place].live(self.clock.now)) if place in self.sessions else 0
        SEEN["a page after another"] += after is not None and bool(expected)
        SEEN["some events of a branch"] += branch is not None and 0 < len(expected) < everything
        SEEN["a fork with its parents"] += branch is not None and any(
            event.shown["branch"]["name"] != branch["name"] for event in expected
        )
        SEEN["some events by metadata"] += "eventMetadata" in narrowed and 0 < len(expected) < everything
        assert ("nextToken" in answer) == (len(expected) > size)
        if "nextToken" not in answer:
            return None
        return Reading(place, narrowed, answer["nextToken"], expected[size - 1].event_id)

    def matching(self, place: tuple[str, str], narrowed: Mapping[str, Any]) -> Iterator[Stored]:
        session = self.sessions.get(place)
        if session is None:
            return
        branch = narrowed.get("branch")
        for event in sorted(session.live(self.clock.now), key=lambda e: e.event_id, reverse=True):
            if branch and not session.in_branch(event, branch["name"], branch.get("includeParentBranches", False)):
                continue
            if all(event.meets(*expression) for expression in narrowed.get("eventMetadata", ())):
                yield event

    @rule(actor=ACTORS, full=st.booleans())
    def list_sessions(self, actor: str, full: bool) -> None:
        now = self.clock.now
        expected = [
            {"sessionId": place[1], "actorId": actor, "createdAt": session.created}
            for place, session in sorted(self.sessions.items(), key=lambda item: item[1].order, reverse=True)
            if place[0] == actor and not session.gone(now) and (session.live(now) or not full)
        ]
        given = {"filter": {"eventFilter": "HAS_EVENTS"}} if full else {}
        answer = self.call("ListSessions", memoryId=self.memory, actorId=actor, **given)
        assert answer == {"sessionSummaries": expected}

    @rule()
    def list_actors(self) -> None:
        now = self.clock.now
        actors = sorted({place[0] for place, session in self.sessions.items() if not session.gone(now)})
        answer = self.call("ListActors", memoryId=self.memory)
        assert answer == {"actorSummaries": [{"actorId": actor} for actor in actors]}


@pytest.mark.parametrize(("store_url", "histories"), [("sqlite", 500), ("postgresql", 100)], indirect=["store_url"])
def test_the_plane_behaves_as_its_model(store_url: str, histories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MovedClock()
    # Hypothesis runs a history again and expects the same of it, so the ids of events must not be left to chance.
    suffixes = random.Random()
    monkeypatch.setattr("agentcore_emulator.memory.ids.secrets.token_hex", lambda size: suffixes.randbytes(size).hex())
    SEEN.clear()
    with asyncio.Runner() as runner:
        store = Store(store_url)
        plane = MemoryPlane(store, clock, "us-east-1", "123456789012")

        class OnThisStore(Machine):
            def __init__(self) -> None:
                suffixes.seed(0)
                super().__init__(runner, plane, clock)

        try:
            run_state_machine_as_test(
                OnThisStore, settings=settings(max_examples=histories, stateful_step_count=25, deadline=None)
            )
        finally:
            runner.run(store.close())
    assert len(SEEN) == 4
    assert min(SEEN.values()) > histories / 10, SEEN
