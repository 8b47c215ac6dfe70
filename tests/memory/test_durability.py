from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

WRITER = Path(__file__).parent / "acknowledging_writer.py"


@asynccontextmanager
async def opened(file: Path) -> AsyncIterator[MemoryPlane]:
    store = Store(f"sqlite:///{file}")
    yield MemoryPlane(store, Clock(), "us-east-1", "123456789012")
    await store.close()


def killed_after(acknowledgements: int, file: Path, memory: str) -> set[tuple[str, str]]:
    """(session, event id) of every event that a writer saw acknowledged before it was killed."""
    writer = subprocess.Popen([sys.executable, WRITER, file, memory], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    with writer:
        lines = [writer.stdout.readline() for _ in range(acknowledgements)]
        writer.kill()
        lines += writer.stdout.readlines()
    assert writer.returncode == -9
    return {(session, event_id) for session, event_id in (line.split() for line in lines)}


async def listed(plane: MemoryPlane, memory: str) -> set[tuple[str, str]]:
    found = set()
    for worker in range(8):
        given = {"memoryId": memory, "actorId": "a", "sessionId": f"s{worker}", "maxResults": 100}
        more = True
        while more:
            page = await plane.operations["ListEvents"](given)
            for event in page["events"]:
                # Not only the row is there but what it held.
                number = int(event["eventTimestamp"])
                assert event["payload"] == [{"blob": f"{worker}/{number}" * 50}]
                found.add((event["sessionId"], event["eventId"]))
            more = "nextToken" in page
            given["nextToken"] = page.get("nextToken", "")
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
async def test_an_acknowledged_event_survives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    async with opened(file) as plane:
        memory = (await plane.operations["CreateMemory"]({"name": "m", "eventExpiryDuration": 7}))["memory"]["id"]
    acknowledged: set[tuple[str, str]] = set()
    for kill_after in (1, 10, 50, 200, 500):
        acknowledged |= killed_after(kill_after, file, memory)
        async with opened(file) as plane:
            assert acknowledged <= await listed(plane, memory)
    assert len(acknowledged) >= 761
