"""CreateEvent and ListEvents, with the disk's own fsync beside them."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentcore_emulator.testing import EmulatorProcess
from bench.report import Row, median, spread
from bench.subjects import AGENT

__all__ = ["run"]

_REQUESTS = 200
_EVENTS = 100
_WRITERS = 8


def run(state: Path) -> list[Row]:
    """Through boto3, whose own share is large; the clients' times are the users' times."""
    with EmulatorProcess(AGENT, "--state-dir", str(state), "--quirks", "off") as emulator:
        control = emulator.client("bedrock-agentcore-control")
        name = f"bench{os.getpid()}"
        memory_id = control.create_memory(name=name, eventExpiryDuration=30)["memory"]["id"]
        client = emulator.client("bedrock-agentcore")
        fsync = _times(lambda: _fsync(state / "fsync"), _REQUESTS)
        create = _times(lambda: _create(client, memory_id, "one"), _REQUESTS)
        listed = {"memoryId": memory_id, "actorId": "actor", "sessionId": "one", "maxResults": _EVENTS}
        many = _times(lambda: client.list_events(**listed), _REQUESTS)
        together = _together(emulator, memory_id)
        control.delete_memory(memoryId=memory_id)
    return [
        Row("the disk's fsync of 4 KB, p50", f"{median(fsync):.2f} ms", spread(fsync, "ms", 2)),
        Row("CreateEvent, p50", f"{median(create):.2f} ms", spread(create, "ms", 2)),
        Row(f"CreateEvent by {_WRITERS} clients at once", f"{together:.0f} a second"),
        Row(f"ListEvents of {_EVENTS}, p50", f"{median(many):.2f} ms", spread(many, "ms", 2)),
    ]


def _create(client: Any, memory_id: str, session: str) -> None:
    client.create_event(
        memoryId=memory_id,
        actorId="actor",
        sessionId=session,
        eventTimestamp=dt.datetime.now(dt.UTC),
        payload=[{"conversational": {"role": "USER", "content": {"text": "What is 14 + 34?"}}}],
    )


def _fsync(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(bytes(4096))
        opened.flush()
        os.fsync(opened.fileno())


def _times(work: Callable[[], Any], count: int) -> list[float]:
    work()
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return times


def _together(emulator: EmulatorProcess, memory_id: str) -> float:
    """Events a second."""
    clients = [emulator.client("bedrock-agentcore") for _ in range(_WRITERS)]

    def write(number: int) -> None:
        for _ in range(_REQUESTS // 4):
            _create(clients[number], memory_id, f"together{number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _WRITERS * (_REQUESTS // 4) / (time.perf_counter() - started)
