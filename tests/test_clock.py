from __future__ import annotations

import ast
import asyncio
import math
import struct
import time
from pathlib import Path

import pytest

import agentcore_emulator.clock
from agentcore_emulator.clock import LONGEST_ADVANCE, Clock

PACKAGE = Path(agentcore_emulator.clock.__file__).parent
WALL_CLOCK = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}


def test_time_is_the_systems() -> None:
    before = time.time()
    now = Clock().time()
    assert before <= now <= time.time()


def test_monotonic_never_runs_backwards() -> None:
    clock = Clock()
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)


async def test_sleep_takes_real_time_on_a_clock_that_stands_still() -> None:
    clock = Clock(frozen=True)
    before = clock.time()
    await clock.sleep(0.001)
    assert clock.time() == before


async def test_a_frozen_clock_moves_by_what_it_is_advanced() -> None:
    clock = Clock(frozen=True)
    before = clock.time()
    await clock.advance(8 * 3600)
    assert clock.time() == before + 8 * 3600


async def test_a_flowing_clock_goes_on_from_where_it_was_moved_to() -> None:
    clock = Clock()
    before = time.time()
    await clock.advance(1000)
    first = clock.time()
    assert before + 1000 <= first <= clock.time() <= time.time() + 1000


@pytest.mark.parametrize("frozen", [True, False])
async def test_timers_ring_in_order_and_see_their_own_moment(frozen: bool) -> None:
    clock = Clock(frozen=frozen)
    start = clock.time()
    rung: list[tuple[str, float]] = []

    def note(name: str) -> None:
        rung.append((name, clock.time() - start))

    def again() -> None:
        note("b")
        clock.call_later(100, lambda: note("d"))

    clock.call_later(300, lambda: note("c"))
    clock.call_later(200, again)
    clock.call_later(100, lambda: note("a"))
    clock.call_later(9000, lambda: note("never"))
    clock.call_later(50, lambda: note("cancelled")).cancel()
    await clock.advance(400)
    assert [name for name, _ in rung] == ["a", "b", "c", "d"]
    assert [moment for _, moment in rung] == pytest.approx([100, 200, 300, 300], abs=5)


async def test_an_advance_waits_for_what_a_timer_does() -> None:
    clock = Clock(frozen=True)
    done: list[float] = []

    async def work() -> None:
        await asyncio.sleep(0.001)
        done.append(clock.time())

    start = clock.time()
    clock.call_later(10, work)
    clock.call_later(20, work)
    await clock.advance(30)
    assert done == [start + 10, start + 20]


async def test_an_advance_waits_for_what_was_set_off_before_and_meanwhile() -> None:
    clock = Clock(frozen=True)
    done: list[float] = []
    start = clock.time()

    async def work() -> None:
        await asyncio.sleep(0.001)
        done.append(clock.time())

    clock.in_background(work())
    clock.call_later(10, lambda: clock.in_background(work()) and None)
    await clock.advance(10)
    assert done == [start, start + 10]


async def test_two_advances_add_up() -> None:
    clock = Clock(frozen=True)
    start = clock.time()
    rung: list[float] = []

    async def note() -> None:
        await asyncio.sleep(0)
        rung.append(clock.time() - start)

    for moment in (5, 15):
        clock.call_later(moment, note)
    await asyncio.gather(clock.advance(10), clock.advance(10))
    assert rung == [5, 15]
    assert clock.time() == start + 20


async def test_a_flowing_clock_rings_by_itself() -> None:
    clock = Clock()
    rung = asyncio.Event()
    clock.call_later(0.001, rung.set)
    await rung.wait()


async def test_a_timer_that_is_left_after_an_advance_rings_by_itself() -> None:
    clock = Clock()
    rung = asyncio.Event()
    clock.call_later(1000.001, rung.set)
    await clock.advance(1000)
    await rung.wait()


async def test_a_frozen_clock_rings_for_nobody() -> None:
    clock = Clock(frozen=True)
    rung: list[int] = []
    clock.call_later(0, lambda: rung.append(1))
    await asyncio.sleep(0.001)
    assert rung == []


async def test_an_advance_goes_on_when_a_timer_fails() -> None:
    clock = Clock(frozen=True)
    rung: list[int] = []

    def fail() -> None:
        raise ValueError("no such thing")

    clock.call_later(1, fail)
    clock.call_later(2, lambda: rung.append(1))
    with pytest.raises(ValueError, match="no such thing"):
        await clock.advance(5)
    await clock.advance(5)
    assert rung == [1]


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, LONGEST_ADVANCE * 2])
async def test_it_does_not_move_by_what_is_no_time(seconds: float) -> None:
    clock = Clock(frozen=True)
    before = clock.time()
    with pytest.raises(ValueError, match="a clock moves ahead by 0 to"):
        await clock.advance(seconds)
    assert clock.time() == before


async def test_what_a_frozen_clock_showed_at_a_moment_of_real_time() -> None:
    clock = Clock(frozen=True)
    start, early = clock.time(), time.time()
    await clock.advance(100)
    middle = time.time()
    await clock.advance(10)
    assert [clock.at(moment) - start for moment in (early, middle, time.time())] == [0, 100, 110]


async def test_what_a_flowing_clock_showed_at_a_moment_of_real_time() -> None:
    clock = Clock()
    early = time.time()
    await clock.advance(100)
    middle = time.time()
    await clock.advance(10)
    late = time.time()
    assert clock.at(early) == pytest.approx(early)
    assert clock.at(middle) == pytest.approx(middle + 100)
    assert clock.at(late) == pytest.approx(late + 110)
    assert clock.at(early - 1000) == pytest.approx(early - 1000), "a stamp from before the emulator's start"


def test_nothing_else_in_the_emulator_reads_the_wall_clock() -> None:
    # guest/ runs in the user's process, where the emulator's clock does not reach.
    sources = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.name != "clock.py" and "guest" not in path.parts and "_reference_agent" not in path.parts
    ]
    assert sources
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute)
        if ((node.value.id if isinstance(node.value, ast.Name) else node.value.attr), node.attr) in WALL_CLOCK
    ]
    assert found == []


@pytest.mark.parametrize("frozen", [True, False])
async def test_what_guests_need_is_in_a_file(tmp_path: Path, frozen: bool) -> None:
    clock = Clock(frozen=frozen)
    file = tmp_path / "time"
    clock.publish(file)

    def shown() -> float:
        [value] = struct.unpack("d", file.read_bytes())
        return float(value) if frozen else time.time() + value

    assert shown() == pytest.approx(clock.time(), abs=1)
    await clock.advance(1000)
    assert shown() == pytest.approx(clock.time(), abs=1)
