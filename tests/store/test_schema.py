"""Which version of the tables a database has, and its way to this one."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, select, text

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane, tables
from agentcore_emulator.runtime.control import tables as control_tables
from agentcore_emulator.store import SCHEMA_VERSION, Store, StoreError, metadata, migrations, schema

if TYPE_CHECKING:
    from tests.conftest import PostgreSQLServer

FIRST = (Path(__file__).parent / "version_1.sql").read_text("utf-8")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of an emulator that knew no migrations: a memory of 30 days, with two events of which one has metadata."""
    file = tmp_path / "state.db"
    with closing(sqlite3.connect(file)) as old:
        old.executescript(FIRST)
    return file


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A transaction."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def other_url(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> str:
    """A second place, of the same kind of database as `store_url`."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'other.db'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    return server.new_place()


@pytest.fixture
def folder(tmp_path: Path) -> None:
    """That of `store_url`."""
    (tmp_path / "state").mkdir()


def described(connection: Connection) -> dict[str, Any]:
    """All that the database says about its tables, apart from the order in which it says it."""
    found = inspect(connection)
    # The one thing that SQLAlchemy does not read back.
    numbered = text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
    never_again = connection.execute(numbered).scalars().all() if connection.dialect.name == "sqlite" else ()
    return {
        name: {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)),
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "keys are used again": name not in never_again,
            "foreign keys": sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"], str(key["options"]))
                for key in found.get_foreign_keys(name)
            ),
            "unique": sorted(key["column_names"] for key in found.get_unique_constraints(name)),
            "indexes": sorted((str(i["name"]), i["column_names"], i["unique"]) for i in found.get_indexes(name)),
        }
        for name in found.get_table_names()
    }


def differences(connection: Connection) -> list[Any]:
    """Of the database from the tables that planes have declared."""
    context = MigrationContext.configure(connection, opts={"version_table": schema.versions.name})
    return list(compare_metadata(context, metadata))


def test_the_newest_migration_is_this_version() -> None:
    with connected("sqlite://") as connection:
        heads = ScriptDirectory.from_config(migrations.config(connection)).get_heads()
    assert heads == [str(SCHEMA_VERSION)]


@pytest.mark.usefixtures("folder")
def test_the_migrations_lead_to_the_tables_of_the_planes(store_url: str) -> None:
    assert tables.memories.metadata is control_tables.runtimes.metadata is metadata
    with connected(store_url) as connection:
        migrations.upgrade(connection)
        assert differences(connection) == []


@pytest.mark.usefixtures("folder")
def test_what_is_migrated_and_what_is_new_are_the_same(store_url: str, other_url: str) -> None:
    with connected(store_url) as old, connected(other_url) as new:
        migrations.upgrade(old, "1")
        schema.bring_up(old, "The place", "choose another")
        schema.bring_up(new, "The place", "choose another")
        assert described(old) == described(new)


def test_the_first_migration_is_what_old_files_have(file: Path, tmp_path: Path) -> None:
    with connected(f"sqlite:///{tmp_path / 'other.db'}") as made, connected(f"sqlite:///{file}") as old:
        migrations.upgrade(made, "1")
        made.execute(text(f"DROP TABLE {schema.versions.name}"))
        assert described(old) == described(made)


async def test_an_old_file_goes_on_with_all_that_is_in_it(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "agentcore_emulator")
    store = Store(f"sqlite:///{file}")
    assert f"The state file {file} is brought from version 1 to version {SCHEMA_VERSION}" in caplog.messages
    plane = MemoryPlane(store, Clock(), "us-east-1", "123456789012")
    shown = (await plane.operations["GetMemory"]({"memoryId": "notes-Ab12345678"}))["memory"]
    assert (shown["name"], shown["eventExpiryDuration"], shown["description"]) == ("notes", 30, "d")
    assert shown["createdAt"] == shown["updatedAt"] == 1767225600.0
    place = {"memoryId": "notes-Ab12345678", "actorId": "ada", "sessionId": "s"}
    events = (await plane.operations["ListEvents"](place))["events"]
    assert [event["payload"] for event in events] == [[{"blob": {"n": 2}}], [{"blob": "é"}]]
    left = {"metadataKey": "topic"}
    sought = {"left": left, "operator": "EQUALS_TO", "right": {"metadataValue": {"stringValue": "tea"}}}
    found = (await plane.operations["ListEvents"]({**place, "filter": {"eventMetadata": [sought]}}))["events"]
    assert [event["eventId"] for event in found] == ["0000001767225600001#0000000a"]
    assert found[0]["metadata"] == {"topic": {"stringValue": "tea"}, "mood": {"stringValue": ""}}

    def kept(connection: Connection) -> list[Any]:
        indexed = connection.execute(select(tables.event_metadata).order_by(tables.event_metadata.c.name)).all()
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        return [tuple(row) for row in indexed] + [tuple(row) for row in broken]

    assert await store.read(kept) == [(1, "mood", ""), (1, "topic", "tea")]
    # Deleting still takes with it what belongs to a memory.
    await plane.operations["DeleteMemory"]({"memoryId": "notes-Ab12345678"})
    assert await store.read(lambda c: c.execute(select(tables.events.c.key)).all()) == []
    await store.close()


async def test_a_file_is_migrated_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    await Store(f"sqlite:///{file}").close()
    caplog.clear()
    caplog.set_level("INFO", "agentcore_emulator")
    await Store(f"sqlite:///{file}").close()
    assert caplog.messages == []


async def test_an_emulator_without_migrations_sees_that_the_file_is_not_for_it(file: Path) -> None:
    await Store(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as migrated:
        assert migrated.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


OPEN = """
import os, sys
import agentcore_emulator.memory
from agentcore_emulator.store import Store
"""


def ended(script: str, file: Path) -> int:
    return subprocess.run([sys.executable, "-c", OPEN + script, file], capture_output=True, check=False).returncode


def test_opening_a_file_of_this_version_imports_no_alembic(file: Path) -> None:
    opening = "Store('sqlite:///' + sys.argv[1])\nsys.exit('alembic' in sys.modules)"
    assert ended(opening, file) == 1  # It had to be migrated.
    assert ended(opening, file) == 0


KILLING = """
from alembic import op
from sqlalchemy import event
from sqlalchemy.engine import Engine
statements = 0

def count(*_):
    global statements
    statements += 1
    if statements == int(os.environ["KILL_AFTER"]):
        os.kill(os.getpid(), 9)

event.listen(Engine, "before_cursor_execute", count)
Store('sqlite:///' + sys.argv[1])
"""


def test_a_migration_that_is_killed_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(file)) as old:
        before = list(old.iterdump())
    killed = 0
    for statement in range(1, 500, 4):
        monkeypatch.setenv("KILL_AFTER", str(statement))
        if ended(KILLING, file) != -signal.SIGKILL:
            break
        killed += 1
        with closing(sqlite3.connect(file)) as old:
            assert old.execute("PRAGMA user_version").fetchone() == (1,)
            assert list(old.iterdump()) == before
    assert killed > 5
    with closing(sqlite3.connect(file)) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


async def test_what_is_newer_is_refused(store: Store, store_url: str) -> None:
    await store.write(lambda c: c.execute(schema.versions.update().values(version_num=str(SCHEMA_VERSION + 1))))
    await store.close()
    with pytest.raises(StoreError) as refused:
        Store(store_url)
    assert str(refused.value).startswith(
        f"The {store.place} was written by an emulator with state version {SCHEMA_VERSION + 1}, "
        f"this one has {SCHEMA_VERSION}: install a newer one, or choose another "
    )


@pytest.mark.usefixtures("folder")
def test_what_another_program_has_is_refused_and_let_go(store_url: str) -> None:
    with connected(store_url) as connection:
        connection.execute(text("CREATE TABLE theirs (a INTEGER)"))
    with pytest.raises(StoreError, match="is not one with an emulator's state: choose another"):
        Store(store_url)
    with connected(store_url) as connection:
        assert inspect(connection).get_table_names() == ["theirs"]
        connection.execute(text("DROP TABLE theirs"))
    asyncio.run(Store(store_url).close())
