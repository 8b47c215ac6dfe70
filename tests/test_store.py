from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from agentcore_emulator.store import SCHEMA_VERSION, Store, StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = Store(f"sqlite:///{file}")
    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE note (text TEXT UNIQUE NOT NULL)"))
    yield store
    await store.close()


def insert(connection: Connection, text: str) -> str:
    connection.exec_driver_sql("INSERT INTO note VALUES (?)", (text,))
    return text


def inserting(text: str) -> Callable[[Connection], str]:
    return lambda connection: insert(connection, text)


def notes(connection: Connection) -> list[str]:
    return [text for (text,) in connection.exec_driver_sql("SELECT text FROM note ORDER BY text")]


def stored(file: Path) -> list[str]:
    """What another process would find."""
    with closing(sqlite3.connect(file)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]


class Gate:
    """A work that holds the writer until it is opened, so that whatever is written meanwhile becomes one group."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self._loop.call_soon_threadsafe(self.entered.set)
        self._open.wait()

    def open(self) -> None:
        self._open.set()


async def test_a_returned_write_is_committed(store: Store, file: Path) -> None:
    assert await store.write(inserting("a")) == "a"
    assert stored(file) == ["a"]
    assert await store.read(notes) == ["a"]


async def test_a_commit_is_synced(store: Store) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    full = 2
    assert await store.write(pragmas) == ["wal", full, 1]


async def test_works_that_wait_together_share_one_commit(store: Store, file: Path) -> None:
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    writes = [asyncio.create_task(store.write(inserting(n))) for n in ("a", "b")]
    await asyncio.sleep(0)

    def counted(connection: Connection) -> int:
        # Another connection sees none of the group's rows, while this one sees those before it.
        assert stored(file) == []
        return len(notes(connection))

    count = asyncio.create_task(store.write(counted))
    await asyncio.sleep(0)
    gate.open()
    assert await count == 2
    assert await asyncio.gather(*writes, held) == ["a", "b", None]
    assert stored(file) == ["a", "b"]


async def test_a_work_that_fails_fails_alone(store: Store, file: Path) -> None:
    def half(connection: Connection) -> None:
        insert(connection, "half")
        raise LookupError("half way")

    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    outcomes = asyncio.gather(
        store.write(inserting("a")),
        store.write(half),
        store.write(inserting("a")),
        store.write(lambda c: c.exec_driver_sql("NONSENSE")),
        store.write(inserting("b")),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.open()
    await held
    kinds = [outcome if isinstance(outcome, str) else type(outcome) for outcome in await outcomes]
    assert kinds == ["a", LookupError, IntegrityError, OperationalError, "b"]
    assert stored(file) == ["a", "b"]


async def test_a_commit_that_fails_fails_its_whole_group_and_the_writer_goes_on(store: Store, file: Path) -> None:
    def orphan(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO child VALUES (99)")

    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE parent (key INTEGER PRIMARY KEY)"))
    await store.write(
        lambda c: c.exec_driver_sql(
            "CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    outcomes = asyncio.gather(store.write(inserting("a")), store.write(orphan), return_exceptions=True)
    await asyncio.sleep(0)
    gate.open()
    await held
    assert [type(outcome) for outcome in await outcomes] == [IntegrityError, IntegrityError]
    assert stored(file) == []
    await store.write(inserting("b"))
    assert stored(file) == ["b"]


async def test_a_rollback_of_everything_fails_the_whole_group(store: Store, file: Path) -> None:
    # What SQLite does by itself when the disk is full in the middle of a statement.
    def lost(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise LookupError("lost")

    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    outcomes = asyncio.gather(
        store.write(inserting("before")),
        store.write(lost),
        store.write(inserting("after")),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.open()
    await held
    assert [type(outcome) for outcome in await outcomes] == [LookupError] * 3
    assert stored(file) == []


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


async def test_a_cancelled_caller_leaves_the_writer_working(store: Store, file: Path) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    queued = asyncio.create_task(store.write(inserting("queued")))
    await asyncio.sleep(0)
    held.cancel()
    queued.cancel()
    assert [type(e) for e in await asyncio.gather(held, queued, return_exceptions=True)] == [asyncio.CancelledError] * 2
    gate.open()
    await store.write(inserting("next"))
    assert stored(file) == ["next", "queued"]
    assert complaints == []


async def test_the_event_loop_runs_while_works_do(store: Store) -> None:
    writing, reading = Gate(), Gate()
    tasks = [asyncio.create_task(store.write(writing)), asyncio.create_task(store.read(reading))]
    # Both are inside their works now, and this line runs.
    await asyncio.gather(writing.entered.wait(), reading.entered.wait())
    writing.open()
    reading.open()
    await asyncio.gather(*tasks)


async def test_a_read_sees_one_state_of_the_data(store: Store) -> None:
    await store.write(inserting("a"))
    gate = Gate()

    def twice(connection: Connection) -> tuple[list[str], list[str]]:
        first = notes(connection)
        gate(connection)
        return first, notes(connection)

    both = asyncio.create_task(store.read(twice))
    await gate.entered.wait()
    await store.write(inserting("b"))
    gate.open()
    assert await both == (["a"], ["a"])
    assert await store.read(notes) == ["a", "b"]


async def test_reads_run_side_by_side(store: Store) -> None:
    gates = [Gate() for _ in range(3)]
    reads = [asyncio.create_task(store.read(gate)) for gate in gates]
    await asyncio.gather(*(gate.entered.wait() for gate in gates))
    for gate in gates:
        gate.open()
    await asyncio.gather(*reads)


async def test_a_read_cannot_write(store: Store, file: Path) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await store.read(inserting("a"))
    assert stored(file) == []


async def test_many_writers_at_once(store: Store, file: Path) -> None:
    names = [f"{n:04}" for n in range(1000)]
    assert await asyncio.gather(*(store.write(inserting(n)) for n in names)) == names
    assert stored(file) == names


async def test_close_finishes_what_was_asked_for(file: Path) -> None:
    store = Store(f"sqlite:///{file}")
    await store.write(lambda c: c.exec_driver_sql("CREATE TABLE note (text TEXT UNIQUE NOT NULL)"))
    names = [f"{n:04}" for n in range(600)]
    writes = [asyncio.create_task(store.write(inserting(n))) for n in names]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    assert [write.result() for write in writes] == names
    assert stored(file) == names
    for refused in (store.read(notes), store.write(inserting("late"))):
        with pytest.raises(StoreError, match="is closed"):
            await refused
    assert {entry.name for entry in file.parent.iterdir()} == {"state.db", "state.db.lock"}


async def test_what_was_written_is_there_for_the_next_store(file: Path) -> None:
    first = Store(f"sqlite:///{file}")
    await first.write(lambda c: c.exec_driver_sql("CREATE TABLE note (text TEXT)"))
    await first.write(inserting("a"))
    await first.close()
    second = Store(f"sqlite:///{file}")
    assert await second.read(notes) == ["a"]
    await second.close()


async def test_a_path_is_taken_literally(tmp_path: Path) -> None:
    file = tmp_path / "a b?c%20d#ü" / "state.db"
    store = Store(f"sqlite:///{file}")
    await store.close()
    assert file.exists()


async def test_one_emulator_per_file(store: Store, file: Path) -> None:
    refusal = f"The state file {file} is in use by another emulator: stop that one"
    with pytest.raises(StoreError) as here:
        Store(f"sqlite:///{file}")
    assert str(here.value).startswith(refusal)
    script = "import sys; from agentcore_emulator.store import Store; Store('sqlite:///' + sys.argv[1])"
    elsewhere = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(file), stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await elsewhere.communicate()
    assert elsewhere.returncode == 1
    assert refusal in complaint.decode()
    # Neither attempt has harmed the first.
    await store.write(inserting("a"))


def test_a_killed_emulator_leaves_no_lock(file: Path) -> None:
    script = (
        "import os, signal, sys; from agentcore_emulator.store import Store; "
        "Store('sqlite:///' + sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, file], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    store = Store(f"sqlite:///{file}")
    asyncio.run(store.close())


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
    with pytest.raises(StoreError, match="is not a state file: choose another folder with --state-dir"):
        Store(f"sqlite:///{file}")
    assert file.read_bytes() == before


async def test_a_file_of_a_newer_emulator(store: Store, file: Path) -> None:
    await store.write(lambda c: c.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION + 1}"))
    await store.close()
    with pytest.raises(StoreError, match=f"state version {SCHEMA_VERSION + 1}, this one has {SCHEMA_VERSION}"):
        Store(f"sqlite:///{file}")


async def test_damage_found_while_reading(store: Store, file: Path) -> None:
    await store.write(inserting("a" * 100_000))
    await store.close()
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xff" * 100_000)
    damaged = Store(f"sqlite:///{file}")
    with pytest.raises(StoreError, match="move it away"):
        await damaged.read(notes)
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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///relative.db", "postgresql:///tmp/x"])
def test_only_files_by_absolute_path(url: str) -> None:
    with pytest.raises(ValueError, match="absolute path"):
        Store(url)
