from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import rounds
from agentcore_emulator.memory.rounds import Rounds
from agentcore_emulator.memory.tables import milliseconds
from agentcore_emulator.store import StoreError

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Work:
    """Answers each round from `answers`: a moment, None, an error; None when there are no more."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.times: list[int] = []
        self.rested = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, now: int) -> int | None:
        self.times.append(now)
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return now if answer == "at once" else answer

    def rest(self) -> None:
        self.rested += 1


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen=True)


def of(clock: Clock, work: Work) -> Rounds:
    return Rounds(clock, "the work", work, work.rest)


async def test_nothing_is_done_before_the_start(clock: Clock, until: Until) -> None:
    work = Work()
    going = of(clock, work)
    going.wake()
    await asyncio.sleep(0)
    assert work.times == []
    going.start()
    await until(lambda: not going.busy)
    assert (len(work.times), work.rested) == (1, 1)
    await going.close()


async def test_rounds_follow_each_other_as_long_as_something_is_due(clock: Clock, until: Until) -> None:
    work = Work("at once", "at once", None)
    going = of(clock, work)
    going.start()
    await until(lambda: not going.busy)
    assert (len(work.times), work.rested) == (3, 1)
    await going.close()


async def test_whoever_wakes_during_a_round_gets_another(clock: Clock, until: Until) -> None:
    work = Work(None, None)
    going = of(clock, work)
    work.gate.clear()
    going.start()
    await until(lambda: work.times)
    going.wake()
    going.wake()
    work.gate.set()
    await until(lambda: not going.busy)
    assert len(work.times) == 2
    await going.close()


async def test_what_becomes_due_is_done_before_an_advance_returns(clock: Clock, until: Until) -> None:
    now = milliseconds(clock.time())
    work = Work(now + 10_000, now + 20_000)
    going = of(clock, work)
    going.start()
    await until(lambda: not going.busy)
    await clock.advance(9.999)
    assert work.times == [now]
    await clock.advance(20)
    assert [round(time - now, -1) for time in work.times] == [0, 10_000, 20_000]
    await going.close()


async def test_a_state_file_that_fails_is_tried_again(
    clock: Clock, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(StoreError("the disk is full"), None)
    going = of(clock, work)
    going.start()
    await until(lambda: not going.busy)
    assert caplog.messages == ["the work has to wait: the disk is full"]
    await clock.advance(5)
    assert (len(work.times), work.rested) == (2, 2)
    await going.close()


async def test_a_fault_is_told_and_the_next_wake_goes_on(
    clock: Clock, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(RuntimeError("a fault"), None)
    going = of(clock, work)
    going.start()
    await until(lambda: not going.busy)
    assert caplog.messages == ["the work stopped; it goes on as soon as there is more of it"]
    going.wake()
    await until(lambda: not going.busy)
    assert len(work.times) == 2
    await going.close()


async def test_the_end_waits_for_a_round_and_begins_no_other(clock: Clock, until: Until) -> None:
    work = Work("at once")
    going = of(clock, work)
    work.gate.clear()
    going.start()
    await until(lambda: work.times)
    closing = asyncio.ensure_future(going.close())
    await asyncio.sleep(0)
    work.gate.set()
    await closing
    going.wake()
    assert not going.busy
    assert (len(work.times), work.rested, work.answers) == (1, 1, [])


async def test_the_end_does_not_wait_for_long(clock: Clock, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_GRACE", 0.01)
    work = Work("at once")
    going = of(clock, work)
    work.gate.clear()
    going.start()
    await until(lambda: work.times)
    await going.close()
    assert not going.busy
    assert work.answers == ["at once"]
