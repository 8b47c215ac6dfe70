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
from agentcore_emulator.runtime.microvm.zygote import Zygote
from agentcore_emulator.testing import EmulatorProcess, new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import Caller
    from tests.runtime.microvm.conftest import Fugitives

Order = Callable[[MicroVM, str], Awaitable[Any]]
Until = Callable[[Callable[[], object]], Awaitable[None]]

KINDS = ["child", "session of its own", "daemon", "daemon without exec"]


async def running(laboratory: Laboratory) -> MicroVM:
    microvm = await laboratory.start(await laboratory.agent())
    await microvm.ready()
    return microvm


# Nothing that a guest started outlives it


async def test_stop_ends_what_the_guest_started(
    laboratory: Laboratory, order: Order, fugitives: Fugitives, kind: str
) -> None:
    microvm = await running(laboratory)
    await order(microvm, fugitives.code(kind) + "answer(1)")
    await asyncio.to_thread(fugitives.caught, 1)
    await microvm.stop(5)
    assert fugitives.ended(), "gone by the time that stop returns"


async def test_a_guest_that_dies_takes_what_it_started_with_it(
    laboratory: Laboratory, order: Order, fugitives: Fugitives, kind: str
) -> None:
    microvm = await running(laboratory)
    await order(microvm, fugitives.code(kind) + "answer(1)")
    await asyncio.to_thread(fugitives.caught, 1)
    os.kill(microvm.pid, signal.SIGKILL)
    assert await microvm.exited == -signal.SIGKILL
    assert fugitives.ended()


async def test_a_daemon_lives_as_long_as_its_guest(laboratory: Laboratory, order: Order, fugitives: Fugitives) -> None:
    agent = await laboratory.agent()
    microvm, other = await laboratory.start(agent), await laboratory.start(agent)
    await microvm.ready()
    await other.ready()
    await order(microvm, fugitives.code(*KINDS) + "answer(1)")
    await asyncio.to_thread(fugitives.caught, len(KINDS))
    await other.stop(5)
    assert fugitives.alive()
    assert await order(microvm, "answer(state['count'])") == 2
    await microvm.stop(5)
    assert fugitives.ended()


async def test_a_chain_of_daemons(laboratory: Laboratory, order: Order, fugitives: Fugitives) -> None:
    microvm = await running(laboratory)
    chain = f"""
for _ in range(20):
    if os.fork():
        os._exit(0)
    os.setsid()
flee('child', {str(fugitives.fifo)!r}, {fugitives.marker!r})
wait(os.open({str(fugitives.fifo)!r}, os.O_WRONLY))
"""
    code = fugitives.code() + f"\nif os.fork() == 0:\n    exec({chain!r})\nanswer(1)"
    await order(microvm, code)
    await asyncio.to_thread(fugitives.caught, 2)
    await microvm.stop(5)
    assert fugitives.ended()


# The zygote dies


async def test_a_zygote_that_is_killed_takes_its_guests_with_it(
    laboratory: Laboratory, order: Order, fugitives: Fugitives, kind: str
) -> None:
    agent = await laboratory.agent()
    microvm = await laboratory.start(agent)
    await microvm.ready()
    await order(microvm, fugitives.code(kind) + "answer(1)")
    await asyncio.to_thread(fugitives.caught, 1)
    fugitives.watch(microvm.pid)
    os.kill(await order(microvm, "answer(os.getppid())"), signal.SIGKILL)
    assert await microvm.exited == -signal.SIGKILL
    await asyncio.to_thread(fugitives.gone)
    with pytest.raises(ConnectionRefusedError):
        await order(microvm, "answer(1)")
    fresh = await laboratory.start(agent)
    await fresh.ready()
    assert await order(fresh, "answer(state['count'])") == 1, "the next session gets a zygote of its own"


async def test_a_zygote_that_dies_over_a_fork(laboratory: Laboratory, order: Order, until: Until) -> None:
    agent = await laboratory.agent()
    microvm = await laboratory.start(agent)
    await microvm.ready()
    zygote = await order(microvm, "answer(os.getppid())")
    os.kill(zygote, signal.SIGSTOP)
    start = asyncio.create_task(laboratory.start(agent))
    await until(lambda: list(laboratory.run_folder.path.glob("2/socket")))
    os.kill(zygote, signal.SIGKILL)
    fresh = await start  # From another one, since nothing of it had been forked.
    await fresh.ready()
    assert await order(fresh, "answer(os.getppid())") != zygote


async def test_a_zygote_that_does_not_read_holds_nobody_else_up(
    laboratory: Laboratory, order: Order, until: Until
) -> None:
    agent = await laboratory.agent(env={"LONG": "x" * 100_000})
    microvm = await laboratory.start(agent)
    await microvm.ready()
    zygote = await order(microvm, "answer(os.getppid())")
    os.kill(zygote, signal.SIGSTOP)
    # More orders than its socket holds.
    starts = [asyncio.create_task(laboratory.start(agent)) for _ in range(5)]
    await until(lambda: len(list(laboratory.run_folder.path.glob("*/socket"))) == 6)
    assert await order(microvm, "answer(state['count'])") == 2
    os.kill(zygote, signal.SIGCONT)
    for start in starts:
        await (await start).ready()


async def test_an_environment_that_is_too_large(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    large = {f"LONG_{number}": "x" * 100_000 for number in range(20)}
    agent.environ = {**agent.environ, **large}
    with pytest.raises(BootFailure, match="the zygote cannot be told what to do: Message too long"):
        await laboratory.start(agent)
    assert list(laboratory.run_folder.path.iterdir()) == []


# The emulator dies


def test_an_emulator_that_is_killed_leaves_no_process(
    tmp_path: Path, puppet: str, make_caller: type[Caller], fugitives: Fugitives
) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(puppet)
    with EmulatorProcess(agent, "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        for _ in range(3):
            guest, zygote = caller.json(new_session(), fugitives.code(*KINDS) + "answer([os.getpid(), os.getppid()])")
            fugitives.watch(guest, zygote)
        fugitives.caught(3 * len(KINDS))
        emulator.kill()
        fugitives.gone()


def test_an_emulator_that_stops_leaves_no_process(
    tmp_path: Path, puppet: str, make_caller: type[Caller], fugitives: Fugitives
) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + puppet)
    with EmulatorProcess(agent, "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        guest, zygote = caller.json(new_session(), fugitives.code(*KINDS) + "answer([os.getpid(), os.getppid()])")
        fugitives.watch(guest, zygote)
        fugitives.caught(len(KINDS))
        assert emulator.stop() == 0
        assert fugitives.ended(), "gone by the time that the emulator has ended"


def test_an_emulator_that_is_killed_while_its_zygote_imports(
    tmp_path: Path, puppet: str, fugitives: Fugitives, make_fifo: Callable[[str], Fifo]
) -> None:
    never = make_fifo("never")
    (tmp_path / "agent.py").write_text(puppet)
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "slow.py").write_text(
        fugitives.code() + f"report = os.open({str(fugitives.fifo)!r}, os.O_WRONLY)\n"
        f"os.write(report, b'%d\\n' % os.getpid())\n{never.get_here}\n"
    )
    (tmp_path / "names.json").write_text('["slow"]')
    program = f"""
import asyncio, os
from pathlib import Path
from agentcore_emulator.runtime.microvm.zygote import Zygote

async def main():
    folder = Path({str(tmp_path)!r})
    await Zygote.boot(
        Path({sys.executable!r}), {{**os.environ, "PYTHONPATH": {str(packages)!r}}}, folder / "agent.py", [folder],
        folder / "names.json", isolated=False,
    )
    await asyncio.Event().wait()

asyncio.run(main())
"""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    [zygote] = fugitives.caught(1)
    assert zygote != pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    fugitives.gone()


# What a zygote imports


async def boot(folder: Path, *names: str, source: str = "", **modules: str) -> Zygote:
    """A zygote that is told to import `names`, with `modules` on its path."""
    entrypoint = folder / "agent.py"
    entrypoint.write_text(source)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "names.json").write_text(json.dumps(names))
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return await Zygote.boot(Path(sys.executable), environ, entrypoint, [folder], folder / "names.json", isolated=False)


async def test_a_module_that_fails_to_import_is_the_agents_business(tmp_path: Path) -> None:
    zygote = await boot(tmp_path, "fails", "leaves", "missing", "json", fails="1 / 0", leaves="import sys; sys.exit(3)")
    assert await zygote.warm() is None
    await zygote.close()


async def test_a_module_that_starts_a_thread_is_named(tmp_path: Path) -> None:
    threaded = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    zygote = await boot(tmp_path, "json", "threaded", "asyncio", threaded=threaded)
    assert await zygote.warm() == "threaded"
    await zygote.close()


async def test_closing_does_not_wait_for_imports(tmp_path: Path, make_fifo: Callable[[str], Fifo]) -> None:
    entered, never = make_fifo("entered"), make_fifo("never")
    zygote = await boot(tmp_path, "slow", slow=f"{entered.put_here}; {never.get_here}")
    await asyncio.to_thread(entered.get)
    await zygote.close()
    assert not zygote.alive


async def test_a_zygote_that_dies_while_it_imports(tmp_path: Path) -> None:
    zygote = await boot(tmp_path, "deadly", deadly="import os; os.write(2, b'too bad\\n'); os._exit(3)")
    with pytest.raises(BootFailure, match="too bad"):
        await zygote.warm()
    assert not zygote.alive
    with pytest.raises(BootFailure):
        await zygote.fork({}, [])
    await zygote.close()


# An agent that cannot start


async def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "agent.py").touch()
    with pytest.raises(BootFailure, match="python3 cannot be started as the agent's interpreter: No such file"):
        await Zygote.boot(tmp_path / "python3", os.environ, tmp_path / "agent.py", [tmp_path], None, isolated=False)


async def test_an_interpreter_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "agent.py").touch()
    with pytest.raises(BootFailure, match="the zygote died without a word"):
        await Zygote.boot(Path("/bin/true"), os.environ, tmp_path / "agent.py", [tmp_path], None, isolated=False)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def f(:\n  pass", r"agent\.py:1: "),
        ("x = 1\n  y = 2", r"agent\.py:2: unexpected indent"),
        ("import os\nimport not_there", r"agent\.py:2: no module named 'not_there' for "),
    ],
)
async def test_an_agent_with_a_problem(tmp_path: Path, source: str, problem: str) -> None:
    with pytest.raises(BootFailure, match=problem):
        await boot(tmp_path, source=source)


# A cancelled start


async def test_a_boot_that_is_cancelled_leaves_no_zygote(tmp_path: Path, fugitives: Fugitives) -> None:
    """An interpreter that never answers stands for one that is slow to start."""
    interpreter = tmp_path / "python3"
    code = "import os, sys, signal; open(sys.argv[1], 'wb', 0).write(b'%d\\n' % os.getpid()); signal.pause()"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} -S -c "{code}" {fugitives.fifo} {fugitives.marker}\n')
    interpreter.chmod(0o755)
    booting = asyncio.create_task(
        Zygote.boot(interpreter, os.environ, tmp_path / "agent.py", [tmp_path], None, isolated=False)
    )
    await asyncio.to_thread(fugitives.caught, 1)
    booting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await booting
    await asyncio.to_thread(fugitives.gone)


async def test_a_fork_that_is_cancelled_leaves_no_guest(laboratory: Laboratory, order: Order, until: Until) -> None:
    agent = await laboratory.agent()
    microvm = await laboratory.start(agent)
    await microvm.ready()
    zygote = await order(microvm, "answer(os.getppid())")
    os.kill(zygote, signal.SIGSTOP)
    start = asyncio.create_task(laboratory.start(agent))
    await until(lambda: list(laboratory.run_folder.path.glob("2/socket")))
    start.cancel()
    await asyncio.wait([start])
    os.kill(zygote, signal.SIGCONT)
    third = await laboratory.start(agent)  # Forked after the one that nobody wants.
    await third.ready()
    guests = Path(f"/proc/{zygote}/task/{zygote}/children")
    await until(lambda: guests.read_text().split() == [str(microvm.pid), str(third.pid)])
    assert not (laboratory.run_folder.path / "2").exists()
