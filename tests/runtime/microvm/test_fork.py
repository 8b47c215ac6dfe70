from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Order = Callable[[MicroVM, str], Awaitable[Any]]
Until = Callable[[Callable[[], object]], Awaitable[None]]

# Notes what is loaded before it imports anything itself.
EARLY = "import sys\nearly = set(sys.modules)\nimport colorsys, helper\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with a package that starts a thread, and one that kills zygotes."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/python3*/site-packages")
    (packages / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    (packages / "forkless.py").write_text(
        "import os, sys\n"
        "if 'entrypoint' not in sys.modules:\n"
        "    open(os.environ.get('DEATHS', os.devnull), 'w').close()\n"
        "    os._exit(3)\n"
    )
    (packages / "harmless.py").touch()
    (packages / "scratch.py").write_text("import tempfile\nfolder = tempfile.gettempdir()\n")
    return folder / "bin" / "python"


async def running(laboratory: Laboratory, agent: Agent) -> MicroVM:
    microvm = await laboratory.start(agent)
    await microvm.ready()
    return microvm


async def taught(laboratory: Laboratory, order: Order, agent: Agent, microvm: MicroVM) -> MicroVM:
    """Have the host learn from `microvm`; a session of the zygote that takes over."""
    before = await order(microvm, "answer(os.getppid())")
    microvm.answered()
    async with asyncio.timeout(30):
        while True:
            later = await running(laboratory, agent)
            if await order(later, "answer(os.getppid())") != before:
                return later
            await later.stop(0)


async def test_later_sessions_have_the_first_ones_imports(laboratory: Laboratory, order: Order, puppet: str) -> None:
    laboratory.write("", "helper.py")
    agent = await laboratory.agent(EARLY + puppet)
    loaded = "answer([name in early for name in ('colorsys', 'http.server', 'helper')])"
    first = await running(laboratory, agent)
    assert await order(first, loaded) == [False, False, False]
    later = await taught(laboratory, order, agent, first)
    assert await order(later, loaded) == [True, True, False], "and none of the agent's own modules"


async def test_what_is_learnt_serves_the_next_emulator(laboratory: Laboratory, order: Order, puppet: str) -> None:
    laboratory.write("", "helper.py")
    agent = await laboratory.agent(EARLY + puppet)
    first = await running(laboratory, agent)
    await taught(laboratory, order, agent, first)
    again = await running(laboratory, await laboratory.agent(EARLY + puppet))
    assert await order(again, "answer('colorsys' in early)")


async def test_two_agents_of_one_file_learn_each(laboratory: Laboratory, order: Order, puppet: str) -> None:
    laboratory.write("", "helper.py")
    one = await laboratory.agent(EARLY + puppet)
    other = await laboratory.agent(EARLY + puppet)
    await taught(laboratory, order, one, await running(laboratory, one))
    later = await taught(laboratory, order, other, await running(laboratory, other))
    assert await order(later, "answer('colorsys' in early)"), "although it was no news"


async def test_a_zygote_goes_with_its_last_session(laboratory: Laboratory, order: Order) -> None:
    agent = await laboratory.agent()
    first = await running(laboratory, agent)
    second = await running(laboratory, agent)
    zygote = os.pidfd_open(await order(first, "answer(os.getppid())"))
    await taught(laboratory, order, agent, first)
    await first.stop(1)
    assert await order(second, "answer(state['count'])") == 1, "a zygote that is replaced keeps its sessions"
    assert not select.select([zygote], [], [], 0)[0]
    await second.stop(1)
    assert (await asyncio.to_thread(select.select, [zygote], [], [], 30))[0]
    os.close(zygote)


async def test_a_session_whose_imports_are_no_news_changes_nothing(laboratory: Laboratory, order: Order) -> None:
    agent = await laboratory.agent()
    later = await taught(laboratory, order, agent, await running(laboratory, agent))
    zygote = await order(later, "answer(os.getppid())")
    later.answered()
    assert await later.link.modules() == []
    assert await order(await running(laboratory, agent), "answer(os.getppid())") == zygote


async def test_a_package_that_starts_a_thread_is_left_to_the_sessions(
    laboratory: Laboratory, order: Order, puppet: str, environment: Path, until: Until
) -> None:
    source = "import sys\nearly = set(sys.modules)\nimport threaded, harmless\n" + puppet
    agent = await laboratory.agent(source, python=environment)
    first = await running(laboratory, agent)
    first.answered()
    # What was learnt is tried out at once; the next emulator does without the package that was found to be unfit.
    assert "threaded" in await first.link.modules()
    await until(lambda: list((laboratory.folder / "learnt").glob("*.unforkable.json")))
    await running(laboratory, agent)
    again = await running(laboratory, await laboratory.agent(source, python=environment))
    assert await order(again, "answer([name in early for name in ('harmless', 'threaded')])") == [True, False]
    assert await order(again, "answer(threading.active_count() > 1)")


async def test_a_package_that_kills_the_zygote_is_forgotten(
    laboratory: Laboratory, order: Order, puppet: str, environment: Path, until: Until
) -> None:
    source = "import sys\nsys.modules['entrypoint'] = sys\nimport forkless\n" + puppet
    deaths = laboratory.folder / "deaths"
    agent = await laboratory.agent(source, python=environment, env={"DEATHS": str(deaths)})
    first = await running(laboratory, agent)
    first.answered()
    assert "forkless" in await first.link.modules()
    await until(lambda: deaths.exists() and not list((laboratory.folder / "learnt").iterdir()))
    later = await running(laboratory, agent)
    later.answered()
    assert await order(later, "answer(os.getppid())") == await order(first, "answer(os.getppid())")


async def test_a_zygote_that_cannot_import_what_was_learnt_starts_without(
    laboratory: Laboratory, order: Order, puppet: str, environment: Path
) -> None:
    agent = await laboratory.agent(puppet, python=environment)
    await taught(laboratory, order, agent, await running(laboratory, agent))
    [file] = (laboratory.folder / "learnt").iterdir()
    file.write_text('["forkless"]')  # An upgrade may do that to a module.
    again = await running(laboratory, await laboratory.agent(puppet, python=environment))
    assert await order(again, "answer(1)") == 1


async def test_what_a_zygote_remembers_of_its_own_folders_is_forgotten(
    laboratory: Laboratory, order: Order, puppet: str, environment: Path
) -> None:
    agent = await laboratory.agent("import scratch, tempfile\n" + puppet, python=environment)
    later = await taught(laboratory, order, agent, await running(laboratory, agent))
    own, zygotes = await order(later, "answer([tempfile.gettempdir(), scratch.folder])")
    assert Path(own).is_relative_to(laboratory.run_folder.path)
    assert not Path(zygotes).is_relative_to(laboratory.run_folder.path)


async def test_many_at_once(laboratory: Laboratory, order: Order) -> None:
    agent = await laboratory.agent()
    microvms = await asyncio.gather(*(running(laboratory, agent) for _ in range(40)))
    pids = await asyncio.gather(*(order(microvm, "answer(os.getpid())") for microvm in microvms))
    assert sorted(pids) == sorted(microvm.pid for microvm in microvms)
    assert len(set(pids)) == 40


async def test_an_agent_with_a_problem_does_not_open(laboratory: Laboratory) -> None:
    with pytest.raises(BootFailure, match=r"agent\.py:1: no module named 'not_there'"):
        await laboratory.agent("import not_there")


async def test_a_project_that_cannot_be_copied_fails_the_start(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    (laboratory.run_folder.path / "1").touch()  # Where the session's folder is to be.
    with pytest.raises(OSError, match="File exists"):
        await laboratory.start(agent)
