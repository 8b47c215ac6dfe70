"""kill -9 in the middle of writes: what was acknowledged is there, and nothing is there in part."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

WRITER = Path(__file__).parent / "acknowledging_writer.py"
CLIENTS = 8
RUNS = 50


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[MemoryPlane]:
    store = Store(url)
    yield MemoryPlane(store, Clock(), "us-east-1", "123456789012")
    await store.close()


def killed_after(acknowledgements: int, url: str, memory: str) -> set[tuple[str, str]]:
    """(session, event id) of every event that a writer saw acknowledged before it was killed."""
    command = [sys.executable, str(WRITER), url, memory, str(CLIENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(acknowledgements)]
        writer.kill()
        lines += writer.stdout.readlines()
    assert writer.returncode == -9
    return {(session, event_id) for session, event_id in (line.split() for line in lines)}


async def listed(plane: MemoryPlane, memory: str) -> set[tuple[str, str]]:
    """(session, event id) of every event of the memory, each of which is whole."""
    sessions = await plane.operations["ListSessions"]({"memoryId": memory, "actorId": "a", "maxResults": 100_000})
    found = set()
    for session in [summary["sessionId"] for summary in sessions["sessionSummaries"]]:
        place = {"memoryId": memory, "actorId": "a", "sessionId": session, "maxResults": 100}
        events = (await plane.operations["ListEvents"](place))["events"]
        # A session comes in the transaction of its first event.
        assert events
        for event in events:
            client, number = session[1:].split("-")[0], int(event["eventTimestamp"])
            assert event["payload"] == [{"blob": f"{client}/{number}" * 50}]
            found.add((session, event["eventId"]))
        left = {"left": {"metadataKey": "client"}, "operator": "EXISTS"}
        indexed = (await plane.operations["ListEvents"]({**place, "filter": {"eventMetadata": [left]}}))["events"]
        assert indexed == events
    return found


def damage(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    checks = ("integrity_check", "foreign_key_check")
    return [str(row) for check in checks for row in connection.execute(text(f"PRAGMA {check}")) if row[0] != "ok"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
async def test_an_acknowledged_event_survives_kill_9(store_url: str) -> None:
    runs = RUNS if store_url.startswith("sqlite") else RUNS // 5
    points = random.Random(runs)
    acknowledged: dict[str, set[tuple[str, str]]] = {}
    for run in range(runs):
        async with opened(store_url) as plane:
            created = await plane.operations["CreateMemory"]({"name": f"m{run}", "eventExpiryDuration": 7})
        memory = created["memory"]["id"]
        acknowledged[memory] = killed_after(points.randint(1, 200), store_url, memory)
        async with opened(store_url) as plane:
            there = await listed(plane, memory)
        assert acknowledged[memory] <= there
        # Of each client, at most the one event that it was waiting for is there without having been acknowledged.
        assert len(there - acknowledged[memory]) <= CLIENTS
    store = Store(store_url)
    assert await store.read(damage) == []
    plane = MemoryPlane(store, Clock(), "us-east-1", "123456789012")
    for memory, events in acknowledged.items():
        assert events <= await listed(plane, memory)
    await store.close()
