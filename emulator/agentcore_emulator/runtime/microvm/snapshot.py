"""The microVM host of platform version V2: boots the agent once per version and forks every session from there.

AWS developer guide, "How it works" and "Optimize for platform version V2": the snapshot is taken at the first healthy
`/ping`, which must come within 120 s, or the version fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.fork import ForkHost, fork_microvm
from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM, MicroVMSpec
from agentcore_emulator.runtime.microvm.resources import LogPipe, RunFolder
from agentcore_emulator.runtime.microvm.zygote import Trap, Zygote

__all__ = ["SnapshotHost"]

_BOOT_SECONDS = 120.0

# Of real time, by which the agent's own start-up goes on between two looks at its health.
_RUN_ON_SECONDS = 0.25


class SnapshotHost:
    """Restores the microVMs of one version of an agent runtime.

    `boot` is what the version is booted with: its lines and findings go to `journal`. `unhealthy` asks a microVM's
    `/ping` and says what is wrong with it, None if nothing is. An agent that a fork cannot carry is booted cold for
    each session, by the host that `cold` makes.
    """

    def __init__(
        self,
        *,
        python: Path,
        environ: Mapping[str, str],
        boot: MicroVMSpec,
        folders: RunFolder,
        journal: Journal,
        unhealthy: Callable[[MicroVM], Awaitable[str | None]],
        cold: Callable[[], ForkHost],
    ) -> None:
        self._python = python
        self._environ = environ
        self._boot = boot
        self._run_folder = folders
        self._journal = journal
        self._unhealthy = unhealthy
        self._new_cold = cold
        self._cold: ForkHost | None = None
        self._zygote: Zygote | None = None
        self._log: LogPipe | None = None
        self._booting = asyncio.Lock()
        self._wrong: str | None = None

    async def open(self) -> None:
        """Boot the agent and stand still where it is healthy. Raises `BootFailure`."""
        async with self._booting:
            await self._take_snapshot()

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Restore one microVM; it may not be ready yet. Raises `BootFailure`."""
        if self._cold is not None:
            return await self._cold.start(spec)
        return await fork_microvm(self._ripe, replace(spec, like=self._boot.folder))

    async def close(self) -> None:
        """End what is kept between sessions."""
        if self._cold is not None:
            await self._cold.close()
        await self._discard()

    async def _ripe(self) -> Zygote:
        """The zygote that stands still, booted anew if it has died."""
        async with self._booting:
            if self._zygote is None or not self._zygote.alive:
                self._journal.happened("its snapshot is lost; it boots anew", level=logging.WARNING)
                await self._discard()
                await self._take_snapshot()
            if self._zygote is None:
                raise BootFailure("its snapshot is lost, and cannot be taken again")
            return self._zygote

    async def _take_snapshot(self) -> None:
        await asyncio.to_thread(self._boot.make_folder)
        self._log = LogPipe(self._boot.on_line)
        try:
            zygote = self._zygote = await Zygote.boot(
                self._python,
                self._environ,
                self._boot.entrypoint,
                list(dict.fromkeys([self._boot.entrypoint.parent, self._boot.project])),
                None,
                isolated=self._boot.isolated,
            )
            await zygote.warm()
            async with asyncio.timeout(_BOOT_SECONDS):
                problem = await self._ripen(zygote, self._log)
        except TimeoutError:
            late = self._too_late()
            await self._discard()
            raise BootFailure(late) from None
        except BaseException:
            await self._discard()
            raise
        if problem is not None:
            self._journal.happened(
                f"it cannot be restored from a snapshot: {problem}; its sessions boot cold, as on V1",
                level=logging.WARNING,
            )
            await self._discard()
            self._cold = self._new_cold()
            await self._cold.open()
            return
        self._journal.happened("its snapshot is taken; sessions are restored from it")

    async def _ripen(self, zygote: Zygote, log: LogPipe) -> str | None:
        try:
            problem = await zygote.ripen(self._boot.order(), log.write_end, self._on_trap)
        finally:
            log.close_write_end()
        while problem is None:
            self._wrong, modules = await self._look()
            if self._wrong is None:
                problem = await zygote.run_on(0, modules)
                break
            problem = await zygote.run_on(_RUN_ON_SECONDS)
        log.drain()
        return problem

    async def _look(self) -> tuple[str | None, list[str]]:
        """What is wrong with the health of a session that is restored now, and which modules it has imported for that.

        The session is thrown away.
        """
        spec = replace(self._boot, folder=self._run_folder.session(), like=self._boot.folder)
        try:
            microvm = await fork_microvm(self._current, spec)
        except BaseException:
            await asyncio.to_thread(spec.folder.remove)
            raise
        try:
            await microvm.ready()
            wrong = await self._unhealthy(microvm)
            return wrong, [] if wrong else await microvm.link.modules()
        finally:
            await microvm.stop(0)

    async def _current(self) -> Zygote:
        assert self._zygote is not None, "a look at a version that is not booted"
        return self._zygote

    def _on_trap(self, trap: Trap) -> None:
        self._journal.happened(
            f"snapshot trap {trap.kind}: {trap.place}: {trap.what} before the snapshot; {trap.remedy}",
            level=logging.WARNING,
        )

    def _too_late(self) -> str:
        zygote = self._zygote
        if zygote is not None and zygote.elsewhere and self._wrong is None:
            ports = ", ".join(map(str, zygote.elsewhere))
            return f"the agent listens on port {ports}, but AgentCore speaks to port {self._boot.port}; serve there"
        return f"its /ping was not healthy within {_BOOT_SECONDS:.0f} s: {self._wrong or 'it does not serve'}"

    async def _discard(self) -> None:
        if self._zygote is not None:
            await self._zygote.close()
            self._zygote = None
        if self._log is not None:
            self._log.drain()
            self._log.close()
            self._log = None
        await asyncio.to_thread(self._boot.folder.remove)
