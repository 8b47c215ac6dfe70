"""Records, their filters, listings and searches against a plain model of them, through made-up histories."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

NUMBERS = itertools.count()
DAY = 86_400.0
SYSTEM = "x-amz-agentcore-memory-"
KEYS = {"colour": "STRING", "tags": "STRINGLIST", "weight": "NUMBER"}
SEGMENTS = st.lists(st.sampled_from(["a", "ab"]), max_size=2)
SLASHES = st.tuples(st.sampled_from(["", "/"]), st.sampled_from(["", "/"]))
TEXTS = st.sampled_from(["I like sushi with tuna", "The user lives in Berlin", "Berlin", "coffee", "?", "Café au lait"])
QUESTIONS = TEXTS | st.sampled_from(["Where do I live?", "what do I eat?", "!"])
TOKENS = st.none() | st.sampled_from(["t", "u"])
EXPIRIES = st.none() | st.sampled_from([31, 40])
STRINGS = st.sampled_from(["v", "V", "a b"]).map(lambda text: {"stringValue": text})
LISTS = st.lists(st.sampled_from(["x", "y", "xy"]), min_size=1, max_size=3).map(
    lambda texts: {"stringListValue": texts}
)
AMOUNTS = st.sampled_from([-1.0, 0.5]).map(lambda number: {"numberValue": number})
DATES = st.sampled_from([0.0, 1.5]).map(lambda seconds: {"dateTimeValue": seconds})
COMPARISONS = st.sampled_from(
    ["EQUALS_TO", "GREATER_THAN", "GREATER_THAN_OR_EQUALS", "LESS_THAN", "LESS_THAN_OR_EQUALS"]
)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "EQUALS_TO": lambda had, asked: had == asked,
    "CONTAINS": lambda had, asked: asked in had,
    "GREATER_THAN": lambda had, asked: had > asked,
    "GREATER_THAN_OR_EQUALS": lambda had, asked: had >= asked,
    "LESS_THAN": lambda had, asked: had < asked,
    "LESS_THAN_OR_EQUALS": lambda had, asked: had <= asked,
    "BEFORE": lambda had, asked: had < asked,
    "AFTER": lambda had, asked: had > asked,
}
METADATA = st.fixed_dictionaries(
    {}, optional={"colour": STRINGS, "tags": LISTS, "weight": AMOUNTS, "free": STRINGS | LISTS | AMOUNTS | DATES}
)
FILTERS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([*KEYS, f"{SYSTEM}createdAt"]), st.sampled_from(["EXISTS", "NOT_EXISTS"]), st.none()),
        st.tuples(st.just("colour"), st.just("EQUALS_TO"), STRINGS),
        st.tuples(st.just("tags"), st.just("CONTAINS"), st.sampled_from(["x", "y"]).map(lambda t: {"stringValue": t})),
        st.tuples(
            st.just("weight"),
            COMPARISONS,
            AMOUNTS,
        ),
        st.tuples(
            st.sampled_from([f"{SYSTEM}createdAt", f"{SYSTEM}updatedAt"]),
            st.sampled_from(["BEFORE", "AFTER"]),
            st.sampled_from([0.0, 1.0, 30.0]).map(lambda days: {"dateTimeValue": 1_000_000.0 + days * DAY}),
        ),
    ),
    max_size=2,
)


class MovedClock(Clock):
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@dataclass
class Stored:
    order: int
    record_id: str
    namespace: tuple[str, ...]
    text: str
    metadata: dict[str, Any]
    timestamp: float
    created: float
    updated: float
    days: int | None
    token: str | None

    @property
    def expires(self) -> float | None:
        return None if self.days is None else self.updated + self.days * DAY

    def live(self, now: float) -> bool:
        return self.expires is None or self.expires > now

    def shown(self) -> dict[str, Any]:
        return {
            "memoryRecordId": self.record_id,
            "content": {"text": self.text},
            "namespaces": ["".join(f"/{segment}" for segment in self.namespace) + "/"],
            "createdAt": self.created,
            "timestamp": self.timestamp,
            "metadata": {
                **self.metadata,
                f"{SYSTEM}recordType": {"stringValue": "BASE"},
                f"{SYSTEM}createdAt": {"dateTimeValue": self.created},
                f"{SYSTEM}updatedAt": {"dateTimeValue": self.updated},
            },
        }

    def meets(self, key: str, operator: str, value: Mapping[str, Any] | None) -> bool:
        known = self.shown()["metadata"].get(key)
        if operator in ("EXISTS", "NOT_EXISTS"):
            return (known is not None) == (operator == "EXISTS")
        if known is None or value is None:
            return False
        ((_, had),), ((_, asked),) = known.items(), value.items()
        return bool(OPERATORS[operator](had, asked))


@dataclass(frozen=True)
class Place:
    segments: tuple[str, ...]
    exact: bool
    filters: tuple[tuple[str, str, Any], ...]
    given: Mapping[str, Any]

    def has(self, record: Stored) -> bool:
        there = record.namespace if self.exact else record.namespace[: len(self.segments)]
        return there == self.segments and all(record.meets(*expression) for expression in self.filters)


@st.composite
def places(draw: st.DrawFn) -> Place:
    segments, (before, after), exact = draw(SEGMENTS), draw(SLASHES), draw(st.booleans())
    return place_of(segments, f"{before}{'/'.join(segments)}{after}" or "/", exact, draw(FILTERS))


def place_of(segments: list[str], text: str, exact: bool, filters: list[tuple[str, str, Any]]) -> Place:
    given: dict[str, Any] = {"namespace" if exact else "namespacePath": text}
    if filters:
        given["metadataFilters"] = [
            {"left": {"metadataKey": key}, "operator": operator}
            | ({} if value is None else {"right": {"metadataValue": value}})
            for key, operator, value in filters
        ]
    return Place(tuple(segments), exact, tuple(filters), given)


class Machine(RuleBasedStateMachine):
    """One memory per history, all in one store."""

    def __init__(self, runner: asyncio.Runner, plane: MemoryPlane, clock: MovedClock) -> None:
        super().__init__()
        self.runner = runner
        self.plane = plane
        self.clock = clock
        clock.now = 1_000_000.0
        indexed = [{"key": key, "type": kind} for key, kind in KEYS.items()]
        created = self.call("CreateMemory", name=f"m{next(NUMBERS)}", eventExpiryDuration=3, indexedKeys=indexed)
        self.memory = created["memory"]["id"]
        self.records: list[Stored] = []
        self.made = 0
        self.reading: list[tuple[Place, str, int]] = []

    def teardown(self) -> None:
        self.call("DeleteMemory", memoryId=self.memory)

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return self.runner.run(self.plane.operations[operation](given))  # type: ignore[arg-type]

    def on(self, operation: str, **given: Any) -> dict[str, Any]:
        return self.call(operation, memoryId=self.memory, **given)

    def live(self) -> list[Stored]:
        return [record for record in self.records if record.live(self.clock.now)]

    @rule(namespace=SEGMENTS, slashes=SLASHES, text=TEXTS, metadata=METADATA, days=EXPIRIES, token=TOKENS)
    def create(
        self,
        namespace: list[str],
        slashes: tuple[str, str],
        text: str,
        metadata: dict[str, Any],
        days: int | None,
        token: str | None,
    ) -> None:
        before, after = slashes
        record: dict[str, Any] = {
            "requestIdentifier": "r",
            "namespaces": [f"{before}{'/'.join(namespace)}{after}" or "/"],
            "content": {"text": text},
            "timestamp": 1.25,
        }
        if metadata:
            record["metadata"] = metadata
        given: dict[str, Any] = {"records": [record]}
        if token is not None:
            given["clientToken"] = token
        if days is not None:
            given["recordExpirySpecification"] = {"recordExpiryDurationDays": days}
        answer = self.on("BatchCreateMemoryRecords", **given)
        (entry,) = answer["successfulRecords"]
        record_id = entry["memoryRecordId"]
        repeated = [known for known in self.live() if token is not None and known.token == token]
        if repeated:
            assert record_id == repeated[0].record_id
            return
        assert record_id not in {known.record_id for known in self.live()}
        now = self.clock.now
        self.records.append(Stored(self.made, record_id, tuple(namespace), text, metadata, 1.25, now, now, days, token))
        self.made += 1

    @precondition(lambda self: self.records)
    @rule(
        data=st.data(),
        namespace=st.none() | SEGMENTS,
        text=st.none() | TEXTS,
        metadata=st.none() | METADATA,
        expiry=st.sampled_from([None, {"action": "REMOVE"}, {"recordExpiryDurationDays": 35}]),
    )
    def update(
        self,
        data: st.DataObject,
        namespace: list[str] | None,
        text: str | None,
        metadata: dict[str, Any] | None,
        expiry: dict[str, Any] | None,
    ) -> None:
        record = data.draw(st.sampled_from(self.records))
        given: dict[str, Any] = {"memoryRecordId": record.record_id, "timestamp": 2.5}
        if namespace is not None:
            given["namespaces"] = ["/" + "/".join(namespace)]
        if text is not None:
            given["content"] = {"text": text}
        if metadata:
            given["metadata"] = metadata
        more = {} if expiry is None else {"recordExpirySpecification": expiry}
        # One that has expired may have been made anew under its token.
        alive = [known for known in self.live() if known.record_id == record.record_id]
        answer = self.on("BatchUpdateMemoryRecords", records=[given], **more)
        if not alive:
            assert [entry["errorCode"] for entry in answer["failedRecords"]] == [404]
            return
        assert answer["failedRecords"] == []
        (record,) = alive
        record.namespace = record.namespace if namespace is None else tuple(namespace)
        record.text = record.text if text is None else text
        record.metadata = metadata or record.metadata
        record.timestamp, record.updated = 2.5, self.clock.now
        if expiry is not None:
            record.days = expiry.get("recordExpiryDurationDays")

    @precondition(lambda self: self.records)
    @rule(data=st.data(), batch=st.booleans())
    def delete(self, data: st.DataObject, batch: bool) -> None:
        record_id = data.draw(st.sampled_from(self.records)).record_id
        alive = any(known.record_id == record_id for known in self.live())
        if batch:
            answer = self.on("BatchDeleteMemoryRecords", records=[{"memoryRecordId": record_id}])
            assert len(answer["successfulRecords"]) == alive
        else:
            try:
                assert self.on("DeleteMemoryRecord", memoryRecordId=record_id) == {"memoryRecordId": record_id}
            except ResourceNotFoundException:
                assert not alive
            else:
                assert alive
        self.records = [known for known in self.records if known.record_id != record_id]

    @rule(days=st.sampled_from([0.5, 1.0, 30.0, 31.0]))
    def advance(self, days: float) -> None:
        self.clock.now += days * DAY

    @rule()
    def get(self) -> None:
        for record in self.live():
            shown = self.on("GetMemoryRecord", memoryRecordId=record.record_id)["memoryRecord"]
            assert shown.pop("expiresAt", None) == record.expires
            assert shown == record.shown()

    @rule(place=places(), size=st.integers(1, 4))
    def start_listing(self, place: Place, size: int) -> None:
        self.page(place, size, None, None)

    @precondition(lambda self: any("weight" in record.metadata for record in self.records))
    @rule(data=st.data(), operator=COMPARISONS)
    def compare_with_a_record(self, data: st.DataObject, operator: str) -> None:
        record = data.draw(st.sampled_from([known for known in self.records if "weight" in known.metadata]))
        self.page(place_of([], "/", False, [("weight", operator, record.metadata["weight"])]), 4, None, None)

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), size=st.integers(1, 4))
    def go_on_listing(self, data: st.DataObject, size: int) -> None:
        place, token, last = data.draw(st.sampled_from(self.reading))
        self.page(place, size, token, last)

    def page(self, place: Place, size: int, token: str | None, last: int | None) -> None:
        given = {**place.given, "maxResults": size} | ({} if token is None else {"nextToken": token})
        answer = self.on("ListMemoryRecords", **given)
        expected = [record for record in self.newest_first(place) if last is None or record.order < last]
        assert answer["memoryRecordSummaries"] == [record.shown() for record in expected[:size]]
        assert ("nextToken" in answer) == (len(expected) > size)
        if "nextToken" in answer:
            self.reading.append((place, answer["nextToken"], expected[size - 1].order))

    def newest_first(self, place: Place) -> Iterator[Stored]:
        return (record for record in sorted(self.live(), key=lambda known: -known.order) if place.has(record))

    @rule(
        place=places(),
        question=TEXTS | st.sampled_from(["Where do I live?", "what do I eat?", "!"]),
        size=st.integers(1, 4),
    )
    def search(self, place: Place, question: str, size: int) -> None:
        criteria: dict[str, Any] = {"searchQuery": question, "topK": 100}
        namespace = dict(place.given)
        if "metadataFilters" in namespace:
            criteria["metadataFilters"] = namespace.pop("metadataFilters")
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self.on("RetrieveMemoryRecords", **namespace, searchCriteria=criteria, maxResults=size, **more)
            found += page["memoryRecordSummaries"]
            if "nextToken" not in page:
                break
            more = {"nextToken": page["nextToken"]}
        scores = {record["memoryRecordId"]: record.pop("score") for record in found}
        expected = {record.record_id: record for record in self.newest_first(place)}
        assert sorted(scores) == sorted(expected)
        assert found == [expected[record["memoryRecordId"]].shown() for record in found]
        assert all(0 <= score <= 1 for score in scores.values())
        order = [(-scores[record["memoryRecordId"]], -expected[record["memoryRecordId"]].order) for record in found]
        assert order == sorted(order)
        # The very same text, and no other, scores 1, if it has a word at all.
        for record_id, score in scores.items():
            same = expected[record_id].text == question
            assert (score == 1) == (same and any(character.isalnum() for character in question))


@pytest.mark.parametrize(("store_url", "histories"), [("sqlite", 300), ("postgresql", 50)], indirect=["store_url"])
def test_records_are_as_in_the_model(store_url: str, histories: int) -> None:
    clock = MovedClock()
    with asyncio.Runner() as runner:
        store = Store(store_url)
        plane = MemoryPlane(store, clock, "us-east-1", "123456789012")

        class OnThisStore(Machine):
            def __init__(self) -> None:
                super().__init__(runner, plane, clock)

        try:
            run_state_machine_as_test(
                OnThisStore, settings=settings(max_examples=histories, stateful_step_count=25, deadline=None)
            )
        finally:
            runner.run(store.close())
