"""What the store asks of a database, of whichever kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from agentcore_emulator.store.errors import StoreError

__all__ = ["READERS", "Database"]

#: How many connections there are to read with; one is there to write with.
READERS = 4


class Database(ABC):
    """A place for state that this process has for itself, with the tables of `metadata` in it.

    `place` says in words which it is. A transaction of `writing` is on disk when its COMMIT has returned, one of
    `reading` sees a single state of the data and cannot write.
    """

    place: str
    writing: Engine
    reading: Engine

    @abstractmethod
    def failure(self, error: Exception) -> StoreError | None:
        """What the place did, in words; None for an error that is a mistake in a statement."""

    @abstractmethod
    def in_transaction(self, connection: Connection) -> bool:
        """Whether the database has a transaction open on `connection`, which is not invalidated."""

    @abstractmethod
    def close(self) -> None:
        """Let the place go."""

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of the body come out as `StoreError` if they are the place's."""
        try:
            yield
        except DBAPIError as error:
            if failure := self.failure(error):
                raise failure from error
            raise

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A connection to read with. Raises `StoreError` when that is not possible."""
        with self.explained(), self.reading.connect() as connection:
            yield connection

    @contextmanager
    def writer(self) -> Iterator[Connection]:
        """A transaction to write in, committed unless the body raises. Raises `StoreError` when that fails.

        Not for use beside a `Store`, which has the one connection that writes.
        """
        with self.explained(), self.writing.begin() as connection:
            yield connection
