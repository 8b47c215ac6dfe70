"""The one thread that writes.

The sync of a COMMIT is what a write costs, so the writer commits whatever has queued up during the last one in a single
transaction, with a SAVEPOINT around each work: one that fails takes nothing else with it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from agentcore_emulator.store.database import Database

__all__ = ["Writer"]

T = TypeVar("T")

# A bound on how long the first work of a group waits for the others.
_GROUP = 256


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Writer:
    """Does works on a database, in the order in which they are put."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon, so that an emulator which dies without closing its store can still exit.
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """The result of `work` once that is committed. It raises what `work` or the commit raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, done))
        return done

    def finish(self) -> None:
        """Take no more than what has been put."""
        self._jobs.put(None)

    def join(self) -> None:
        """Block until everything is done, after `finish`."""
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            for job, outcome in zip(group, self._commit(group), strict=True):
                # RuntimeError: the caller's event loop is closed, so nobody waits.
                with suppress(RuntimeError):
                    job.loop.call_soon_threadsafe(_resolve, job.done, outcome)

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take with it what has queued up behind it. The flag is False when no more will come."""
        group: list[_Job] = []
        while len(group) < _GROUP:
            try:
                job = self._jobs.get(block=not group)
            except queue.Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _commit(self, group: Sequence[_Job]) -> Sequence[_Outcome]:
        """Run a group's works in one transaction. What became of each, in order."""
        if not group:
            return []
        database = self._database
        try:
            with database.writing.connect() as connection:
                try:
                    connection.begin()
                    outcomes = [self._attempt(connection, job.work) for job in group]
                    connection.commit()
                except Exception:
                    # SQLAlchemy takes a failed COMMIT for the end of the transaction, for SQLite it is still open: the
                    # next group gets a new connection.
                    if not self._lost(connection):
                        connection.invalidate()
                    raise
        except Exception as error:  # noqa: BLE001 - the callers get it, and the writer goes on
            outcomes = [_Outcome(error=error)] * len(group)
        return [_Outcome(o.result, o.error and (database.failure(o.error) or o.error)) for o in outcomes]

    def _attempt(self, connection: Connection, work: Callable[[Connection], Any]) -> _Outcome:
        """Run `work` inside a savepoint. Raises only when the whole transaction is lost."""
        # By the driver itself: SQLAlchemy would take longer over these than the database does.
        driver: Any = connection.connection.driver_connection
        driver.execute("SAVEPOINT work")
        try:
            result = work(connection)
        except Exception as error:
            if self._lost(connection):
                raise
            driver.execute("ROLLBACK TO work")
            outcome = _Outcome(error=error)
        else:
            outcome = _Outcome(result)
        driver.execute("RELEASE work")
        return outcome

    def _lost(self, connection: Connection) -> bool:
        """Whether nothing is left of the transaction, as when the connection has broken or the disk is full."""
        return connection.invalidated or not self._database.in_transaction(connection)


def _resolve(done: asyncio.Future[Any], outcome: _Outcome) -> None:
    if done.done():
        return  # Cancelled.
    if outcome.error is not None:
        done.set_exception(outcome.error)
    else:
        done.set_result(outcome.result)
