from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from agentcore_emulator.store import Store, StoreError

MakeGate = Callable[[], Any]
Stored = Callable[[], list[str]]


def inserting(note: str) -> Callable[[Connection], str]:
    def insert(connection: Connection) -> str:
        connection.execute(text("INSERT INTO note VALUES (:note)"), {"note": note})
        return note

    return insert


def notes(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT text FROM note ORDER BY text")).scalars())


async def test_a_returned_write_is_committed(store: Store, stored: Stored) -> None:
    assert await store.write(inserting("a")) == "a"
    assert stored() == ["a"]
    assert await store.read(notes) == ["a"]


async def test_the_event_loop_runs_while_works_do(store: Store, make_gate: MakeGate) -> None:
    writing, reading = make_gate(), make_gate()
    tasks = [asyncio.create_task(store.write(writing)), asyncio.create_task(store.read(reading))]
    # Both are inside their works now, and this line runs.
    await asyncio.gather(writing.entered.wait(), reading.entered.wait())
    writing.open()
    reading.open()
    await asyncio.gather(*tasks)


async def test_a_read_sees_one_state_of_the_data(store: Store, make_gate: MakeGate) -> None:
    await store.write(inserting("a"))
    gate = make_gate()

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


async def test_reads_run_side_by_side(store: Store, make_gate: MakeGate) -> None:
    gates = [make_gate() for _ in range(3)]
    reads = [asyncio.create_task(store.read(gate)) for gate in gates]
    await asyncio.gather(*(gate.entered.wait() for gate in gates))
    for gate in gates:
        gate.open()
    await asyncio.gather(*reads)


async def test_a_read_cannot_write(store: Store, stored: Stored) -> None:
    with pytest.raises(StoreError, match=r"read-?only"):
        await store.read(inserting("a"))
    assert stored() == []


async def test_close_finishes_what_was_asked_for(store: Store, stored: Stored) -> None:
    names = [f"{n:04}" for n in range(600)]
    writes = [asyncio.create_task(store.write(inserting(n))) for n in names]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    assert [write.result() for write in writes] == names
    assert stored() == names
    for refused in (store.read(notes), store.write(inserting("late"))):
        with pytest.raises(StoreError, match="is closed"):
            await refused


async def test_what_was_written_is_there_for_the_next_store(store: Store, store_url: str) -> None:
    await store.write(inserting("a"))
    await store.close()
    second = Store(store_url)
    assert await second.read(notes) == ["a"]
    await second.close()


async def test_one_emulator_at_a_time(store: Store, store_url: str) -> None:
    with pytest.raises(StoreError) as refused:
        Store(store_url)
    assert str(refused.value).startswith(f"The {store.place} is in use by another emulator: stop that one, or choose ")
    # The attempt has not harmed the first.
    await store.write(inserting("a"))
    await store.close()
    await Store(store_url).close()


OPEN = "import sys; from agentcore_emulator.store import Store; Store(sys.argv[1]); "


async def test_another_process_is_refused(store: Store, store_url: str) -> None:
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, store_url, stderr=asyncio.subprocess.PIPE)
    _, complaint = await other.communicate()
    assert other.returncode == 1
    assert f"The {store.place} is in use by another emulator: stop that one" in complaint.decode()


def test_a_killed_emulator_leaves_no_lock(store_url: str) -> None:
    script = OPEN + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([sys.executable, "-c", script, store_url], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    asyncio.run(Store(store_url).close())
