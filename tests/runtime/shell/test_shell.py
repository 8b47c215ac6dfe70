"""One shell in a microVM, with viewers of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.session import Session, SessionKey
from agentcore_emulator.runtime.shell.shell import Shell, Viewer

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Run:
    """A program in the place of a shell."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.ended: list[Shell] = []
        self._shells: list[Shell] = []

    async def __call__(self, code: str) -> Shell:
        agent = await self.laboratory.agent()
        microvm = await self.laboratory.start(agent)
        await microvm.ready()
        session = Session(SessionKey("agent", "DEFAULT", "session"), agent.runtime, Journal("test"), 0.0)
        session.microvm = microvm
        execution = await microvm.execute(["bash", "-c", f"stty -echo -onlcr; {code}"], terminal=True)
        shell = Shell("shell", session, execution, Clock(), self.ended.append)
        self._shells.append(shell)
        return shell

    async def end(self) -> None:
        for shell in self._shells:
            await shell.end()


@pytest.fixture
async def run(laboratory: Laboratory) -> AsyncIterator[Run]:
    run = Run(laboratory)
    yield run
    await run.end()


def ignore() -> None:
    pass


async def until(shell: Shell, viewer: Viewer, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        data = await shell.shown(viewer, 1000)
        assert data, seen[-1000:]
        seen += data
    return seen


async def test_a_viewer_sees_everything_from_the_start_to_the_end(run: Run) -> None:
    shell = await run('echo one; read line; echo "$line"; exit 3')
    viewer = shell.attach(ignore)
    await until(shell, viewer, b"one\n")
    await shell.write(b"two\n")
    await until(shell, viewer, b"two\n")
    assert await shell.shown(viewer, 1000) is None
    assert (shell.over, shell.code, run.ended) == (True, 3, [shell])
    # Whoever comes late sees it too.
    assert await until(shell, shell.attach(ignore), b"two\n") == b"one\ntwo\n"


async def test_a_newer_viewer_replaces_the_older(run: Run) -> None:
    shell = await run("echo up; sleep 100000")
    replaced: list[str] = []
    older = shell.attach(lambda: replaced.append("older"))
    await until(shell, older, b"up\n")
    newer = shell.attach(lambda: replaced.append("newer"))
    assert replaced == ["older"]
    shell.detach(older)  # Too late to be of any effect.
    await until(shell, newer, b"up\n")
    shell.attach(ignore)
    assert replaced == ["older", "newer"]


async def test_it_waits_for_its_viewer_and_for_nobody_else(run: Run) -> None:
    shell = await run("head -c 1000000 /dev/zero | tr '\\0' x; echo end")
    viewer = shell.attach(ignore)
    first = await shell.shown(viewer, 1)
    assert first == b"x"
    assert not shell.over
    seen = await until(shell, viewer, b"end\n")
    assert len(seen) == 1_000_003
    await until_over(shell)


async def until_over(shell: Shell) -> None:
    async with asyncio.timeout(30):
        while not shell.over:  # noqa: ASYNC110 - nobody tells of what is waited for here
            await asyncio.sleep(0)


async def test_without_a_viewer_it_goes_on_and_the_last_is_kept(run: Run) -> None:
    shell = await run("head -c 1000000 /dev/zero | tr '\\0' x; echo end")
    await until_over(shell)
    seen = await until(shell, shell.attach(ignore), b"end\n")
    assert len(seen) == 256 * 1024


async def test_a_viewer_that_leaves_lets_it_go_on(run: Run) -> None:
    shell = await run("head -c 1000000 /dev/zero | tr '\\0' x; echo end")
    viewer = shell.attach(ignore)
    await shell.shown(viewer, 1)
    shell.detach(viewer)
    await until_over(shell)


async def test_an_end_that_is_asked_for_twice(run: Run) -> None:
    shell = await run("trap 'sleep 0.01; exit 4' HUP; echo up; while :; do sleep 0.01; done")
    await until(shell, shell.attach(ignore), b"up\n")
    before = shell.ending
    ends = asyncio.gather(shell.end(), shell.end())
    await asyncio.sleep(0)
    assert (before, shell.ending) == (False, True)
    await ends
    await shell.end()
    assert (shell.over, shell.code, run.ended) == (True, 4, [shell])


async def test_the_end_of_its_microvm(run: Run) -> None:
    shell = await run("echo up; sleep 100000")
    viewer = shell.attach(ignore)
    await until(shell, viewer, b"up\n")
    assert shell.session.microvm is not None
    shell.session.microvm.sever()
    assert await shell.shown(viewer, 1000) is None
    assert (shell.over, shell.code) == (True, None)
