from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from agentcore_emulator.app import Handler, make_app
from agentcore_emulator.clock import Clock
from agentcore_emulator.latency import Latency, profile


class Recorder(Clock):
    """A clock on which no pause takes any time."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_a_cold_call_takes_what_both_pauses_of_it_take() -> None:
    clock = Recorder()
    v1, v2 = Latency(clock).agent("V1"), Latency(clock).agent("V2")
    for agent, cold, warm in ((v1, 1.7, 0.180), (v2, 1.169, 0.152)):
        clock.pauses.clear()
        await agent.invocation()
        assert sum(clock.pauses) == warm
        await agent.start()
        assert sum(clock.pauses) == pytest.approx(cold, abs=0.001)


class Memory:
    services: Sequence[str] = ("bedrock-agentcore",)

    def __init__(self, handler: Handler) -> None:
        self.operations: Mapping[str, Handler] = {"ListActors": handler, "CreateEvent": handler}


async def test_reads_of_memory_pause_and_writes_do_not() -> None:
    async def answer(_: dict[str, Any]) -> Mapping[str, Any]:
        return {}

    clock = Recorder()
    app = make_app(
        planes=[Memory(answer)],
        streaming={},
        passthrough=None,
        region="us-east-1",
        allow_host=(),
        admin=Starlette(),
        latency=Latency(clock),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as caller:
        event = {"actorId": "a", "eventTimestamp": 1, "payload": []}
        assert (await caller.post("/memories/notes-0123456789/events", json=event)).status_code == 201
        assert clock.pauses == []
        assert (await caller.post("/memories/notes-0123456789/actors", json={})).status_code == 200
        assert clock.pauses == [0.3]


def test_profiles_have_names() -> None:
    assert profile("observed") == "observed"
    assert profile("none") == "none"
    with pytest.raises(ValueError, match="'slow' is not one of none, observed"):
        profile("slow")
