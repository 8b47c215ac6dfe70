"""CreateEvent and ListEvents, with the disk's own fsync beside them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentcore_emulator.testing import EmulatorProcess
from bench.effort import Effort
from bench.flood import flood
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import AGENT, address

__all__ = ["run"]

_EVENTS = 100
_WRITERS = 16
_CREATE_AIM = 3.0
_RATE_AIM = 2000
_CREATE = "CreateEvent"


def run(state: Path, effort: Effort) -> list[Row]:
    """In turns: the disk alone, plain HTTP, boto3 – whose own share is large – and many connections at once."""
    count = max(1, effort.requests // 10)
    with EmulatorProcess(AGENT, "--state-dir", str(state), "--quirks", "off") as emulator:
        control = emulator.client("bedrock-agentcore-control")
        memory_id = control.create_memory(name=f"bench{os.getpid()}", eventExpiryDuration=30)["memory"]["id"]
        client = emulator.client("bedrock-agentcore")
        listed = {"memoryId": memory_id, "actorId": "actor", "sessionId": "one", "maxResults": _EVENTS}
        _create(emulator, memory_id, "one", _EVENTS)
        kinds: dict[str, Callable[[], list[float]]] = {
            "the disk's fsync of 4 KB": lambda: _times(lambda: _fsync(state / "fsync"), count),
            _CREATE: lambda: _create(emulator, memory_id, "two", count),
            "CreateEvent by boto3": lambda: _times(lambda: client.create_event(memoryId=memory_id, **_event()), count),
            f"ListEvents of {_EVENTS}": lambda: _list(emulator, memory_id, count),
            f"ListEvents of {_EVENTS} by boto3": lambda: _times(lambda: client.list_events(**listed), count),
        }
        p50s: dict[str, list[float]] = {what: [] for what in kinds}
        together, rates = [], []
        for _ in range(effort.rounds):
            for what, measure in kinds.items():
                p50s[what].append(median(measure()))
            body = json.dumps(_event("many"))
            rate, times = flood(address(emulator), f"/memories/{memory_id}/events", _WRITERS, count, body)
            together.append(median(times))
            rates.append(rate)
        control.delete_memory(memoryId=memory_id)
    p50s[f"CreateEvent from {_WRITERS} connections"] = together
    rate = median(rates)
    return [
        *(_row(what, times) for what, times in p50s.items()),
        Row(
            f"CreateEvent from {_WRITERS} connections",
            f"{rate:,.0f} a second",
            spread(rates, "a second", 0),
            f"≥ {_RATE_AIM:,} a second",
            rate >= _RATE_AIM,
        ),
    ]


def _row(what: str, times: list[float]) -> Row:
    value = median(times)
    shown = Row(f"{what}, p50", f"{value:.2f} ms", spread(times, "ms", 2))
    if what != _CREATE:
        return shown
    return Row(shown.what, shown.value, shown.spread, f"≤ {_CREATE_AIM:.0f} ms", value <= _CREATE_AIM)


def _event(session: str = "three") -> dict[str, Any]:
    said = {"conversational": {"role": "USER", "content": {"text": "What is 14 + 34?"}}}
    return {"actorId": "actor", "sessionId": session, "eventTimestamp": time.time(), "payload": [said]}


def _create(emulator: EmulatorProcess, memory_id: str, session: str, count: int) -> list[float]:
    body = json.dumps(_event(session)).encode()
    return post(address(emulator), f"/memories/{memory_id}/events", count, body=body)


def _list(emulator: EmulatorProcess, memory_id: str, count: int) -> list[float]:
    body = json.dumps({"maxResults": _EVENTS}).encode()
    return post(address(emulator), f"/memories/{memory_id}/actor/actor/sessions/one", count, body=body)


def _fsync(file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(bytes(4096))
        opened.flush()
        os.fsync(opened.fileno())


def _times(work: Callable[[], Any], count: int) -> list[float]:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return times
