from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, text

from agentcore_emulator.store import Store


class Gate:
    """A work that holds its thread until it is opened, so that whatever is written meanwhile becomes one group."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self._loop.call_soon_threadsafe(self.entered.set)
        self._open.wait()

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def make_gate() -> Callable[[], Gate]:
    return Gate


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """One with a table `note` of unique texts."""
    store = Store(store_url)
    await store.write(lambda c: c.execute(text("CREATE TABLE note (text TEXT UNIQUE NOT NULL)")).rowcount)
    yield store
    await store.close()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def stored(store_url: str) -> Callable[[], list[str]]:
    """The notes that another process would find."""

    def found() -> list[str]:
        with _connected(store_url) as connection:
            return list(connection.execute(text("SELECT text FROM note ORDER BY text")).scalars())

    return found
