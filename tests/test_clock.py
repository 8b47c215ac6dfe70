from __future__ import annotations

import ast
import asyncio
import time
from pathlib import Path

import agentcore_emulator.clock
from agentcore_emulator.clock import Clock

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


async def test_a_longer_sleep_ends_later_and_neither_holds_up_the_other() -> None:
    clock = Clock()
    ended: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        ended.append(seconds)

    await asyncio.gather(sleep(0.05), sleep(0.001), sleep(0))
    assert ended == [0, 0.001, 0.05]


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
