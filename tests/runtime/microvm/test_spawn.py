from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM

if TYPE_CHECKING:
    from tests.conftest import Laboratory
    from tests.runtime.microvm.conftest import Fugitives

Order = Callable[[MicroVM, str], Awaitable[Any]]


async def running(laboratory: Laboratory) -> MicroVM:
    microvm = await laboratory.start(await laboratory.agent(kind="spawn"))
    await microvm.ready()
    return microvm


async def test_a_microvm(laboratory: Laboratory, order: Order) -> None:
    microvm = await running(laboratory)
    assert [await order(microvm, "answer(state['count'])") for _ in range(2)] == [1, 2]
    assert await order(microvm, "answer(os.getpid())") == microvm.pid
    assert "http.server" in await microvm.link.modules()
    await microvm.stop(5)
    assert microvm.how_it_ended() == "was killed by SIGTERM"
    with pytest.raises(OSError, match=r"."):
        await order(microvm, "answer(1)")
    assert list(laboratory.run_folder.path.iterdir()) == []


async def test_it_ends_with_its_children(laboratory: Laboratory, order: Order, fugitives: Fugitives) -> None:
    microvm = await running(laboratory)
    await order(microvm, fugitives.code("child") + "answer(1)")
    [child] = await asyncio.to_thread(fugitives.caught, 1)
    assert child != microvm.pid
    await microvm.stop(5)
    await asyncio.to_thread(fugitives.gone)


async def test_it_dies_with_its_children(laboratory: Laboratory, order: Order, fugitives: Fugitives) -> None:
    microvm = await running(laboratory)
    await order(microvm, fugitives.code("child") + "answer(1)")
    await asyncio.to_thread(fugitives.caught, 1)
    os.kill(microvm.pid, signal.SIGKILL)
    assert await microvm.exited == -signal.SIGKILL
    await asyncio.to_thread(fugitives.gone)


async def test_who_ignores_sigterm_is_killed(laboratory: Laboratory, puppet: str) -> None:
    agent = await laboratory.agent("import signal; signal.signal(15, signal.SIG_IGN)\n" + puppet, kind="spawn")
    microvm = await laboratory.start(agent)
    await microvm.ready()
    await microvm.stop(0)
    assert microvm.how_it_ended() == "was killed by SIGKILL"


async def test_an_agent_that_does_not_come_up(laboratory: Laboratory) -> None:
    microvm = await laboratory.start(await laboratory.agent("raise ValueError('no')", kind="spawn"))
    with pytest.raises(BootFailure, match=r"ValueError: no at .*agent\.py:1"):
        await microvm.ready()


@pytest.mark.parametrize(
    ("source", "problem"),
    [("def f(:", r"agent\.py:1: "), ("import os\nimport not_there", r"agent\.py:2: no module named 'not_there' for ")],
)
async def test_an_agent_with_a_problem_does_not_open(laboratory: Laboratory, source: str, problem: str) -> None:
    with pytest.raises(BootFailure, match=problem):
        await laboratory.agent(source, kind="spawn")


async def test_an_interpreter_that_cannot_be_started(laboratory: Laboratory, tmp_path: Path) -> None:
    with pytest.raises(BootFailure, match="cannot be started as the agent's interpreter: No such file or directory"):
        await laboratory.agent(kind="spawn", python=tmp_path / "python3")
    with pytest.raises(BootFailure, match="/bin/false exited with status 1"):
        await laboratory.agent(kind="spawn", python=Path("/bin/false"))


async def test_a_start_that_fails_leaves_nothing(laboratory: Laboratory, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.symlink_to(sys.executable)
    agent = await laboratory.agent(kind="spawn", python=python)
    python.unlink()
    with pytest.raises(BootFailure, match="cannot be started"):
        await laboratory.start(agent)
    assert list(laboratory.run_folder.path.iterdir()) == []


def test_a_host_that_is_killed_leaves_no_guest(tmp_path: Path, puppet: str, fugitives: Fugitives) -> None:
    """Without a zygote it is the end of its line that tells a guest."""
    (tmp_path / "agent.py").write_text(puppet.replace("\nServer((", f"\n{fugitives.code('child')}\nServer((", 1))
    program = f"""
import asyncio, json, os
from pathlib import Path
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.microvm.host import MicroVMSpec
from agentcore_emulator.runtime.microvm.resources import RunFolder
from agentcore_emulator.runtime.microvm.spawn import SpawnHost

async def main():
    project = Path({str(tmp_path)!r})
    file = project / "agent.py"
    host = SpawnHost(python=Path({sys.executable!r}), entrypoint=file, project=project, environ=dict(os.environ))
    spec = MicroVMSpec(
        entrypoint=file, project=project, environ=dict(os.environ), port=8080, quirks=Quirks.parse("off"),
        folder=RunFolder().session(), on_line=print, on_finding=print,
    )
    microvm = await host.start(spec)
    await microvm.ready()
    print(json.dumps([microvm.pid, str(spec.folder.path.parent)]), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    read_end, write_end = os.pipe()
    pid = os.posix_spawn(
        sys.executable, [sys.executable, "-c", program], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)]
    )
    os.close(write_end)
    with os.fdopen(read_end) as output:
        guest, folder = json.loads(output.readline())
        fugitives.caught(1)
        fugitives.watch(guest)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    fugitives.gone()
    import shutil

    shutil.rmtree(folder)
