"""The tables of every plane, and which version of them a database has."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from agentcore_emulator.store.errors import StoreError

__all__ = ["SCHEMA_VERSION", "bring_up", "metadata", "versions"]

_log = logging.getLogger(__name__)

#: The newest revision in `migrations/versions`. A change of the tables is a new revision.
SCHEMA_VERSION: Final = 4

#: The tables of every plane.
metadata = MetaData()

#: Alembic's own, as it would make it, under a name by which a database is known to be an emulator's.
versions = Table(
    "agentcore_emulator_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="agentcore_emulator_version_pkc"),
)

# What files have that were written before there was the table of versions, besides the user_version 1.
_FIRST: Final = frozenset({"branches", "events", "memories", "sessions"})


def bring_up(connection: Connection, place: str, elsewhere: str, *, user_version: int = 0) -> None:
    """See to it that the database has this version of the tables, within the transaction that `connection` is in.

    `place` and `elsewhere` are the words for the database and for how to choose another one; `user_version` is
    SQLite's. Raises `StoreError`, with the database as it was, when there are tables of another program in it or newer
    ones.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        # Quicker than the way through all versions, and a test holds that it leads to the same.
        metadata.create_all(connection)
        _mark(connection, SCHEMA_VERSION)
        return
    known = versions.name in names
    if known:
        version = int(connection.execute(select(versions.c.version_num)).scalar_one())
    elif user_version == 1 and names >= _FIRST:
        version = 1
    else:
        raise StoreError(f"{place} is not one with an emulator's state: {elsewhere}")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{place} was written by an emulator with state version {version}, this one has {SCHEMA_VERSION}: "
            f"install a newer one, or {elsewhere}"
        )
    if version < SCHEMA_VERSION:
        # Importing Alembic takes longer than opening the database does.
        from agentcore_emulator.store.migrations import upgrade

        if not known:
            _mark(connection, version)
        upgrade(connection)
        # For what planes make besides their tables, such as an index that only one kind of database has.
        metadata.create_all(connection)
        _log.info("%s is brought from version %d to version %d", place, version, SCHEMA_VERSION)


def _mark(connection: Connection, version: int) -> None:
    versions.create(connection)
    connection.execute(versions.insert().values(version_num=str(version)))
