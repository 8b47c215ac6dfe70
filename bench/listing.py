"""ListEvents of a session with very many events: the newest, from the middle, and by metadata."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from agentcore_emulator.memory.tables import DAY, event_metadata, events, memories, sessions
from agentcore_emulator.store import open_database
from agentcore_emulator.testing import EmulatorProcess
from bench.effort import Effort
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import AGENT, address

__all__ = ["run"]

_PAGE = 100
_NEWEST = f"the newest {_PAGE}"
_MIDDLE = f"{_PAGE} from the middle"
_FILTERED = f"{_PAGE} by metadata"
_AIM = 5.0
# Of the median over the largest memory to that over the smallest.
_FLAT = 1.5
_BATCH = 5000
_SOUGHT = {"left": {"metadataKey": "kind"}, "operator": "EQUALS_TO", "right": {"metadataValue": {"stringValue": "7"}}}


def run(state: Path, effort: Effort) -> list[Row]:
    """One session each in memories of one, ten and a hundred parts of `effort.events`."""
    sizes = [effort.events // 100, effort.events // 10, effort.events]
    count = max(1, effort.requests // 10)
    # Another folder than the other subjects have: what is in this one would slow nobody down, but it is large.
    with tempfile.TemporaryDirectory(dir=state) as folder:
        _fill(Path(folder), sizes)
        with EmulatorProcess(AGENT, "--state-dir", folder, "--quirks", "off") as emulator:
            found: dict[str, dict[int, list[float]]] = {_NEWEST: {}, _MIDDLE: {}, _FILTERED: {}}
            for _ in range(effort.rounds):
                for size in sizes:
                    for what, times in _list(emulator, size, count).items():
                        found[what].setdefault(size, []).append(median(times))
    return [row for what, by_size in found.items() for row in _rows(what, by_size)]


def _rows(what: str, by_size: dict[int, list[float]]) -> Iterator[Row]:
    medians = {size: median(p50s) for size, p50s in by_size.items()}
    for size, p50s in by_size.items():
        met = medians[size] <= _AIM
        name = f"{what} of {size:,}, p50"
        yield Row(name, f"{medians[size]:.2f} ms", spread(p50s, "ms", 2), f"≤ {_AIM:.0f} ms", met)
    ratio = max(medians.values()) / min(medians.values())
    yield Row(f"{what}, slowest to quickest", f"{ratio:.2f}", "", f"≤ {_FLAT}", ratio <= _FLAT)


def _list(emulator: EmulatorProcess, size: int, count: int) -> dict[str, list[float]]:
    path = f"/memories/{_memory(size)}/actor/actor/sessions/session"

    def times(**more: Any) -> list[float]:
        return post(address(emulator), path, count, body=json.dumps({"maxResults": _PAGE, **more}).encode())

    return {
        _NEWEST: times(),
        _MIDDLE: times(nextToken=_token(emulator, size)),
        _FILTERED: times(filter={"eventMetadata": [_SOUGHT]}),
    }


def _token(emulator: EmulatorProcess, size: int) -> str:
    """One that leads to the middle, which to walk to would take long: of the first page, with another event in it."""
    client = emulator.client("bedrock-agentcore")
    place = {"memoryId": _memory(size), "actorId": "actor", "sessionId": "session"}
    page = client.list_events(**place, maxResults=_PAGE)
    token = base64.urlsafe_b64decode(page["nextToken"])
    last: str = page["events"][-1]["eventId"]
    assert token.endswith(last.encode())
    return base64.urlsafe_b64encode(token.removesuffix(last.encode()) + _event_id(size // 2).encode()).decode()


def _memory(size: int) -> str:
    return f"m{size}-0123456789"


def _event_id(number: int) -> str:
    return f"{number:019d}#00000000"


def _fill(folder: Path, sizes: list[int]) -> None:
    database = open_database(f"sqlite:///{folder / 'state.db'}")
    now = int(time.time() * 1000)
    try:
        for size in sizes:
            with database.writer() as connection:
                _fill_memory(connection, size, now)
    finally:
        database.close()


def _fill_memory(connection: Connection, size: int, now: int) -> None:
    name = _memory(size)
    arn = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/{name}"
    times = {"created_at": now, "updated_at": now, "ready_at": now}
    connection.execute(
        insert(memories), {"id": name, "arn": arn, "name": f"m{size}", "expiry_days": 30, **times, "settings": {}}
    )
    memory = connection.execute(select(memories.c.key).where(memories.c.id == name)).scalar_one()
    place = {"memory_key": memory, "actor_id": "actor", "session_id": "session"}
    kept = now + 31 * DAY
    connection.execute(insert(sessions), {**place, "created_at": now, "keep_until": kept})
    session = connection.execute(select(sessions.c.key).where(sessions.c.memory_key == memory)).scalar_one()
    said = [{"conversational": {"role": "USER", "content": {"text": "What is 14 + 34?"}}}]
    shared = {
        "memory_key": memory,
        "session_key": session,
        "expires_at": now + 30 * DAY,
        "branch": "main",
        "payload": said,
        "token": None,
    }
    first = memory * 10_000_000
    for start in range(0, size, _BATCH):
        numbers = range(start, min(size, start + _BATCH))
        rows = [
            {
                **shared,
                "key": first + number,
                "event_id": _event_id(number),
                "timestamp": number,
                "metadata": {"kind": str(number % 10)},
            }
            for number in numbers
        ]
        connection.execute(insert(events), rows)
        indexed = [{"event_key": first + number, "name": "kind", "value": str(number % 10)} for number in numbers]
        connection.execute(insert(event_metadata), indexed)
