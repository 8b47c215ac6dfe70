"""State in a SQLite file.

The file is in WAL mode with `synchronous=FULL`, in which SQLite syncs the log at every COMMIT (sqlite.org, "PRAGMA
synchronous").
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from agentcore_emulator.store import schema
from agentcore_emulator.store.database import READERS, Database
from agentcore_emulator.store.errors import StoreError

__all__ = ["SQLite"]

# For someone who has the file open in a `sqlite3` shell; the emulator's own connections never wait for each other.
_BUSY_SECONDS = 5.0
_ELSEWHERE = "choose another folder with --state-dir"

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


class SQLite(Database):
    """The state file `path`. Opening creates the folder and the file where they are missing."""

    def __init__(self, path: Path, place: str) -> None:
        self.place = place
        self._path = path
        _make_folder(path.parent)
        self._owner = self._own()
        self.writing = self._engine(_configure_writer, "BEGIN IMMEDIATE", pool_size=1)
        self.reading = self._engine(_configure_reader, "BEGIN", pool_size=READERS)
        try:
            self._bring_up()
            # Opened here, so that what keeps it from being written to is told now.
            with self.explained():
                self.writing.connect().close()
        except BaseException:
            self.close()
            raise

    def failure(self, error: Exception) -> StoreError | None:
        """Also for errors of `sqlite3` itself."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        # The low byte is the primary result code, the rest says more about the same thing.
        remedy = _REMEDIES.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        if remedy is None:
            return None
        failure = StoreError(f"The {self.place} cannot be used ({cause}): {remedy}")
        failure.__cause__ = error
        return failure

    def in_transaction(self, connection: Connection) -> bool:
        """A full disk or an I/O error makes SQLite roll back everything (sqlite.org, "Transactions", 4.1)."""
        return bool(connection.connection.dbapi_connection.in_transaction)  # type: ignore[union-attr]

    def close(self) -> None:
        """Fold the log into the file, which the last connection does, and let it go."""
        self.reading.dispose()
        self.writing.dispose()
        self._owner.close()

    def _own(self) -> sqlite3.Connection:
        """Take the file for this process, until it closes what is returned or ends, in whatever way.

        The lock is that of a second, empty database beside the file: it works on every system that SQLite knows, a
        process that is killed cannot leave it behind, and one that this process forks does not inherit it.
        """
        try:
            lock = sqlite3.connect(f"{self._path}.lock", timeout=0, isolation_level=None, check_same_thread=False)
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except BaseException:
                lock.close()
                raise
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StoreError(
                    f"The {self.place} is in use by another emulator: stop that one, or {_ELSEWHERE}"
                ) from error
            if failure := self.failure(error):
                raise failure from error
            raise
        return lock

    def _bring_up(self) -> None:
        """Foreign keys are off meanwhile, since migrations put tables in other tables' places."""
        engine = self._engine(_configure_for_migration, "BEGIN IMMEDIATE", pool_size=1)
        try:
            with self.explained(), engine.begin() as connection:
                version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                schema.bring_up(connection, f"The {self.place}", _ELSEWHERE, user_version=version)
                if version != schema.SCHEMA_VERSION:
                    # By this, an emulator that knows no migrations sees that the file is not for it.
                    connection.exec_driver_sql(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        finally:
            engine.dispose()

    def _engine(self, configure: Callable[[sqlite3.Connection], None], begin: str, *, pool_size: int) -> Engine:
        # isolation_level=None keeps the sqlite3 module from deciding by itself when to begin and to commit.
        engine = create_engine(
            URL.create("sqlite", database=str(self._path)),
            connect_args={"isolation_level": None, "timeout": _BUSY_SECONDS},
            pool_size=pool_size,
            max_overflow=0,
        )

        def connected(connection: sqlite3.Connection, _: object) -> None:
            configure(connection)

        def do_begin(connection: sqlite3.Connection) -> None:
            connection.execute(begin)

        event.listen(engine, "connect", connected)
        # Not by the event "begin": with a listener for that, SQLAlchemy looks for others at every statement.
        engine.dialect.do_begin = do_begin  # type: ignore[method-assign,assignment]
        return engine


def _configure_writer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS fsync leaves data in the drive's cache; elsewhere this does nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _configure_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


def _configure_for_migration(connection: sqlite3.Connection) -> None:
    # The file stays in the mode in which it is: it may be somebody else's.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = OFF")


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
