"""State in a file: its owner, its durability, and what can be wrong with it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from agentcore_emulator.store import Store, StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{file}")
    yield store
    await store.close()


async def test_a_commit_is_synced(store: Store) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    full = 2
    assert await store.write(pragmas) == ["wal", full, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on file sizes")
def test_a_full_disk_is_told_and_gone_when_there_is_room_again(file: Path) -> None:
    # The limit on the size of files makes write() fail just as a full disk does, and is lifted again.
    script = """
import asyncio, resource, sys
from agentcore_emulator.store import Store, StoreError

async def main():
    store = Store("sqlite:///" + sys.argv[1])
    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE note (text TEXT)"))
    small, big = "INSERT INTO note VALUES ('small')", "INSERT INTO note VALUES (hex(zeroblob(500000)))"
    await store.write(lambda c: c.exec_driver_sql(small))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        await store.write(lambda c: c.exec_driver_sql(big))
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    await store.write(lambda c: c.exec_driver_sql(big))
    print(await store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM note").scalar_one()))
    await store.close()

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, check=True)
    told, count = ran.stdout.splitlines()
    assert told.startswith(f"The state file {file} cannot be used (")
    assert count == "2"


def test_a_file_that_is_no_database(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{file}")
    assert str(caught.value) == (
        f"The state file {file} cannot be used (file is not a database): move it away to start with an empty one"
    )
    # The file is left as it was, and is not held.
    assert file.read_bytes() == b"not a database" * 1000
    file.unlink()
    asyncio.run(Store(f"sqlite:///{file}").close())


def test_somebody_elses_database(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE theirs (a)")
    before = file.read_bytes()
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{file}")
    assert str(caught.value) == (
        f"The state file {file} is not one with an emulator's state: choose another folder with --state-dir"
    )
    assert file.read_bytes() == before


async def test_a_closed_file_has_nothing_but_its_lock_beside_it(store: Store, file: Path) -> None:
    await store.close()
    assert {entry.name for entry in file.parent.iterdir()} == {"state.db", "state.db.lock"}


def damage(file: Path) -> None:
    """Overwrite a page with nothing in it but a's and the number of the page that goes on with them."""
    page = 4096
    middle = file.read_bytes().index(b"a" * (page - 4)) // page * page
    with file.open("r+b") as raw:
        raw.seek(middle)
        raw.write(b"\xff" * page)


async def test_damage_found_while_reading(store: Store, file: Path) -> None:
    def fill(connection: Connection) -> int:
        connection.execute(text("CREATE TABLE note (text TEXT)"))
        return connection.execute(text("INSERT INTO note VALUES (:long)"), {"long": "a" * 100_000}).rowcount

    await store.write(fill)
    await store.close()
    damage(file)
    damaged = Store(f"sqlite:///{file}")
    with pytest.raises(StoreError, match=r"malformed.*: move it away to start with an empty one"):
        await damaged.read(lambda c: c.execute(text("SELECT text FROM note")).all())
    await damaged.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{tmp_path / 'state' / 'deeper' / 'state.db'}")
    assert str(caught.value) == (
        f"The state folder {tmp_path / 'state' / 'deeper'} cannot be created (Not a directory): "
        "choose another one with --state-dir"
    )


def test_a_file_that_cannot_be_opened(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{file}")
    assert str(caught.value) == (
        f"The state file {file} cannot be used (unable to open database file): make its folder writable"
    )


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="make its folder writable"):
        Store(f"sqlite:///{tmp_path / 'state.db'}")
