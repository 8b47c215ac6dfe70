"""Every listing of the plane against a plain model of it, through histories that Hypothesis makes up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

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
TOKENS = st.none() | st.sampled_from(["t", "u"])
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

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return self.runner.run(self.plane.operations[operation](given))  # type: ignore[arg-type]

    def on(self, place: tuple[str, str], operation: str, **given: Any) -> dict[str, Any]:
        return self.call(operation, memoryId=self.memory, actorId=place[0], sessionId=place[1], **given)

    def forget(self) -> None:
        """What a write purges."""
        now = self.clock.now
        self.sessions = {place: session for place, session in self.sessions.items() if not session.gone(now)}

    @rule(
        actor=ACTORS,
        session=SESSIONS,
        at=TIMES,
        document=DOCUMENTS,
        metadata=METADATA,
        branch=BRANCHES,
        token=TOKENS,
        data=st.data(),
    )
    def create(
        self,
        actor: str,
        session: str,
        at: float,
        document: Any,
        metadata: dict[str, str] | None,
        branch: str,
        token: str | None,
        data: st.DataObject,
    ) -> None:
        self.forget()
        place, now = (actor, session), self.clock.now
        known = self.sessions.get(place, Session(now, self.made))
        given: dict[str, Any] = {"eventTimestamp": at, "payload": [{"blob": document}]}
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
            for event in other.live(now):
                if token is not None and event.token == token:
                    assert self.on(place, "CreateEvent", **given) == {"event": event.shown}
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

    @rule(days=st.sampled_from([0.25, 1.0, 3.0]))
    def advance(self, days: float) -> None:
        self.clock.now += days * DAY

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(sorted(self.sessions)))
        for event in self.sessions[place].live(self.clock.now):
            assert self.on(place, "GetEvent", eventId=event.event_id) == {"event": event.shown}

    @rule(actor=ACTORS, session=SESSIONS, narrowed=FILTERS, size=st.integers(1, 4))
    def start_listing(self, actor: str, session: str, narrowed: dict[str, Any], size: int) -> None:
        self.page((actor, session), narrowed, size, None)

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), size=st.integers(1, 4))
    def go_on_listing(self, data: st.DataObject, size: int) -> None:
        reading = data.draw(st.sampled_from(self.reading))
        self.page(reading.place, reading.narrowed, size, reading)

    def page(self, place: tuple[str, str], narrowed: Mapping[str, Any], size: int, after: Reading | None) -> None:
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
        assert ("nextToken" in answer) == (len(expected) > size)
        if "nextToken" in answer:
            self.reading.append(Reading(place, narrowed, answer["nextToken"], expected[size - 1].event_id))

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


def test_the_plane_behaves_as_its_model(store_url: str) -> None:
    clock = MovedClock()
    with asyncio.Runner() as runner:
        store = Store(store_url)
        plane = MemoryPlane(store, clock, "us-east-1", "123456789012")

        class OnThisStore(Machine):
            def __init__(self) -> None:
                super().__init__(runner, plane, clock)

        try:
            run_state_machine_as_test(
                OnThisStore, settings=settings(max_examples=100, stateful_step_count=25, deadline=None)
            )
        finally:
            runner.run(store.close())
