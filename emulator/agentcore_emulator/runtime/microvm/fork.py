"""The microVM host of Linux: forks each session from a zygote that has the agent's heavy packages imported.

What to import is learnt. The first session of an agent reports what it had loaded after its first answer; a new zygote
imports that and takes over, and the old one goes when its last session has. Nothing is imported for a project that has
its packages beside it, as the zip of a direct code deployment does.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM, MicroVMSpec
from agentcore_emulator.runtime.microvm.link import Link
from agentcore_emulator.runtime.microvm.preimport import Preimports
from agentcore_emulator.runtime.microvm.resources import LogPipe, Sockets
from agentcore_emulator.runtime.microvm.zygote import ForkedProcess, Zygote

__all__ = ["ForkHost", "fork_microvm"]

_log = logging.getLogger(__name__)

# As long as a session may take to start; imports that take longer here would take longer there.
_WARM_SECONDS = 30.0

# Packages that start threads on import are left out one by one; past this many, something else is wrong.
_MOST_EXCLUDED = 8


async def fork_microvm(
    zygote: Callable[[], Awaitable[Zygote]],
    spec: MicroVMSpec,
    on_answered: Callable[[MicroVM], None] | None = None,
) -> MicroVM:
    """Fork a microVM from what `zygote` gives when all that the microVM needs is there. Raises `BootFailure`."""
    await asyncio.to_thread(spec.make_folder)
    link = Link(spec.on_finding)
    sockets = Sockets(spec.folder.socket)
    ours, theirs = socket.socketpair()
    log = LogPipe(spec.on_line)
    try:
        process = await _fork(
            zygote, spec.order(), [sockets.unix.fileno(), sockets.tcp.fileno(), log.write_end, theirs.fileno()]
        )
    except BaseException:
        ours.close()
        raise
    finally:
        # From here on only the guest holds these: its death is seen, and refused connections tell of it.
        sockets.close()
        log.close_write_end()
        theirs.close()
    await link.open(ours)
    return MicroVM(process, link=link, sockets=sockets, log=log, spec=spec, on_answered=on_answered)


async def _fork(
    zygote: Callable[[], Awaitable[Zygote]], order: Mapping[str, Any], descriptors: Sequence[int]
) -> ForkedProcess:
    """Fork a guest; once more if that is how the death of the zygote at hand gets known."""
    current = await zygote()
    try:
        return await current.fork(order, descriptors)
    except BootFailure:
        if current.alive:
            raise
    return await (await zygote()).fork(order, descriptors)


class ForkHost:
    """Starts the microVMs of one agent runtime.

    `environ` is the environment that the zygote imports packages in, so it is the guests' without what is a session's
    own.
    """

    def __init__(
        self,
        *,
        python: Path,
        entrypoint: Path,
        project: Path,
        environ: Mapping[str, str],
        learnt: Path,
        isolated: bool,
    ) -> None:
        self._python = python
        self._entrypoint = entrypoint
        self._folders = list(dict.fromkeys([entrypoint.parent, project]))
        self._environ = environ
        self._isolated = isolated
        self._preimports = Preimports(learnt, python, entrypoint)
        # What the zygote that was booted last was told to import.
        self._told: frozenset[str] = frozenset()
        self._zygote: Zygote | None = None
        self._booting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._old: list[Zygote] = []
        # What is imported ahead comes from what is installed, and would go before what the project carries.
        self._learns = not any(project.glob("*.dist-info"))

    async def open(self) -> None:
        """Boot the zygote and have it look at the entry file; its imports go on while the emulator gets ready."""
        self._zygote = await self._boot()

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Fork one microVM; it may not be ready yet. Raises `BootFailure`."""
        return await fork_microvm(self._forkable, spec, self._learn_from)

    async def close(self) -> None:
        """End the zygotes."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(zygote.close() for zygote in [*self._old, self._zygote] if zygote))

    async def _boot(self) -> Zygote:
        self._told = frozenset(self._preimports.names)
        return await Zygote.boot(
            self._python,
            self._environ,
            self._entrypoint,
            self._folders,
            self._preimports.file if self._learns else None,
            isolated=self._isolated,
        )

    async def _forkable(self) -> Zygote:
        """The current zygote, warm; replaced if it has died or cannot be forked."""
        async with self._booting:
            for _ in range(_MOST_EXCLUDED):
                if self._zygote is None or not self._zygote.alive:
                    self._zygote = await self._boot()
                try:
                    # Not wait_for, which in Python 3.11 can lose a cancellation that comes with the result.
                    async with asyncio.timeout(_WARM_SECONDS):
                        threaded = await self._zygote.warm()
                except (BootFailure, TimeoutError) as failure:
                    if self._preimports.file is None:
                        raise BootFailure(str(failure) or "the zygote does not get ready") from None
                    self._preimports.forget()  # It died or hangs over an import that sessions survive.
                    await self._zygote.close()
                    continue
                if threaded is None:
                    return self._zygote
                _log.info("%s starts a thread when imported, so sessions import it themselves", threaded)
                self._preimports.exclude(threaded)
                await self._zygote.close()
            raise BootFailure(f"more than {_MOST_EXCLUDED} packages start threads on import; try another --python")

    def _learn_from(self, microvm: MicroVM) -> None:
        if not self._learns:
            return
        task = asyncio.create_task(self._learn(microvm))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _learn(self, microvm: MicroVM) -> None:
        modules = await microvm.link.modules()
        # No news can still be news to this zygote: another agent of the same file has learnt it meanwhile.
        if not modules or not (self._preimports.learn(modules) or set(self._preimports.names) - self._told):
            return
        try:
            fresh = await self._boot()
        except BootFailure as failure:
            _log.info("sessions start as before: %s", failure)
            return
        try:
            threaded = await fresh.warm()
        except BaseException as failure:
            await fresh.close()
            if not isinstance(failure, BootFailure):
                raise
            self._preimports.forget()
            self._learns = False
            _log.info("sessions start as before: %s", failure)
            return
        if threaded is not None:
            # The next start sorts it out; until then the zygote at hand serves.
            self._preimports.exclude(threaded)
            await fresh.close()
            return
        old, self._zygote = self._zygote, fresh
        if old is not None:
            self._old = [zygote for zygote in self._old if zygote.alive]
            self._old.append(old)
            old.retire()
        _log.debug("a zygote with %d imported modules takes over", len(modules))
