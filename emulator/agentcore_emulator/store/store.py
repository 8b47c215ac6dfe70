"""The store: what planes read and write through, without their event loop ever waiting for a disk.

An acknowledged write is durable. `Store.write` returns only after the COMMIT that holds the work has returned, which
is when the database has it on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from agentcore_emulator.store.database import READERS
from agentcore_emulator.store.databases import open_database
from agentcore_emulator.store.errors import StoreError
from agentcore_emulator.store.writer import Writer

__all__ = ["Store"]

T = TypeVar("T")


class Store:
    """The state at `url`, for this process alone, with the tables of `metadata`. Raises what `open_database` raises.

    `sqlite:///` and an absolute path, taken literally, is a file; `postgresql+psycopg://` a database of a server. While
    that server is away every read and write raises `StoreError`, and the first one after its return is done as usual.
    """

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self.place = self._database.place
        """Which file or database it is, in words, without a password."""
        self._closing: asyncio.Future[None] | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer = Writer(self._database)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader thread and return its result. All its statements see one state of the data.

        Raises what `work` raises, and `StoreError` when the data cannot be read or the store is closed.
        """
        self._refuse_when_closed()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the writer thread and return its result once that is on disk. `work` must not commit.

        A work that raises is rolled back, alone. A caller that is cancelled stops waiting, and its work is done all
        the same. Raises what `work` raises, and `StoreError` when it could not be made durable or the store is closed.
        """
        self._refuse_when_closed()
        return await self._writer.put(work)

    async def close(self) -> None:
        """Finish every write and read already asked for, then let the state go. Closing twice is allowed."""
        if self._closing is None:
            self._writer.finish()
            self._closing = asyncio.ensure_future(asyncio.to_thread(self._shut))
        # Shielded: the state is let go even if whoever asked for it gives up waiting.
        await asyncio.shield(self._closing)

    def _refuse_when_closed(self) -> None:
        if self._closing is not None:
            raise StoreError(f"The {self.place} is closed: the emulator is shutting down")

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._database.reader() as connection:
            return work(connection)

    def _shut(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        self._database.close()
