"""Works the backlog off, beside everything else that the emulator does.

Nobody waits for it when writing: CreateEvent answers as soon as its event and its jobs are on disk. Whoever reads
records waits until the jobs of that memory are done which are due by then (`settled`). So with a delay of 0 the records
of an event are there for the first request after it, and the SDK's `wait_for_memories` returns at once; and what takes
its time, a model for example, holds up nobody but those who ask.

Jobs are done in order for each actor and strategy, since later ones change what earlier ones have found, and at the
same time otherwise.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Row
from starlette.types import ASGIApp

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import strategies
from agentcore_emulator.memory.extraction import episodes, jobs, keeping, messages, self_managed
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure, Extractor, Known, Memo, Recall, Work
from agentcore_emulator.memory.extraction.jobs import Task
from agentcore_emulator.memory.rounds import Rounds
from agentcore_emulator.memory.tables import milliseconds
from agentcore_emulator.store import Store, StoreError

__all__ = ["Worker"]

_log = logging.getLogger(__name__)

# Seconds that the jobs take which are looked up at once: to look is dear when there are many, and a memory that gets
# its first job meanwhile has to wait.
_PACE = 0.5
_MOST = 1_024
# Seconds for which a reader waits.
_PATIENCE = 10.0


class Worker:
    """Does the jobs of all memories with one extractor, and calls `kept` after each. Nothing is done before `start`."""

    _extractor: Extractor
    _app: ASGIApp | None

    def __init__(self, store: Store, clock: Clock, kept: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._kept = kept
        self._rounds = Rounds(clock, "memory extraction", self._round, self._stepped)
        self._step = asyncio.Event()
        self._ahead = 1
        self.wake = self._rounds.wake
        self.close = self._rounds.close

    def start(self, extractor: Extractor, app: ASGIApp | None = None) -> None:
        """Begin with what an earlier process has left. Through `app` the jobs of self-managed strategies go out."""
        self._extractor = extractor
        self._app = app
        self._rounds.start()

    async def settled(self, memory_id: str) -> None:
        """Wait until the memory with this id or ARN has no job that is due, but not longer than ten seconds."""
        if not self._rounds.busy:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while self._rounds.busy:
                    step = self._step
                    due = functools.partial(jobs.pending, memory_id=memory_id, now=self._now())
                    if not await self._store.read(due):
                        return
                    await step.wait()

    def _now(self) -> int:
        return milliseconds(self._clock.time())

    async def _round(self, now: int) -> int | None:
        most = max(self._ahead, self._extractor.concurrency)
        batch, next_due = await self._store.read(functools.partial(jobs.due, now=now, most=most))
        if not batch:
            return next_due
        began = self._clock.monotonic()
        await self._do_all(batch)
        quick = self._clock.monotonic() - began < _PACE
        self._ahead = min(2 * most, _MOST) if quick else most // 2
        return now

    def _stepped(self) -> None:
        self._step.set()
        self._step = asyncio.Event()

    async def _do_all(self, batch: Sequence[Row[Any]]) -> None:
        lanes: dict[tuple[int, str], list[str]] = {}
        for job in batch:
            lanes.setdefault((job.strategy_key, job.actor_id), []).append(job.id)
        places = asyncio.Semaphore(self._extractor.concurrency)

        async def do(ids: Sequence[str]) -> None:
            async with places:
                for job_id in ids:
                    if self._rounds.running:
                        await self._do(job_id)
                        self._stepped()

        # All of them to their ends, also when the state file fails one.
        outcomes = await asyncio.gather(*(do(ids) for ids in lanes.values()), return_exceptions=True)
        for failure in filter(None, outcomes):
            raise failure

    async def _do(self, job_id: str) -> None:
        # Read on the store's thread: what an application stores can be large.
        loaded = await self._store.read(functools.partial(_load, job_id=job_id))
        if loaded is None:
            return
        task, said = loaded
        if task.kind is None and task.job.status != jobs.STARTED:
            await self._store.write(functools.partial(self_managed.wait, job_id=job_id, now=self._now()))
            return
        if task.kind == "EPISODIC" and task.job.status == jobs.PENDING and not episodes.over(said):
            due_at = self._now() + episodes.IDLE
            await self._store.write(lambda c: jobs.postpone(c, task.ids, due_at))
            return
        try:
            if task.kind is None:
                await self._deliver(task)
            else:
                memos = await self._extract(task, task.kind, said)
                await self._store.write(functools.partial(_done, task=task, memos=memos, now=self._now()))
                self._kept()
            return
        except StoreError:
            raise
        except ExtractionFailure as error:
            reason = str(error)
            _log.error("%s: %s", _failed(task), reason)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
            what = "delivery" if task.kind is None else "extractor"
            reason = f"The {what} failed with {type(error).__name__}; the emulator's log says where"
            _log.exception("%s", _failed(task))
        await self._store.write(lambda c: jobs.fail(c, task.ids, reason))

    async def _deliver(self, task: Task) -> None:
        if self._app is None:
            raise ExtractionFailure("Nothing was delivered: the Memory plane was started without the emulator's app")
        # Its HTTP client takes a tenth of a second to import.
        from agentcore_emulator.memory.extraction.self_managed.delivery import deliver

        parcel = await self._store.read(functools.partial(self_managed.pack, task=task, now=self._now()))
        if parcel is not None:
            await deliver(self._app, parcel)
            await self._store.write(lambda c: jobs.finish(c, task.ids))

    async def _extract(self, task: Task, kind: str, said: Sequence[messages.Message]) -> Sequence[Memo]:
        if not said:
            return []
        return await self._extractor.extract(
            Work(
                kind=kind,
                strategy=task.strategy,
                reflects=strategies.reflection_template(task.strategy) is not None,
                inferred=keeping.inferred(task, reflections=False),
                inferred_of_reflections=keeping.inferred(task, reflections=True),
                actor_id=task.job.actor_id,
                session_id=task.job.session_id,
                messages=said,
                recall=self._recall(task),
            )
        )

    def _recall(self, task: Task) -> Recall:
        async def recall(prefix: str = "", *, reflections: bool = False, limit: int = 50) -> Sequence[Known]:
            return await self._store.read(
                lambda c: keeping.known(c, task, prefix, reflections=reflections, limit=limit)
            )

        return recall


def _load(connection: Connection, job_id: str) -> tuple[Task, Sequence[messages.Message]] | None:
    task = jobs.load(connection, job_id)
    if task is None:
        return None
    # A pipeline of the user's own gets what was said as it was said.
    return task, [] if task.kind is None else messages.read(task.messages)


def _done(connection: Connection, task: Task, memos: Sequence[Memo], now: int) -> None:
    if jobs.finish(connection, task.ids):
        keeping.keep(connection, task, memos, now)


def _failed(task: Task) -> str:
    job = task.job
    return (
        f"Extraction job {job.id} of the strategy {task.strategy['id']} failed (actor {job.actor_id}, session "
        f"{job.session_id}); StartMemoryExtractionJob tries it again"
    )
