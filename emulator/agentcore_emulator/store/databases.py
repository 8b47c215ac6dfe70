"""From a URL to the database that it names."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from agentcore_emulator.config import SQLITE_URL, store_url
from agentcore_emulator.store.database import Database
from agentcore_emulator.store.sqlite import SQLite

__all__ = ["open_database", "place"]

# A database has the tables of every plane, whichever of them this process has to do with.
_TABLES: Final = ("agentcore_emulator.memory.tables", "agentcore_emulator.runtime.control.tables")


def open_database(url: str) -> Database:
    """The database at `url`, a URL as `config.store_url` has it, made ready and held until it is closed.

    An older one is brought up to this version of the tables, an empty one gets them. Blocks for as long as that takes.
    Raises ValueError for another URL, and `StoreError` when the place cannot be used, when another emulator has it,
    when something else is in it, or it was written by an emulator with newer tables.
    """
    store_url(url)
    for module in _TABLES:
        importlib.import_module(module)
    if url.startswith(SQLITE_URL):
        return SQLite(Path(url.removeprefix(SQLITE_URL)), place(url))
    # Whoever keeps state in a file need not have its driver, nor wait for it to be imported.
    from agentcore_emulator.store.postgresql import PostgreSQL

    return PostgreSQL(_parsed(url), place(url))


def place(url: str) -> str:
    """In words, without a password, which file or database a URL means. Raises ValueError as `open_database` does."""
    if url.startswith(SQLITE_URL):
        return f"state file {url.removeprefix(SQLITE_URL)}"
    parsed = _parsed(url)
    host = parsed.query.get("host", parsed.host) or "this machine"
    where = host if isinstance(host, str) else ", ".join(host)
    return f"database {parsed.database} at {where}{f':{parsed.port}' if parsed.port else ''}"


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Not the parser's words, which may have a password in them.
        raise ValueError("the store's URL is not postgresql+psycopg://user:password@host:port/database") from None
