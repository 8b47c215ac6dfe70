from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.runtime.control.deferred import Deferred
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVMHost

if TYPE_CHECKING:
    from tests.conftest import Laboratory


async def test_it_comes_up_with_the_first_session_and_once(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    made: list[MicroVMHost] = []

    def make() -> MicroVMHost:
        made.append(laboratory._host(agent.runtime.entrypoint, "fork", agent.runtime.python, {}))
        return made[-1]

    host = Deferred(make)
    await host.open()
    assert made == []
    specs = [agent.spec(Journal("test")) for _ in range(3)]
    microvms = await asyncio.gather(*map(host.start, specs))
    for microvm in microvms:
        await microvm.ready()
        await microvm.stop(0)
    assert len(made) == 1
    await host.close()


async def test_one_that_does_not_come_up_is_made_anew(laboratory: Laboratory) -> None:
    entrypoint = laboratory.write("def")
    agent = await laboratory.agent()
    host = Deferred(lambda: laboratory._host(entrypoint, "fork", agent.runtime.python, {}))
    laboratory.write("def")
    with pytest.raises(BootFailure, match=r"agent\.py:1"):
        await host.boot()
    laboratory.write("print(1)")
    await host.boot()
    await host.close()


async def test_one_that_nobody_needed_closes() -> None:
    def make() -> MicroVMHost:
        raise AssertionError("nobody needs it")

    await Deferred(make).close()
