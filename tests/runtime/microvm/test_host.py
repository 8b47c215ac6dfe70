from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, MicroVM, MicroVMSpec

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Order = Callable[[MicroVM, str], Awaitable[Any]]


@pytest.fixture(params=["fork", "spawn"])
async def microvm(request: pytest.FixtureRequest, laboratory: Laboratory) -> MicroVM:
    microvm = await laboratory.start(await laboratory.agent(kind=request.param))
    await microvm.ready()
    return microvm


def test_the_order_of_a_guest(laboratory: Laboratory) -> None:
    folder = laboratory.run_folder.session()
    spec = MicroVMSpec(
        entrypoint=laboratory.folder / "src" / "agent.py",
        project=laboratory.folder,
        environ={"HOME": "/home/me", "NAME": "value"},
        port=8080,
        quirks=Quirks.parse("off,truncation=strict"),
        folder=folder,
        on_line=print,
        on_finding=print,
    )
    order = spec.order()
    assert order["entrypoint"] == str(laboratory.folder / "src" / "agent.py")
    assert order["folder"] == str(folder.work)
    assert order["environ"] == {
        "NAME": "value",
        "HOME": str(folder.home),
        "TMPDIR": str(folder.tmp),
        "PWD": str(folder.work),
    }
    assert order["quirks"]["truncation"] == "strict"
    assert (GUEST_FOLDER / "__main__.py").exists()


async def test_alive_until_it_is_not(microvm: MicroVM) -> None:
    before = microvm.alive
    os.kill(microvm.pid, signal.SIGKILL)
    assert await microvm.exited == -signal.SIGKILL
    assert (before, microvm.alive) == (True, False)
    assert microvm.how_it_ended() == "was killed by SIGKILL"
    await microvm.ready()  # It has been.


async def test_sever_cuts_what_is_in_flight(microvm: MicroVM) -> None:
    async with microvm.connect() as (reader, writer):
        async with microvm.connect() as (closed_before, _):
            pass
        writer.write(b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n")
        microvm.sever()
        assert await reader.read() == b""
        assert await closed_before.read() == b""
    assert microvm.alive


async def test_what_it_said_last_is_in_the_log_when_it_has_ended(laboratory: Laboratory, order: Order) -> None:
    journal = Journal("test")
    microvm = await laboratory.start(await laboratory.agent(), journal)
    await microvm.ready()
    await order(microvm, "print('last words', end=''); answer(1)")
    await microvm.stop(1)
    assert list(journal.lines) == ["last words"]


async def test_a_second_stop_is_no_error(microvm: MicroVM) -> None:
    await asyncio.gather(microvm.stop(1), microvm.stop(1))
    await microvm.stop(1)
    assert not microvm.alive


async def test_the_output_of_a_failed_start_is_in_the_log(laboratory: Laboratory) -> None:
    journal = Journal("test")
    agent = await laboratory.agent("print('so far'); import os; os._exit(4)")
    microvm = await laboratory.start(agent, journal)
    with pytest.raises(BootFailure, match="the agent's process exited with status 4 before it served"):
        await microvm.ready()
    assert list(journal.lines) == ["so far"]
