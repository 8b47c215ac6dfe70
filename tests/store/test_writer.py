"""Groups of works, their savepoints and commits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from agentcore_emulator.store import Store

MakeGate = Callable[[], Any]
Stored = Callable[[], list[str]]


def insert(connection: Connection, note: str) -> str:
    connection.execute(text("INSERT INTO note VALUES (:note)"), {"note": note})
    return note


def inserting(note: str) -> Callable[[Connection], str]:
    return lambda connection: insert(connection, note)


def running(statement: str) -> Callable[[Connection], int]:
    return lambda connection: connection.execute(text(statement)).rowcount


async def test_works_that_wait_together_share_one_commit(store: Store, stored: Stored, make_gate: MakeGate) -> None:
    gate = make_gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    writes = [asyncio.create_task(store.write(inserting(n))) for n in ("a", "b")]
    await asyncio.sleep(0)

    def counted(connection: Connection) -> int:
        # Another connection sees none of the group's rows, while this one sees those before it.
        assert stored() == []
        return connection.execute(text("SELECT count(*) FROM note")).scalar_one()  # type: ignore[no-any-return]

    count = asyncio.create_task(store.write(counted))
    await asyncio.sleep(0)
    gate.open()
    assert await count == 2
    assert await asyncio.gather(*writes, held) == ["a", "b", None]
    assert stored() == ["a", "b"]


async def test_a_work_that_fails_fails_alone(store: Store, stored: Stored, make_gate: MakeGate) -> None:
    def half(connection: Connection) -> None:
        insert(connection, "half")
        raise LookupError("half way")

    gate = make_gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    outcomes = asyncio.gather(
        store.write(inserting("a")),
        store.write(half),
        store.write(inserting("a")),
        store.write(running("NONSENSE")),
        store.write(inserting("b")),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.open()
    await held
    first, halved, twice, nonsense, last = await outcomes
    assert (first, last) == ("a", "b")
    assert isinstance(halved, LookupError)
    assert isinstance(twice, IntegrityError)
    assert isinstance(nonsense, DBAPIError)
    assert stored() == ["a", "b"]


async def test_a_commit_that_fails_fails_its_whole_group_and_the_writer_goes_on(
    store: Store, stored: Stored, make_gate: MakeGate
) -> None:
    await store.write(running("CREATE TABLE parent (key INTEGER PRIMARY KEY)"))
    await store.write(
        running("CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"),
    )
    gate = make_gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    outcomes = asyncio.gather(
        store.write(inserting("a")), store.write(running("INSERT INTO child VALUES (99)")), return_exceptions=True
    )
    await asyncio.sleep(0)
    gate.open()
    await held
    assert [type(outcome) for outcome in await outcomes] == [IntegrityError, IntegrityError]
    assert stored() == []
    await store.write(inserting("b"))
    assert stored() == ["b"]


async def test_a_rollback_of_everything_fails_the_whole_group(
    store: Store, stored: Stored, make_gate: MakeGate
) -> None:
    # What SQLite does by itself when the disk is full in the middle of a statement.
    def lost(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise LookupError("lost")

    gate = make_gate()
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
    assert stored() == []
    await store.write(inserting("later"))
    assert stored() == ["later"]


async def test_a_cancelled_caller_leaves_the_writer_working(store: Store, stored: Stored, make_gate: MakeGate) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gate = make_gate()
    held = asyncio.create_task(store.write(gate))
    await gate.entered.wait()
    queued = asyncio.create_task(store.write(inserting("queued")))
    await asyncio.sleep(0)
    held.cancel()
    queued.cancel()
    assert [type(e) for e in await asyncio.gather(held, queued, return_exceptions=True)] == [asyncio.CancelledError] * 2
    gate.open()
    await store.write(inserting("next"))
    assert stored() == ["next", "queued"]
    assert complaints == []


async def test_many_writers_at_once(store: Store, stored: Stored) -> None:
    names = [f"{n:04}" for n in range(1000)]
    assert await asyncio.gather(*(store.write(inserting(n)) for n in names)) == names
    assert stored() == names
