"""The operations that feed the backlog and show it, and what the rest of the Memory plane needs of extraction."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException
from agentcore_emulator.memory import memories
from agentcore_emulator.memory.extraction import jobs
from agentcore_emulator.memory.extraction.worker import Worker
from agentcore_emulator.memory.tables import DAY, extraction_jobs, ingestions, milliseconds, strategies
from agentcore_emulator.memory.times import moment
from agentcore_emulator.memory.transitions import refuse_while_busy
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["Extraction"]

# For how long a repeated clientToken of an ingestion is recognized; AWS does not say.
_REMEMBERED = DAY
_PAGE = 20


class Extraction:
    """IngestData, ListMemoryExtractionJobs and StartMemoryExtractionJob of bedrock-agentcore, over one worker.

    A job is due `delay` seconds of the clock after its event, and `kept` is called when one is done. Results are the
    output structures of the botocore model. All operations take the memory's id or ARN, and raise ValidationException
    when `memoryId` is neither and ResourceNotFoundException when there is no such memory.
    """

    def __init__(self, store: Store, clock: Clock, delay: float, *, kept: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._delay = milliseconds(delay)
        self._worker = Worker(store, clock, kept)
        self.start = self._worker.start
        self.close = self._worker.close
        self.wake = self._worker.wake
        self.settled = self._worker.settled

    def enqueue(
        self,
        connection: Connection,
        memory: Row[Any],
        given: Mapping[str, Any],
        *,
        event_id: str | None,
        timestamp: int,
        now: int,
    ) -> bool:
        """Note what is to be extracted, as `jobs.enqueue` does. If it is True, call `wake` after the commit."""
        return jobs.enqueue(
            connection, memory, given, event_id=event_id, timestamp=timestamp, now=now, delay=self._delay
        )

    async def ingest_data(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"sessionId"}`, a UUID unless it was given. Makes no event, and nothing of it is kept but the records.

        A clientToken of the last day gives the session of the ingestion that had it, and nothing is extracted again.
        Raises ValidationException for a time stamp that cannot be, and while the memory is being created or deleted.
        """
        new = {
            **given,
            "sessionId": given.get("sessionId") or str(uuid.uuid4()),
            "payload": given["source"]["inline"]["payload"],
        }
        timestamp = moment("contentTimestamp", given["contentTimestamp"])
        now = milliseconds(self._clock.time())

        def ingest(connection: Connection) -> tuple[str, bool]:
            memory = memories.find(connection, given["memoryId"], now)
            refuse_while_busy(memory, now, "IngestData", "ingest data", allowed=("ACTIVE", "UPDATING"))
            connection.execute(delete(ingestions).where(ingestions.c.forget_at <= now))
            if token := resource_ids.token_digest(given):
                same = (ingestions.c.memory_key == memory.key, ingestions.c.token == token)
                if (known := connection.execute(select(ingestions.c.session_id).where(*same)).scalar()) is not None:
                    return str(known), False
                values = {"memory_key": memory.key, "token": token, "session_id": new["sessionId"]}
                connection.execute(insert(ingestions).values(**values, forget_at=now + _REMEMBERED))
            return new["sessionId"], self.enqueue(connection, memory, new, event_id=None, timestamp=timestamp, now=now)

        session_id, waiting = await self._store.write(ingest)
        if waiting:
            self.wake()
        return {"sessionId": session_id}

    async def list_memory_extraction_jobs(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"jobs": [ExtractionJobMetadata], "nextToken"?}`: those that failed, the newest first.

        AWS documents no order. Raises ValidationException for a token that another listing gave.
        """
        await self.settled(given["memoryId"])
        now = milliseconds(self._clock.time())
        return await self._store.read(functools.partial(_list, given=given, now=now))

    async def start_memory_extraction_job(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"jobId"}`: does a job that failed again, and before it those of its session that failed earlier.

        "When earlier extraction attempts have left events unprocessed, this job will pick up and extract those as well"
        (botocore model). One that waits already goes on waiting. Raises ResourceNotFoundException when there is no such
        job, or not any more because it is done.
        """
        now = milliseconds(self._clock.time())

        def start(connection: Connection) -> None:
            memory = memories.find(connection, given["memoryId"], now)
            job_id = given["extractionJob"]["jobId"]
            named = (extraction_jobs.c.memory_key == memory.key, extraction_jobs.c.id == job_id)
            job = connection.execute(select(extraction_jobs).where(*named)).first()
            if job is None:
                raise ResourceNotFoundException(f"Extraction job not found: {job_id}")
            if job.status == jobs.FAILED:
                again = update(extraction_jobs).where(
                    extraction_jobs.c.strategy_key == job.strategy_key,
                    extraction_jobs.c.actor_id == job.actor_id,
                    extraction_jobs.c.session_id == job.session_id,
                    extraction_jobs.c.status == jobs.FAILED,
                    extraction_jobs.c.key <= job.key,
                )
                connection.execute(again.values(status=jobs.STARTED, failure_reason=None, due_at=now))

        await self._store.write(start)
        self.wake()
        return {"jobId": given["extractionJob"]["jobId"]}


def _list(connection: Connection, given: Mapping[str, Any], now: int) -> dict[str, Any]:
    memory = memories.find(connection, given["memoryId"], now)
    narrowed: Mapping[str, str] = given.get("filter", {})
    listing = Listing("ListMemoryExtractionJobs", memory.id, narrowed)
    size = given.get("maxResults", _PAGE)
    query = (
        select(extraction_jobs, strategies.c.id.label("strategy_id"))
        .join(strategies, strategies.c.key == extraction_jobs.c.strategy_key)
        # The only status that the model lets anybody ask for.
        .where(extraction_jobs.c.memory_key == memory.key, extraction_jobs.c.status == jobs.FAILED)
        .order_by(extraction_jobs.c.key.desc())
        .limit(size + 1)
    )
    columns = {
        "strategyId": strategies.c.id,
        "sessionId": extraction_jobs.c.session_id,
        "actorId": extraction_jobs.c.actor_id,
    }
    query = query.where(*(column == narrowed[name] for name, column in columns.items() if name in narrowed))
    if position := listing.position(given.get("nextToken")):
        query = query.where(extraction_jobs.c.key < int(position))
    rows = connection.execute(query).all()
    return {"jobs": [_shown(row) for row in rows[:size]], **listing.continued(rows, size, "key")}


def _shown(row: Row[Any]) -> dict[str, Any]:
    """The model's `ExtractionJobMetadata`. What was ingested has no events to name."""
    named = [message for message in row.messages if "eventId" in message]
    return {
        "jobID": row.id,
        "messages": {"messagesList": [{name: one[name] for name in ("eventId", "messageIndex")} for one in named]},
        "status": row.status,
        "failureReason": row.failure_reason,
        "strategyId": row.strategy_id,
        "sessionId": row.session_id,
        "actorId": row.actor_id,
    }
