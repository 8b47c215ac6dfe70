"""Programs beside agents, in the microVMs of every host. The guest's side: `tests/guest/test_execute.py`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.microvm.execution import CannotExecute, Execution
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.testing import EmulatorProcess, new_session

if TYPE_CHECKING:
    from tests.conftest import Laboratory
    from tests.runtime.microvm.conftest import Fugitives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run beside agents on Linux alone")

Order = Callable[[MicroVM, str], Awaitable[Any]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
CallerOf = Callable[[EmulatorProcess], Callable[[str, str], Any]]

RESTING = "import signal; signal.pause()"


@pytest.fixture(params=["V1", "V2", "spawn", "command"])
async def microvm(request: pytest.FixtureRequest, laboratory: Laboratory, isolation: str, puppet: str) -> MicroVM:
    """A microVM of each host, isolated in each way that the host has."""
    laboratory.isolated = isolation == "namespaces"
    options: dict[str, Any] = {"platform": request.param} if request.param in ("V1", "V2") else {}
    if request.param == "spawn":
        if laboratory.isolated:
            pytest.skip("a spawned interpreter cannot be isolated")
        options = {"kind": "spawn"}
    if request.param == "command":
        puppet = puppet.replace("8080", "int(os.environ['PORT'])")
        options = {"command": [sys.executable, "agent.py"]}
    microvm = await laboratory.start(await laboratory.agent(puppet, **options))
    await microvm.ready()
    return microvm


async def output(execution: Execution) -> tuple[str, str, int | None]:
    """What it prints to each stream, and its exit code."""
    printed = {"stdout": b"", "stderr": b""}
    async for piece in execution.pieces(10_000):
        printed[piece.stream] += piece.data
    execution.leave()
    return printed["stdout"].decode(), printed["stderr"].decode(), await execution.ended


async def bash(microvm: MicroVM, code: str) -> tuple[str, str, int | None]:
    return await output(await microvm.execute(["bash", "-c", code]))


async def test_a_program_is_in_the_agents_place(microvm: MicroVM, order: Order) -> None:
    await order(microvm, "open('made by the agent', 'w').close()\nopen('/tmp/' + str(os.getpid()), 'w')\nanswer(1)")
    code = """
    names = sorted(set(os.environ) - {"AGENTCORE_EMULATOR_ZYGOTE", "LC_CTYPE"})
    answer([os.getcwd(), {name: os.environ[name] for name in names}, socket.gethostname()])
    """
    cwd, environ, host = await order(microvm, code)
    program = "import json, os, socket\nhost = socket.gethostname()\n"
    program += "print(json.dumps([os.getcwd(), dict(os.environ), host, os.listdir()]))"
    execution = await microvm.execute([sys.executable, "-c", program], environ={"MORE": "ü"})
    printed, errors, status = await output(execution)
    assert (errors, status) == ("", 0)
    its_cwd, its_environ, its_host, files = json.loads(printed)
    assert (its_cwd, its_host) == (cwd, host)
    assert its_environ.pop("MORE") == "ü"
    its_environ.pop("LC_CTYPE", None)
    assert its_environ == environ
    assert "made by the agent" in files
    assert await bash(microvm, "echo more > 'made by a program'; exit 3") == ("", "", 3)
    assert await order(microvm, "answer(open('made by a program').read())") == "more\n"


async def test_it_may_do_no_more_than_the_agent(microvm: MicroVM, order: Order) -> None:
    code = "answer([line for line in open('/proc/self/status').read().splitlines() if line.startswith('Cap')])"
    printed, _, _ = await bash(microvm, "grep Cap /proc/self/status")
    assert printed.splitlines() == await order(microvm, code)


async def test_what_it_leaves_behind_lives_on_in_the_microvm(microvm: MicroVM) -> None:
    """Also if it goes on printing."""
    started = await bash(microvm, "touch first; while test -e first; do echo x; sleep 0.01; done & echo started")
    # Whichever of the two prints first, and however much of the other comes before the end.
    assert (set(started[0].split()) - {"x"}, *started[1:]) == ({"started"}, "", 0)
    printed, _, _ = await bash(
        microvm, "jobs; mkfifo ended; rm first; wait; ls -d first 2>/dev/null; rm ended; echo ok"
    )
    assert printed == "ok\n"


async def test_nothing_is_left_of_a_microvm(microvm: MicroVM) -> None:
    before = _descriptors()
    await bash(microvm, f"setsid sleep 1234567 & {shlex.quote(sys.executable)} -c {shlex.quote(RESTING)} & echo")
    running = await microvm.execute(["sleep", "1234567"])
    await microvm.stop(0)
    assert (await running.ended, running.gone.done()) == (None, True)
    running.leave()
    assert _sleepers() == []
    assert _descriptors() <= before


def _sleepers() -> list[str]:
    """The processes that have been started by these tests to sleep for ever."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and b"1234567" in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_the_death_of_the_agent_ends_it(microvm: MicroVM) -> None:
    execution = await microvm.execute(["sleep", "1234567"])
    microvm.kill()
    await microvm.exited
    await microvm.release()
    assert await execution.ended is None
    execution.leave()
    with pytest.raises(CannotExecute, match="its microVM has ended"):
        await microvm.execute(["true"])


async def test_severed_at_any_moment(microvm: MicroVM) -> None:
    """A start that is under way when the session ends leaves nothing."""

    async def start() -> Execution | None:
        try:
            return await microvm.execute(["sleep", "1234567"])
        except CannotExecute:
            return None

    starting = [asyncio.create_task(start()) for _ in range(4)]
    await asyncio.sleep(0)
    microvm.sever()
    await microvm.stop(0)
    for execution in await asyncio.gather(*starting):
        if execution is not None:
            assert await execution.ended is None
            execution.leave()
    assert _sleepers() == []


async def test_a_kill(microvm: MicroVM) -> None:
    execution = await microvm.execute(["bash", "-c", "echo up; timeout 1000 sleep 1234567"])
    pieces = execution.pieces(100)
    assert (await anext(pieces)).data == b"up\n"
    execution.kill()
    assert [piece async for piece in pieces] == []
    assert await execution.ended == -signal.SIGKILL
    execution.leave()
    await asyncio.wait_for(execution.gone, 30)


async def test_a_terminal(microvm: MicroVM) -> None:
    execution = await microvm.execute(["bash", "--norc"], terminal=True, environ={"PS1": "$ "})
    execution.resize(123, 45)
    await execution.write(b"stty size; sh -c 'echo in''side; exec sleep 1234567'\n")
    seen = b""
    pressed = False
    async for piece in execution.pieces(1000):
        seen += piece.data
        if b"inside\r\n" in seen and not pressed:
            # The terminal is the shell's own: Ctrl-C ends what runs in its foreground, and the shell goes on.
            pressed = True
            await execution.write(b"\x03exit 4\n")
    assert b"45 123\r\n" in seen
    execution.leave()
    assert await execution.ended == 4


async def test_a_terminal_is_taken_away(microvm: MicroVM) -> None:
    code = "trap 'echo gone > note; exit 5' HUP; echo up; while read; do :; done; sleep 1234567"
    execution = await microvm.execute(["bash", "-c", code], terminal=True)
    pieces = execution.pieces(100)
    assert (await anext(pieces)).data == b"up\r\n"
    execution.hang_up()
    assert [piece async for piece in pieces] == []
    execution.leave()
    assert await execution.ended == 5
    assert (await bash(microvm, "cat note"))[0] == "gone\n"


async def test_what_there_is_not(microvm: MicroVM, until: Until) -> None:
    before = _descriptors()
    with pytest.raises(CannotExecute, match="No such file or directory"):
        await microvm.execute(["no-such-program"])
    await until(lambda: _descriptors() == before)


async def test_there_is_no_room(microvm: MicroVM, until: Until) -> None:
    before = _descriptors()
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # One more each time, so that it is another that cannot be had.
        for number in range(20):
            resource.setrlimit(resource.RLIMIT_NOFILE, (before + number, most))
            with contextlib.suppress(CannotExecute):
                execution = await microvm.execute(["true"], terminal=number % 2 == 0)
                execution.leave()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    assert await bash(microvm, "echo again") == ("again\n", "", 0)
    await until(lambda: _descriptors() == before)


async def test_a_large_order(microvm: MicroVM) -> None:
    printed, _, status = await bash(microvm, ": " + "\x01" * 65_000 + "; echo done")
    assert (printed, status) == ("done\n", 0)


@pytest.fixture
def options(isolation: str) -> list[str]:
    return ["--isolation", isolation, "--quirks", "off"]


@pytest.mark.parametrize("platform", ["V1", "V2"])
def test_nothing_outlives_an_emulator_that_is_killed(
    platform: str, options: list[str], write_agent: Callable[[str], Path], puppet: str, fugitives: Fugitives
) -> None:
    rest = f"{shlex.quote(sys.executable)} -S -c {shlex.quote(RESTING)} {fugitives.marker}"
    command = f"{rest} & setsid {rest} & (setsid {rest} &)"
    with EmulatorProcess(write_agent(puppet), *options, "--platform", platform) as emulator:
        answer = emulator.client("bedrock-agentcore").invoke_agent_runtime_command(
            agentRuntimeArn=emulator.arn, runtimeSessionId=new_session(), body={"command": command}
        )
        assert list(answer["stream"])[-1]["chunk"]["contentStop"]["exitCode"] == 0
        while len(found := fugitives.marked()) < 3:
            pass
        fugitives.watch(*found)
        emulator.kill()
        fugitives.gone()
