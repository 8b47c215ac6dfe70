"""The versions of one agent runtime: new sessions run on the newest, live ones stay on theirs.

AWS developer guide, "AgentCore Runtime versioning and endpoints": versions are numbered from 1 and never change, the
endpoint DEFAULT follows the newest, and an update that fails leaves the version before in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost, MicroVMSpec

__all__ = ["Version", "Versions"]


class Version:
    """One version at work: its number, and the host that its sessions are started by."""

    def __init__(self, number: int, host: MicroVMHost) -> None:
        self.number = number
        self._host = host
        self._live = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    @property
    def gone(self) -> bool:
        """Whether it is retired and its host closed."""
        return self._closing is not None and self._closing.done()

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Start a microVM on this version. Raises `BootFailure`."""
        self._live += 1
        try:
            microvm = await self._host.start(spec)
        except BaseException:
            self._ended()
            raise
        microvm.exited.add_done_callback(lambda _: self._ended())
        return microvm

    @property
    def host(self) -> MicroVMHost:
        """What its sessions are started by."""
        return self._host

    def retire(self) -> None:
        """Close the host as soon as the last session is gone; no more are started."""
        self._retired = True
        if self._live == 0:
            self._close()

    async def close(self) -> None:
        """Close the host now."""
        self._retired = True
        await self._close()

    def _close(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._closing = asyncio.create_task(self._host.close())
            self._closing.add_done_callback(lambda _: self.closed.set())
        return self._closing

    def _ended(self) -> None:
        self._live -= 1
        if self._retired:
            self.retire()


class Versions:
    """All versions of one runtime that still have sessions; `current` is the one of new sessions.

    Their numbers go on from that of the version `before` them.
    """

    def __init__(self, new_host: Callable[[int], MicroVMHost], before: int = 0) -> None:
        self._new_host = new_host
        self._all: list[Version] = []
        self._updating = asyncio.Lock()
        self._made = before

    @property
    def current(self) -> Version:
        """The newest version that came up."""
        return self._all[-1]

    def live(self) -> set[int]:
        """The numbers of the versions that have sessions, or are current."""
        return {version.number for version in self._all if not version.gone}

    async def update(self) -> Version:
        """Boot one more version and make it the current one.

        Raises `BootFailure` if it does not come up; the one before, if there is one, then stays current.
        """
        async with self._updating:
            host = self._new_host(self._made + 1)
            try:
                await host.open()
            except BaseException:
                await host.close()
                raise
            self._made += 1
            version = Version(self._made, host)
            for older in self._all:
                older.retire()
            self._all = [older for older in self._all if not older.gone] + [version]
            return version

    async def retire(self) -> None:
        """Start no more sessions, and return when the last one has ended and all are closed."""
        for version in self._all:
            version.retire()
        await asyncio.gather(*(version.closed.wait() for version in self._all))

    async def close(self) -> None:
        """Close all; their sessions must have ended."""
        await asyncio.gather(*(version.close() for version in self._all))
