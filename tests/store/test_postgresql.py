"""State in a server's database: what the server and its owner can do to it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import Connection, text

from agentcore_emulator.store import Store, StoreError
from agentcore_emulator.testing import EmulatorError, EmulatorProcess

if TYPE_CHECKING:
    from tests.conftest import PostgreSQLServer


@pytest.fixture
def store_url(postgresql: PostgreSQLServer) -> str:
    return postgresql.new_place()


@pytest.fixture
def stopped(postgresql: PostgreSQLServer) -> Iterator[None]:
    postgresql.stop()
    yield
    postgresql.start()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = Store(store_url)
    await store.write(running("CREATE TABLE note (text TEXT)"))
    yield store
    await store.close()


def running(statement: str) -> Callable[[Connection], int]:
    return lambda connection: connection.execute(text(statement)).rowcount


def asking(statement: str) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(text(statement)).scalar_one()


ADD = running("INSERT INTO note VALUES ('a')")
COUNT = asking("SELECT count(*) FROM note")


async def test_after_a_restart_of_the_server_the_next_request_is_done(
    store: Store, postgresql: PostgreSQLServer
) -> None:
    await store.write(ADD)
    assert await store.read(COUNT) == 1
    postgresql.stop()
    postgresql.start()
    assert await store.read(COUNT) == 1
    await store.write(ADD)
    postgresql.stop()
    postgresql.start()
    await store.write(ADD)
    assert await store.read(COUNT) == 3


async def test_while_the_server_is_away_everything_says_so(store: Store, postgresql: PostgreSQLServer) -> None:
    postgresql.stop()
    try:
        for asked in (store.read(COUNT), store.write(ADD)):
            with pytest.raises(StoreError) as told:
                await asked
            assert str(told.value).startswith(f"The {store.place} cannot be used (connection ")
            assert str(told.value).endswith("): start its server, or correct the URL of --store")
            assert "\n" not in str(told.value)
    finally:
        postgresql.start()
    await store.write(ADD)
    assert await store.read(COUNT) == 1


async def test_a_server_that_goes_in_the_middle_of_a_work_fails_it(store: Store, postgresql: PostgreSQLServer) -> None:
    def broken(connection: Connection) -> None:
        ADD(connection)
        postgresql.stop()
        try:
            ADD(connection)
        finally:
            postgresql.start()

    with pytest.raises(StoreError, match=r"try again when the server is up|start its server"):
        await store.write(broken)
    await store.write(ADD)
    assert await store.read(COUNT) == 1


async def test_who_loses_the_lock_writes_no_more(store: Store, store_url: str, postgresql: PostgreSQLServer) -> None:
    postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    other = Store(store_url)
    with pytest.raises(StoreError, match="is in use by another emulator: stop that one, or choose another database"):
        await store.write(ADD)
    assert await other.read(COUNT) == 0
    await other.close()
    await store.write(ADD)
    assert await store.read(COUNT) == 1


def test_a_server_that_is_not_there(store_url: str, stopped: None) -> None:
    with pytest.raises(StoreError, match="start its server, or correct the URL of --store"):
        Store(store_url)


def test_a_port_where_nobody_listens() -> None:
    with pytest.raises(StoreError) as told:
        Store("postgresql://ada:secret@127.0.0.1:1/notes")
    assert str(told.value).startswith("The database notes at 127.0.0.1:1 cannot be used (")
    assert str(told.value).endswith("): start its server, or correct the URL of --store")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("password", [":wrong", ""])
def test_a_wrong_password_is_not_repeated(postgresql: PostgreSQLServer, password: str) -> None:
    with pytest.raises(StoreError) as told:
        Store(postgresql.url(user=f"guarded{password}"))
    assert str(told.value).endswith("): give the right user and password")
    assert "wrong" not in str(told.value)


def test_a_user_that_may_not_create_tables(postgresql: PostgreSQLServer) -> None:
    with pytest.raises(StoreError, match=r"permission denied.*: let its user create and change tables"):
        Store(postgresql.url(user="guarded:open%20sesame"))


def test_a_user_that_is_unknown(postgresql: PostgreSQLServer) -> None:
    with pytest.raises(StoreError, match=r"role .* does not exist.*: give the right user and password"):
        Store(postgresql.url(user="bob"))


def test_a_database_that_does_not_exist(postgresql: PostgreSQLServer) -> None:
    with pytest.raises(StoreError, match=r"does not exist.*: create it first"):
        Store(postgresql.url("nowhere"))


def test_a_schema_that_does_not_exist(postgresql: PostgreSQLServer) -> None:
    with pytest.raises(StoreError, match="create the schema that its search_path names"):
        Store(postgresql.url(schema="nowhere"))


def test_a_database_that_cannot_hold_all_characters(postgresql: PostgreSQLServer) -> None:
    postgresql.execute("CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="is encoded in SQL_ASCII: choose another database with --store, with"):
        Store(postgresql.url("plain"))


def test_without_the_driver() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from agentcore_emulator.store import Store, StoreError\n"
        "try: Store('postgresql://h/d')\nexcept StoreError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == (
        "A store in PostgreSQL needs its driver, which is not installed: "
        "install the emulator as agentcore-emulator[postgresql]\n"
    )


async def test_a_commit_is_synced_although_the_server_would_not(store_url: str) -> None:
    store = Store(f"{store_url}%20-csynchronous_commit%3Doff")
    assert await store.read(asking("SHOW synchronous_commit")) == "off"
    assert await store.write(asking("SHOW synchronous_commit")) == "on"
    await store.close()


async def test_two_schemas_of_a_database_have_an_emulator_each(postgresql: PostgreSQLServer, store: Store) -> None:
    other = Store(postgresql.new_place())
    await other.close()
    await store.write(ADD)


def mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(postgresql: PostgreSQLServer) -> Iterator[Path]:
    """A disk of four megabytes, in the tablespace `small`."""
    folder = postgresql.folder / "small"
    folder.mkdir()
    if not mount(folder, "size=4m"):
        pytest.skip("NOT TESTED, this user or system cannot mount a small disk")
    try:
        shutil.chown(folder, folder.parent.owner())
        postgresql.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
        yield folder
        postgresql.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_full_disk_is_told_and_gone_when_there_is_room_again(store: Store, small_disk: Path) -> None:
    def fill(megabytes: int) -> Callable[[Connection], int]:
        # Random, so that compression does not make little of it.
        bytes_ = "SELECT string_agg(decode(md5(random()::text), 'hex'), '') FROM generate_series(1, 65536)"
        return running(f"INSERT INTO big SELECT ({bytes_}) FROM generate_series(1, {megabytes})")

    await store.write(running("CREATE TABLE big (bytes BYTEA) TABLESPACE small"))
    await store.write(fill(1))
    with pytest.raises(StoreError, match=r"No space left.*: free some space on the server's disk"):
        await store.write(fill(9))
    assert mount(small_disk, "remount,size=40m")
    await store.write(fill(1))
    assert await store.read(asking("SELECT count(*) FROM big")) == 2
    await store.write(running("DROP TABLE big"))


def test_an_emulator_keeps_its_memory_there(postgresql: PostgreSQLServer, puppet: str, tmp_path: Path) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(puppet, "utf-8")
    url = postgresql.new_place()
    options = ("--store", url, "--state-dir", str(tmp_path / "state"))
    with EmulatorProcess(agent, *options) as emulator:
        control: Any = emulator.client("bedrock-agentcore-control")
        memory = control.create_memory(name="m", eventExpiryDuration=7)["memory"]["id"]
        place = {"memoryId": memory, "actorId": "a", "sessionId": "s"}
        data = emulator.client("bedrock-agentcore")
        when = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        made = data.create_event(**place, eventTimestamp=when, payload=[{"blob": "\0"}])["event"]
        refusal = pytest.raises(EmulatorError, match="is in use by another emulator: stop that one, or choose another")
        with refusal, EmulatorProcess(agent, *options):
            pass
        postgresql.stop()
        postgresql.start()
        assert data.list_events(**place)["events"] == [made]
        postgresql.stop()
        with pytest.raises(ClientError) as told:
            data.create_event(**place, eventTimestamp=when, payload=[])
        postgresql.start()
        assert told.value.response["Error"]["Code"] == "ServiceException"
        assert "start its server, or correct the URL of --store" in told.value.response["Error"]["Message"]
        data.create_event(**place, eventTimestamp=when, payload=[])
    assert not (tmp_path / "state" / "state.db").exists()
    with EmulatorProcess(agent, *options) as emulator:
        assert len(emulator.client("bedrock-agentcore").list_events(**place)["events"]) == 2
