from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane, rounds
from agentcore_emulator.memory.extraction import episodes, worker
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure, Memo, Work
from agentcore_emulator.store import Store, StoreError

FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
LIKES = {"userPreferenceMemoryStrategy": {"name": "Likes", "namespaceTemplates": ["/likes/{actorId}/"]}}


class Gated:
    """Holds every job until it is let go; then each message is a memo, one that says "fail" a failure."""

    def __init__(self, concurrency: int = 4) -> None:
        self.concurrency = concurrency
        self.gate = asyncio.Event()
        self.under_way: list[str] = []
        self.done: list[str] = []

    async def extract(self, work: Work) -> Sequence[Memo]:
        texts = [message.text for message in work.messages]
        self.under_way += texts
        await self.gate.wait()
        for text in texts:
            self.under_way.remove(text)
            if text == "fail":
                raise ExtractionFailure("it was to fail")
            if text == "break":
                raise ZeroDivisionError
        self.done += texts
        return [Memo(text, text) for text in texts]


def opened(concurrency: int = 4) -> Gated:
    extractor = Gated(concurrency)
    extractor.gate.set()
    return extractor


async def test_records_are_there_for_the_first_request_after_the_event(bench: Any) -> None:
    await bench.create(FACTS)
    bench.start()
    await bench.say("I like tea")
    found = await bench.call("RetrieveMemoryRecords", namespace="/facts/ada/", searchCriteria={"searchQuery": "tea"})
    assert [record["content"]["text"] for record in found["memoryRecordSummaries"]] == ["The user likes tea."]


async def test_an_event_does_not_wait_for_its_records(bench: Any, until: Any) -> None:
    await bench.create(FACTS)
    extractor = Gated()
    bench.start(extractor)
    await bench.say("a")
    await until(lambda: extractor.under_way)
    await bench.say("b")
    reading = asyncio.ensure_future(bench.texts())
    extractor.gate.set()
    assert await reading == ["a", "b"]


async def test_a_reader_does_not_wait_for_ever(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.01)
    await bench.create(FACTS)
    extractor = Gated()
    bench.start(extractor)
    await bench.say("a")
    assert await bench.texts() == []
    extractor.gate.set()


async def test_a_reader_waits_for_its_own_memory_alone(bench: Any, until: Any) -> None:
    extractor = Gated()
    slow = await bench.create(FACTS, name="slow")
    await bench.create(FACTS, name="other")
    bench.start(extractor)
    await bench.say("a", memoryId=slow)
    await until(lambda: extractor.under_way)
    assert await bench.texts() == []
    assert extractor.under_way == ["a"]
    extractor.gate.set()


async def test_what_an_earlier_process_left_is_done_once(open_bench: Any) -> None:
    before = open_bench()
    memory = await before.create(FACTS)
    for number in range(20):
        await before.say(str(number))
    await before.close()
    after = open_bench()
    after.memory = memory
    extractor = opened()
    after.start(extractor)
    assert await after.texts() == [str(number) for number in range(20)]
    await after.close()
    again = open_bench()
    again.memory = memory
    again.start(extractor)
    assert len(await again.texts()) == 20
    assert extractor.done == [str(number) for number in range(20)]


async def test_what_was_under_way_at_the_end_is_done_after_the_next_start(
    open_bench: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "_GRACE", 0.01)
    before = open_bench()
    memory = await before.create(FACTS)
    extractor = Gated()
    before.start(extractor)
    await before.say("a")
    await until(lambda: extractor.under_way)
    await before.close()
    assert extractor.done == []
    after = open_bench()
    after.memory = memory
    after.start(opened())
    assert await after.texts() == ["a"]


async def test_what_can_be_finished_is_finished_before_the_end(open_bench: Any, until: Any) -> None:
    before = open_bench()
    memory = await before.create(FACTS)
    extractor = Gated()
    before.start(extractor)
    await before.say("a")
    await before.say("b")
    await until(lambda: extractor.under_way)
    closing = asyncio.ensure_future(before.plane.close())
    await asyncio.sleep(0)
    extractor.gate.set()
    await closing
    # The worker is closed, so nobody waits for anything.
    before.memory = memory
    assert await before.texts() == ["a"]


async def test_a_delay_is_one_of_the_clock(open_bench: Any) -> None:
    bench = open_bench(delay=20)
    await bench.create(FACTS)
    bench.start()
    await bench.say("I like tea")
    assert await bench.texts() == []
    await bench.clock.advance(19.5)
    await bench.say("I like cocoa")
    assert await bench.texts() == []
    await bench.clock.advance(0.5)
    assert await bench.texts() == ["The user likes tea."]
    await bench.clock.advance(3600)
    assert await bench.texts() == ["The user likes tea.", "The user likes cocoa."]


async def test_a_delay_goes_on_after_the_next_start(open_bench: Any) -> None:
    before = open_bench(delay=20)
    memory = await before.create(FACTS)
    await before.say("I like tea")
    await before.close()
    after = open_bench(delay=20)
    after.memory = memory
    after.start()
    assert await after.texts() == []
    await after.clock.advance(20)
    assert await after.texts() == ["The user likes tea."]


async def test_an_advance_waits_for_what_is_under_way(bench: Any, until: Any) -> None:
    await bench.create(FACTS)
    extractor = Gated()
    bench.start(extractor)
    await bench.say("a")
    await until(lambda: extractor.under_way)
    advancing = asyncio.ensure_future(bench.clock.advance(1))
    await asyncio.sleep(0)
    assert not advancing.done()
    extractor.gate.set()
    await advancing
    assert extractor.done == ["a"]


async def test_a_job_that_fails_holds_up_no_other(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    await bench.create(FACTS)
    bench.start(opened())
    for text in ("a", "fail", "b", "break", "c"):
        await bench.say(text)
    assert await bench.texts() == ["a", "b", "c"]
    assert [job["failureReason"] for job in await bench.failed()] == [
        "The extractor failed with ZeroDivisionError; the emulator's log says where",
        "it was to fail",
    ]
    said, broke = caplog.records
    assert "it was to fail" in said.getMessage()
    assert "StartMemoryExtractionJob" in said.getMessage()
    assert broke.exc_info is not None


async def test_jobs_of_one_actor_and_strategy_are_done_in_order_and_others_at_once(bench: Any, until: Any) -> None:
    extractor = Gated()
    await bench.create(FACTS)
    for actor, text in itertools.product(("ada", "bob", "eve"), "123"):
        await bench.say(actor + text, actor=actor)
    bench.start(extractor)
    await until(lambda: len(extractor.under_way) == 3)
    assert sorted(extractor.under_way) == ["ada1", "bob1", "eve1"]
    extractor.gate.set()
    await bench.records()
    for actor in ("ada", "bob", "eve"):
        assert [text for text in extractor.done if text.startswith(actor)] == [actor + digit for digit in "123"]


async def test_no_more_are_done_at_once_than_the_extractor_takes(bench: Any, until: Any) -> None:
    extractor = Gated(concurrency=2)
    await bench.create(FACTS)
    for actor in ("ada", "bob", "eve"):
        await bench.say(actor, actor=actor)
    bench.start(extractor)
    await until(lambda: len(extractor.under_way) == 2)
    await bench.store.write(lambda c: None)
    assert len(extractor.under_way) == 2
    extractor.gate.set()
    assert len(await bench.texts()) == 3


async def test_a_large_backlog_does_not_hold_up_another_memory(bench: Any) -> None:
    extractor = opened(concurrency=1)
    await bench.create(FACTS, name="large")
    for number in range(30):
        await bench.say(str(number))
    await bench.create(FACTS, name="small")
    await bench.say("mine")
    bench.start(extractor)
    assert await bench.texts() == ["mine"]
    assert len(extractor.done) < 30


async def test_a_memory_can_go_while_its_job_is_under_way(
    bench: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    extractor = Gated()
    gone = await bench.create(FACTS, name="gone")
    bench.start(extractor)
    await bench.say("a")
    await until(lambda: extractor.under_way)
    await bench.call("DeleteMemory", memoryId=gone)
    await bench.create(FACTS, name="gone")
    extractor.gate.set()
    await bench.say("b")
    assert await bench.texts() == ["b"]
    assert not caplog.records


async def test_a_state_file_that_fails_is_tried_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.create(FACTS)
    await bench.say("I like tea")
    write = bench.store.write

    async def full(work: Callable[..., Any]) -> Any:
        raise StoreError("The disk is full")

    monkeypatch.setattr(bench.store, "write", full)
    bench.start()
    assert await bench.texts() == []
    assert "The disk is full" in caplog.text
    monkeypatch.setattr(bench.store, "write", write)
    assert await bench.failed() == []
    await bench.clock.advance(5)
    assert await bench.texts() == ["The user likes tea."]


async def test_many_actors_talk_at_once(bench: Any, strategies: Sequence[dict[str, Any]]) -> None:
    await bench.create(*strategies)
    bench.start()

    async def talk(actor: str) -> None:
        for number in range(10):
            await bench.say(
                f"I like tea number {number}", "A: Noted, tea it is.", actor=actor, session=f"s{number % 2}"
            )
            await bench.call("RetrieveMemoryRecords", namespacePath="/", searchCriteria={"searchQuery": "tea"})

    await asyncio.gather(*(talk(f"actor{number}") for number in range(8)))
    assert await bench.failed() == []
    for number in range(8):
        assert len(await bench.texts(f"/facts/actor{number}")) == 10
        assert len(await bench.texts(f"/likes/actor{number}")) == 10
        assert len(await bench.texts(f"/summary/actor{number}")) == 2


@pytest.fixture
async def episodic(bench: Any, strategies: Sequence[dict[str, Any]]) -> Callable[[], Awaitable[list[str]]]:
    """Makes a memory with an episodic strategy; what is found in its episodes."""
    await bench.create(strategies[3])

    async def found() -> list[str]:
        texts: list[str] = await bench.texts("/episodes/ada/s")
        return texts

    return found


async def test_an_episode_is_a_record_when_it_is_over(bench: Any, episodic: Any) -> None:
    bench.start()
    await bench.say("How do I reset my password?")
    await bench.say("A: Press the red button.")
    assert await episodic() == []
    await bench.say("That worked, thanks!")
    (episode,) = await episodic()
    assert "Press the red button" in episode
    assert len(await bench.texts("/episodes")) == 2
    await bench.say("A: You are welcome.")
    await bench.clock.advance(episodes.IDLE / 1000)
    assert await episodic() == [episode]


async def test_an_episode_is_over_when_nobody_says_anything_any_more(bench: Any, episodic: Any) -> None:
    bench.start()
    await bench.say("How do I reset my password?")
    await bench.clock.advance(600)
    await bench.say("A: Press the red button.")
    await bench.clock.advance(600)
    assert await episodic() == []
    await bench.clock.advance(300)
    (episode,) = await episodic()
    assert "reset my password" in episode
    assert "red button" in episode


async def test_episodes_of_two_sessions_are_two(bench: Any, episodic: Any) -> None:
    bench.start()
    await bench.say("How do I reset it?")
    await bench.say("How do I delete it?", session="t")
    await bench.say("Thanks, that worked")
    (episode,) = await episodic()
    assert "delete" not in episode


async def test_an_open_episode_goes_on_after_the_next_start(
    open_bench: Any, strategies: Sequence[dict[str, Any]]
) -> None:
    before = open_bench()
    memory = await before.create(strategies[3])
    before.start()
    await before.say("How do I reset my password?")
    assert await before.texts() == []
    await before.close()
    after = open_bench()
    after.memory = memory
    after.start()
    await after.say("That worked, thanks!")
    assert "reset my password" in "".join(await after.texts())


async def test_an_episode_that_failed_is_started_again_as_a_whole(bench: Any, episodic: Any) -> None:
    extractor = opened()
    bench.start(extractor)
    await bench.say("How do I reset it?")
    await bench.say("fail")
    await bench.say("Thanks, that worked")
    jobs = await bench.failed()
    assert len(jobs) == 3
    bench.start()
    await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": jobs[0]["jobID"]})
    (episode,) = await episodic()
    assert "reset it" in episode
    assert await bench.failed() == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(("role", "content", "message", "messages", "text")) | st.text(), children, max_size=4
        )
    ),
    max_leaves=12,
)
# What the service's front door lets through: no unpaired surrogates, and no empty text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
CONVERSATIONAL = st.fixed_dictionaries(
    {"role": st.sampled_from(("USER", "ASSISTANT", "TOOL", "OTHER")), "content": st.fixed_dictionaries({"text": TEXT})}
)
PAYLOADS = st.lists(
    st.fixed_dictionaries({"conversational": CONVERSATIONAL})
    | st.fixed_dictionaries({"json": st.fixed_dictionaries({"content": ANY_JSON})})
    | st.fixed_dictionaries({"blob": ANY_JSON}),
    max_size=5,
)


@given(st.lists(PAYLOADS, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
async def test_no_payload_fails_a_job(payloads: list[list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'state.db'}")
        clock = Clock(frozen=True)
        plane = MemoryPlane(store, clock, "us-east-1", "123456789012")
        plane.start()
        call = plane.operations
        kinds = ("semantic", "summary", "userPreference", "episodic")
        made = [{f"{kind}MemoryStrategy": {"name": kind}} for kind in kinds]
        created = await call["CreateMemory"]({"name": "m", "eventExpiryDuration": 7, "memoryStrategies": made})
        memory = {"memoryId": created["memory"]["id"]}
        for payload in payloads:
            event = {"actorId": "a", "sessionId": "s", "eventTimestamp": 1, "payload": payload}
            await call["CreateEvent"]({**memory, **event})
        await clock.advance(episodes.IDLE / 1000)
        assert (await call["ListMemoryExtractionJobs"](memory))["jobs"] == []
        for record in (await call["ListMemoryRecords"]({**memory, "namespacePath": "/"}))["memoryRecordSummaries"]:
            assert 1 <= len(record["content"]["text"]) <= 16_000
        await plane.close()
        await store.close()
