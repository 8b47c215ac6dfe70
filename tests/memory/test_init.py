from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import botocore.session
import pytest
from sqlalchemy import Connection

from agentcore_emulator.errors import ServiceException
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store

Call = Callable[..., Awaitable[dict[str, Any]]]


def test_every_operation_is_one_of_the_services(plane: MemoryPlane) -> None:
    session = botocore.session.get_session()
    modelled = {name for service in plane.services for name in session.get_service_model(service).operation_names}
    assert len(plane.operations) == 21
    assert set(plane.operations) <= modelled


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_full_disk_is_a_500_with_one_sentence(store: Store, call: Call) -> None:
    def limit(connection: Connection, pages: int) -> int:
        allowed: int = connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar_one()
        return allowed

    async def create(size: int) -> dict[str, Any]:
        return await call("CreateEvent", actorId="a", sessionId="s", eventTimestamp=1.0, payload=[{"blob": "x" * size}])

    allowed = await store.write(lambda c: limit(c, 1))  # SQLite answers with what is in use, at least
    with pytest.raises(ServiceException) as caught:
        await create(1_000_000)
    assert caught.value.message == (
        f"The {store.place} cannot be used (database or disk is full): free some space on its disk"
    )
    await store.write(lambda c: limit(c, allowed + 10_000))
    await create(1_000_000)
    assert len((await call("ListEvents", actorId="a", sessionId="s"))["events"]) == 1


async def test_a_closing_emulator_is_a_500_with_one_sentence(store: Store, call: Call) -> None:
    await store.close()
    for operation in ("CreateEvent", "ListActors"):
        with pytest.raises(ServiceException, match="is closed: the emulator is shutting down"):
            await call(operation, actorId="a", sessionId="s", eventTimestamp=1.0, payload=[])
