"""Durable state: one SQLite file, one thread that writes to it, a few that read.

An acknowledged write is on disk. `Store.write` returns only after the COMMIT that holds the work has returned, and the
file is in WAL mode with `synchronous=FULL`, in which SQLite syncs the log at every COMMIT (sqlite.org, "PRAGMA
synchronous"). That sync is what a write costs, so the writer commits whatever has queued up during the last one in a
single transaction, with a SAVEPOINT around each work: one that fails takes nothing else with it.

Planes declare their tables on `metadata` when they are imported, which must be before a `Store` is opened.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DBAPIError

__all__ = ["SCHEMA_VERSION", "Store", "StoreError", "metadata"]

T = TypeVar("T")

#: Kept in the file as `PRAGMA user_version`. Raise it when a change makes older files unreadable.
SCHEMA_VERSION = 1

#: The tables of every plane.
metadata = MetaData()

_READERS = 4
# A bound on how long the first work of a group waits for the others.
_GROUP = 256
# For someone who has the file open in a `sqlite3` shell; the emulator's own connections never wait for each other.
_BUSY_SECONDS = 5.0

# What can go wrong with a file or its disk, by SQLite's primary result code, and what its owner can do about it. Every
# other error of SQLite's is a mistake in the statement that raised it.
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "close the other program that has it open",
    sqlite3.SQLITE_READONLY: "make it and its folder writable",
    sqlite3.SQLITE_IOERR: "see that its disk is sound",
    sqlite3.SQLITE_CORRUPT: "move it away to start with an empty one",
    sqlite3.SQLITE_FULL: "free some space on its disk",
    sqlite3.SQLITE_CANTOPEN: "make its folder writable",
    sqlite3.SQLITE_NOTADB: "move it away to start with an empty one",
}


class StoreError(Exception):
    """The state file cannot be used. The message is one sentence: what happened, to which file, what to do."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Store:
    """The state file at `url`: `sqlite:///` followed by an absolute path, taken literally.

    Opening creates the folder, the file and the tables of `metadata`, and takes the file for this process alone; it
    blocks for a few disk syncs. Raises `StoreError` when the folder cannot be written, when another emulator has the
    file, when it is damaged, is no state file, or was written by an emulator with another schema.
    """

    def __init__(self, url: str) -> None:
        self.path = Path(url.removeprefix("sqlite:///"))
        if not url.startswith("sqlite:///") or not self.path.is_absolute():
            raise ValueError(f"{url!r} is not sqlite:/// followed by an absolute path")
        _make_folder(self.path.parent)
        self._owner = _own(self.path)
        self._writing = _engine(self.path, _configure_writer, "BEGIN IMMEDIATE", pool_size=1)
        self._reading = _engine(self.path, _configure_reader, "BEGIN", pool_size=_READERS)
        try:
            self._create_tables()
        except BaseException:
            self._writing.dispose()
            self._owner.close()
            raise
        self._closing: asyncio.Future[None] | None = None
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon, so that an emulator which dies without closing its store can still exit.
        self._writer = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._writer.start()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader thread and return its result. All its statements see one state of the data.

        Raises what `work` raises, and `StoreError` when the file cannot be read or the store is closed.
        """
        self._refuse_when_closed()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the writer thread and return its result once that is on disk. `work` must not commit.

        A work that raises is rolled back, alone. A caller that is cancelled stops waiting, and its work is done all
        the same. Raises what `work` raises, and `StoreError` when it could not be made durable or the store is closed.
        """
        self._refuse_when_closed()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, done))
        return await done

    async def close(self) -> None:
        """Finish every write and read already asked for, then let the file go. Closing twice is allowed."""
        if self._closing is None:
            self._jobs.put(None)
            self._closing = asyncio.ensure_future(asyncio.to_thread(self._shut))
        # Shielded: the file is let go even if whoever asked for it gives up waiting.
        await asyncio.shield(self._closing)

    def _refuse_when_closed(self) -> None:
        if self._closing is not None:
            raise StoreError(f"The state file {self.path} is closed: the emulator is shutting down")

    def _create_tables(self) -> None:
        try:
            _inspect(self.path)
            with self._writing.begin() as connection:
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except (DBAPIError, sqlite3.Error) as error:
            if failure := _failure(self.path, error):
                raise failure from error
            raise

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection:
                return work(connection)
        except DBAPIError as error:
            if failure := _failure(self.path, error):
                raise failure from error
            raise

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
        try:
            with self._writing.connect() as connection:
                try:
                    outcomes = [_attempt(connection, job.work) for job in group]
                    connection.commit()
                except Exception:
                    # SQLAlchemy takes a failed COMMIT for the end of the transaction, for SQLite it is still open: the
                    # next group gets a new connection.
                    connection.invalidate()
                    raise
        except Exception as error:  # noqa: BLE001 - the callers get it, and the writer goes on
            outcomes = [_Outcome(error=error)] * len(group)
        return [_Outcome(o.result, o.error and (_failure(self.path, o.error) or o.error)) for o in outcomes]

    def _shut(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()
        # Last, because the last connection to close folds the log into the file.
        self._writing.dispose()
        self._owner.close()


def _attempt(connection: Connection, work: Callable[[Connection], Any]) -> _Outcome:
    """Run `work` inside a savepoint. Raises only when the whole transaction is lost."""
    connection.exec_driver_sql("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:
        if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            # A full disk or an I/O error makes SQLite roll back everything (sqlite.org, "Transactions", 4.1).
            raise
        connection.exec_driver_sql("ROLLBACK TO work")
        outcome = _Outcome(error=error)
    else:
        outcome = _Outcome(result)
    connection.exec_driver_sql("RELEASE work")
    return outcome


def _resolve(done: asyncio.Future[Any], outcome: _Outcome) -> None:
    if done.done():
        return  # Cancelled.
    if outcome.error is not None:
        done.set_exception(outcome.error)
    else:
        done.set_result(outcome.result)


def _failure(path: Path, error: Exception) -> StoreError | None:
    """What a file or a disk did, in words; None for an error that is not theirs."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    # The low byte is the primary result code, the rest says more about the same thing.
    remedy = _REMEDIES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    if remedy is None:
        return None
    failure = StoreError(f"The state file {path} cannot be used ({cause}): {remedy}")
    failure.__cause__ = error
    return failure


def _make_folder(folder: Path) -> None:
    """Create `folder`, and sync the folders that gained an entry: a file is as durable as the way to it."""
    missing = [entry for entry in (folder, *folder.parents) if not entry.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Only POSIX systems let a folder be opened for that.
        for entry in missing if os.name == "posix" else ():
            descriptor = os.open(entry.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"The state folder {folder} cannot be created ({error.strerror}): choose another one with --state-dir"
        ) from error


def _own(path: Path) -> sqlite3.Connection:
    """Take `path` for this process, until it closes what is returned or ends, in whatever way.

    The lock is that of a second, empty database beside the file: it works on every system that SQLite knows, a process
    that is killed cannot leave it behind, and one that this process forks does not inherit it.
    """
    try:
        lock = sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except BaseException:
            lock.close()
            raise
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StoreError(
                f"The state file {path} is in use by another emulator: "
                "stop that one, or choose another folder with --state-dir"
            ) from error
        if failure := _failure(path, error):
            raise failure from error
        raise
    return lock


def _inspect(path: Path) -> None:
    """Raise `StoreError` unless `path` is missing, empty, or a state file that this emulator can read."""
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as file:
        (version,) = file.execute("PRAGMA user_version").fetchone()
        (objects,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if objects and version != SCHEMA_VERSION:
        found = f"was written by an emulator with state version {version}, this one has {SCHEMA_VERSION}"
        raise StoreError(
            f"The file {path} {found if version else 'is not a state file'}: choose another folder with --state-dir"
        )


def _engine(path: Path, configure: Callable[[sqlite3.Connection], None], begin: str, *, pool_size: int) -> Engine:
    # isolation_level=None keeps the sqlite3 module from deciding by itself when to begin and to commit.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": _BUSY_SECONDS},
        pool_size=pool_size,
        max_overflow=0,
    )

    def connected(connection: sqlite3.Connection, _: object) -> None:
        configure(connection)

    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
    return engine


def _configure_writer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS fsync leaves data in the drive's cache; elsewhere this does nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _configure_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
