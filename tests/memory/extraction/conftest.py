from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.memory.extraction import Extractor
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.store import Store

STRATEGIES: Sequence[dict[str, Any]] = (
    {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}},
    {"userPreferenceMemoryStrategy": {"name": "Likes", "namespaceTemplates": ["/likes/{actorId}/"]}},
    {"summaryMemoryStrategy": {"name": "Summary", "namespaceTemplates": ["/summary/{actorId}/{sessionId}/"]}},
    {
        "episodicMemoryStrategy": {
            "name": "Episodes",
            "namespaceTemplates": ["/episodes/{actorId}/{sessionId}/"],
            "reflectionConfiguration": {"namespaceTemplates": ["/episodes/{actorId}/"]},
        }
    },
)


class Bench:
    """A Memory plane over a state file of the test's, and short ways to talk to it."""

    def __init__(self, file: Path, clock: Clock, delay: float = 0.0) -> None:
        self.clock = clock
        self.store = Store(f"sqlite:///{file}")
        self.plane = MemoryPlane(self.store, clock, "us-east-1", "123456789012", extraction_delay=delay)
        self.memory = ""

    def start(self, extractor: Extractor | None = None) -> None:
        self.plane.start(extractor)

    async def create(self, *strategies: dict[str, Any], name: str = "notes", **more: Any) -> str:
        """Make a memory, which `call` is about from then on."""
        given = {"name": name, "eventExpiryDuration": 7, "memoryStrategies": list(strategies), **more}
        self.memory = (await self.plane.operations["CreateMemory"](given))["memory"]["id"]
        return self.memory

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        return await self.plane.operations[operation]({"memoryId": self.memory, **given})

    async def say(self, *texts: str, actor: str = "ada", session: str = "s", **more: Any) -> dict[str, Any]:
        """One event with these messages: the user's, or the assistant's after "A: "."""
        payload = [
            {"conversational": {"role": message.role, "content": {"text": message.text}}} for message in spoken(*texts)
        ]
        given = {"actorId": actor, "sessionId": session, "eventTimestamp": self.clock.time(), "payload": payload}
        event: dict[str, Any] = (await self.call("CreateEvent", **{**given, **more}))["event"]
        return event

    async def records(self, path: str = "/", **more: Any) -> list[dict[str, Any]]:
        """The records below a path, the oldest first."""
        listed = await self.call("ListMemoryRecords", namespacePath=path, maxResults=100, **more)
        records: list[dict[str, Any]] = listed["memoryRecordSummaries"]
        return records[::-1]

    async def texts(self, path: str = "/") -> list[str]:
        return [record["content"]["text"] for record in await self.records(path)]

    async def failed(self, **narrowed: Any) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = (await self.call("ListMemoryExtractionJobs", **narrowed))["jobs"]
        return jobs

    async def close(self) -> None:
        await self.plane.close()
        await self.store.close()


def spoken(*texts: str) -> list[Message]:
    """Messages of the user, or the assistant's after "A: "."""
    return [Message("ASSISTANT", text[3:]) if text.startswith("A: ") else Message("USER", text) for text in texts]


Open = Callable[..., Bench]


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen=True)


@pytest.fixture
async def open_bench(tmp_path: Path, clock: Clock) -> AsyncIterator[Open]:
    """`open_bench(delay=0.0)` opens the state file anew; what is open at the end is closed then."""
    opened: list[Bench] = []

    def make(delay: float = 0.0) -> Bench:
        opened.append(Bench(tmp_path / "state.db", clock, delay))
        return opened[-1]

    yield make
    for bench in opened:
        await bench.close()


@pytest.fixture
def bench(open_bench: Open) -> Bench:
    """A plane whose worker has not been started."""
    return open_bench()


@pytest.fixture
def messages() -> Callable[..., list[Message]]:
    return spoken


@pytest.fixture
def strategies() -> Sequence[dict[str, Any]]:
    """One of each type, by CreateMemory's `MemoryStrategyInput`."""
    return STRATEGIES
