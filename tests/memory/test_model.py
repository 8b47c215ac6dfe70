"""Every listing of the plane against the contracts' model of it, through histories that Hypothesis makes up.

The contract ME-040 runs the same machine against any target. Here it runs without one, which is quick enough for 500
histories on each kind of database, and knows what only the emulator promises: when events and empty sessions go, which
pages are full, what events of one millisecond are to each other, and the order of actors and sessions.
"""

from __future__ import annotations

import asyncio
import collections
import datetime
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from agentcore_contracts.memory_histories import MemoryHistories
from agentcore_contracts.memory_model import Conversation, Listing, Place, Reading, Stored
from agentcore_emulator import errors
from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

NUMBERS = itertools.count()
DAYS = 3
DAY = 86_400.0
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# What a client reads as times.
TIMES = ("createdAt", "eventTimestamp")


class MovedClock(Clock):
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


class Client:
    """The plane's operations, as boto3 would call them."""

    exceptions = errors

    def __init__(self, runner: asyncio.Runner, plane: MemoryPlane) -> None:
        self.runner = runner
        self.plane = plane

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = self.plane.operations["".join(word.capitalize() for word in name.split("_"))]

        def call(**given: Any) -> Any:
            if "eventTimestamp" in given:
                given["eventTimestamp"] = given["eventTimestamp"].timestamp()
            return read(self.runner.run(operation(given)))  # type: ignore[arg-type]

        return call


def read(answer: Any) -> Any:
    """An answer as a client reads it."""
    if isinstance(answer, list):
        return [read(each) for each in answer]
    if isinstance(answer, dict) and "blob" not in answer:
        return {
            name: EPOCH + datetime.timedelta(seconds=value) if name in TIMES else read(value)
            for name, value in answer.items()
        }
    return answer


class Remembered:
    """A memory of a history's own, in the form of the fixture `memory`."""

    def __init__(self, client: Any) -> None:
        self.client = client
        created = client.create_memory(name=f"m{next(NUMBERS)}", eventExpiryDuration=DAYS)
        self.id = created["memory"]["id"]

    def until(self, look: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
        return look()


# What the histories had in them, so that a test can hold that they had enough of it.
SEEN: collections.Counter[str] = collections.Counter()


class Machine(MemoryHistories):
    """One memory per history, all in one store."""

    lifetime: ClassVar[float] = DAYS * DAY
    clock: ClassVar[MovedClock]

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.memory: Any = Remembered(client)  # type: ignore[misc]

    def teardown(self) -> None:
        """An account has a limited number of memories."""
        self.memory.client.delete_memory(memoryId=self.memory.id)

    def now(self) -> float:
        return self.clock.now

    def actor_id(self, actor: str) -> str:
        return actor

    def expects_time(self, at: int) -> datetime.datetime:
        return EPOCH + datetime.timedelta(milliseconds=at)

    def expects_token(self, place: Place, name: str) -> str:
        return name

    def allows_token(self, token: str) -> bool:
        return True

    def expects_repetition(self, given: dict[str, Any], made: Stored) -> dict[str, Any]:
        return given

    def allows_deletion(self, conversation: Conversation, event: Stored) -> bool:
        return True

    def allows_going_on(self, reading: Reading) -> bool:
        return True

    def check_repeated(self, shown: dict[str, Any], made: Stored) -> None:
        assert shown == made.shown

    def check_same(self, shown: dict[str, Any], expected: dict[str, Any]) -> None:
        assert shown == expected

    def check_page(self, answer: Mapping[str, Any], expected: Sequence[Stored], asked: Listing) -> None:
        assert answer["events"] == [event.shown for event in expected[: asked.size]]
        assert ("nextToken" in answer) == (len(expected) > asked.size)
        branch = asked.narrowed.get("branch")
        conversation = self.conversations.get(asked.place)
        some = conversation is not None and 0 < len(expected) < len(conversation.live(self.now()))
        SEEN["a page after another"] += asked.after is not None and bool(expected)
        SEEN["some events of a branch"] += branch is not None and some
        SEEN["a fork with its parents"] += branch is not None and any(e.branch != branch["name"] for e in expected)
        SEEN["some events by metadata"] += "eventMetadata" in asked.narrowed and some

    def check_conversations(self, actor: str, full: bool, answer: Mapping[str, Any]) -> None:
        now = self.now()
        expected = [
            {
                "sessionId": place[1],
                "actorId": actor,
                "createdAt": EPOCH + datetime.timedelta(seconds=conversation.created),
            }
            for place, conversation in reversed(self.conversations.items())
            if place[0] == actor and not self.gone(conversation) and (conversation.live(now) or not full)
        ]
        assert answer == {"sessionSummaries": expected}

    def gone(self, conversation: Conversation) -> bool:
        last = max((event.expires for event in conversation.events), default=0.0)
        return self.now() >= max(last, conversation.empty_since) + DAY

    def forget(self) -> None:
        """What a write purges."""
        self.conversations = {place: one for place, one in self.conversations.items() if not self.gone(one)}

    # Rarely so far that nothing is left.
    @rule(days=st.sampled_from([0.1, 0.1, 0.1, 0.1, 1.0, 3.0]))
    def advance(self, days: float) -> None:
        self.clock.now += days * DAY

    @rule()
    def list_actors(self) -> None:
        actors = sorted({place[0] for place, one in self.conversations.items() if not self.gone(one)})
        answer = self.memory.client.list_actors(memoryId=self.memory.id)
        assert answer == {"actorSummaries": [{"actorId": actor} for actor in actors]}


@pytest.mark.parametrize(("store_url", "histories"), [("sqlite", 500), ("postgresql", 100)], indirect=["store_url"])
def test_the_plane_behaves_as_its_model(store_url: str, histories: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Hypothesis runs a history again and expects the same of it, so the ids of events must not be left to chance.
    suffixes = random.Random()
    monkeypatch.setattr("agentcore_emulator.memory.ids.secrets.token_hex", lambda size: suffixes.randbytes(size).hex())
    SEEN.clear()
    with asyncio.Runner() as runner:
        store = Store(store_url)
        moved = MovedClock()
        plane = MemoryPlane(store, moved, "us-east-1", "123456789012")

        class OnThisStore(Machine):
            clock = moved

            def __init__(self) -> None:
                suffixes.seed(0)
                super().__init__(Client(runner, plane))

        try:
            run_state_machine_as_test(
                OnThisStore, settings=settings(max_examples=histories, stateful_step_count=25, deadline=None)
            )
        finally:
            runner.run(store.close())
    assert len(SEEN) == 4
    assert min(SEEN.values()) > histories / 10, SEEN
