"""The Memory plane: AgentCore Memory's data plane and its control plane."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp

from agentcore_emulator.clock import Clock
from agentcore_emulator.config import RetrievalKind
from agentcore_emulator.errors import ServiceException
from agentcore_emulator.latency import Profile
from agentcore_emulator.memory.events import Events
from agentcore_emulator.memory.extraction import Extraction, Extractor, Rules
from agentcore_emulator.memory.memories import Memories
from agentcore_emulator.memory.project import ProjectMemory
from agentcore_emulator.memory.record_batches import RecordBatches
from agentcore_emulator.memory.records import Records
from agentcore_emulator.memory.retrieval.choice import choose
from agentcore_emulator.memory.retrieval.retrieve import Retrieval
from agentcore_emulator.memory.sessions import Sessions
from agentcore_emulator.memory.stream_delivery import Delivery
from agentcore_emulator.memory.tags import TaggedMemories
from agentcore_emulator.memory.transitions import delays
from agentcore_emulator.store import Store
from agentcore_emulator.store.answers import plain

__all__ = ["MemoryPlane"]

_Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class MemoryPlane:
    """What the app dispatches Memory operations to.

    Each handler takes the operation's parsed and validated input (member names of the botocore model, time stamps in
    seconds) and returns its output structure. Besides what each one says, all raise ServiceException (500) with one
    plain sentence when the state file fails them. `tagged` is what the tags of memories are found by. `delays_profile`
    says for how long memories are in transitional states, `retrieval` how records are found, and `extraction_delay` how
    many seconds of the clock after an event they are made of it. Raises `ProjectError` when `retrieval` needs what is
    not installed.
    """

    services: Sequence[str] = ("bedrock-agentcore", "bedrock-agentcore-control")
    tagged = TaggedMemories()

    def __init__(
        self,
        store: Store,
        clock: Clock,
        region: str,
        account: str,
        delays_profile: Profile = "none",
        retrieval: RetrievalKind = "text",
        *,
        extraction_delay: float = 0.0,
    ) -> None:
        memories = Memories(store, clock, region, account, delays(delays_profile))
        self.ensure_memory = ProjectMemory(store, clock, memories).ensure
        self._delivery = Delivery(store, clock)
        self._extraction = Extraction(store, clock, extraction_delay, kept=self._delivery.wake)
        events = Events(store, clock, self._extraction)
        sessions = Sessions(store, clock)
        records = Records(store, clock)
        batches = RecordBatches(store, clock)
        self._ranking = choose(retrieval, store)
        found = Retrieval(store, clock, self._ranking)
        handlers: dict[str, _Handler] = {
            "CreateMemory": self._delivered(memories.create_memory),
            "GetMemory": memories.get_memory,
            "ListMemories": memories.list_memories,
            "UpdateMemory": self._delivered(memories.update_memory),
            "DeleteMemory": memories.delete_memory,
            "CreateEvent": events.create_event,
            "GetEvent": events.get_event,
            "ListEvents": events.list_events,
            "DeleteEvent": events.delete_event,
            "ListActors": sessions.list_actors,
            "ListSessions": sessions.list_sessions,
            "GetMemoryRecord": records.get_memory_record,
            "ListMemoryRecords": self._settled(records.list_memory_records),
            "DeleteMemoryRecord": self._delivered(records.delete_memory_record),
            "BatchCreateMemoryRecords": self._delivered(batches.batch_create_memory_records),
            "BatchUpdateMemoryRecords": self._delivered(batches.batch_update_memory_records),
            "BatchDeleteMemoryRecords": self._delivered(batches.batch_delete_memory_records),
            "RetrieveMemoryRecords": self._settled(found.retrieve_memory_records),
            "IngestData": self._extraction.ingest_data,
            "ListMemoryExtractionJobs": self._extraction.list_memory_extraction_jobs,
            "StartMemoryExtractionJob": self._extraction.start_memory_extraction_job,
        }
        self.operations: Mapping[str, _Handler] = {
            name: plain(handler, ServiceException) for name, handler in handlers.items()
        }

    def _settled(self, handler: _Handler) -> _Handler:
        """The handler of an operation that reads records, which sees those of every event before it."""

        @functools.wraps(handler)
        async def handled(given: dict[str, Any]) -> dict[str, Any]:
            await self._extraction.settled(given["memoryId"])
            return await handler(given)

        return handled

    def _delivered(self, handler: _Handler) -> _Handler:
        """The handler of an operation that may have something for a memory's stream."""

        @functools.wraps(handler)
        async def handled(given: dict[str, Any]) -> dict[str, Any]:
            answer = await handler(given)
            self._delivery.wake()
            return answer

        return handled

    async def open(self) -> None:
        """Begin with what goes on in the background, but for extraction and delivery."""
        await self._ranking.open()

    def start(self, extractor: Extractor | None = None, app: ASGIApp | None = None) -> None:
        """Begin to make memory records of events, those of an earlier process first; by the rules for English, or so.

        And to deliver to other services what they are to get, by requests to `app`, which is the whole emulator;
        without it nothing is delivered. To be called within the event loop that the handlers are called in.
        """
        self._extraction.start(extractor or Rules(), app)
        if app is not None:
            self._delivery.start(app)

    async def close(self) -> None:
        """End all that. The store must be open still."""
        await self._extraction.close()
        await self._delivery.close()
        await self._ranking.close()
