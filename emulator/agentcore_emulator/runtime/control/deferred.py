"""A microVM host that comes up when it is first needed: versions that nobody calls cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost, MicroVMSpec

__all__ = ["Deferred"]


class Deferred:
    """The host that `make` gives, once it is needed. One that does not come up is made anew the next time."""

    def __init__(self, make: Callable[[], MicroVMHost]) -> None:
        self._make = make
        self._host: MicroVMHost | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Nothing is needed yet."""

    async def boot(self) -> MicroVMHost:
        """Have the host come up, unless it has. Raises `BootFailure`."""
        async with self._opening:
            if self._host is None:
                host = self._make()
                try:
                    await host.open()
                except BaseException:
                    await host.close()
                    raise
                self._host = host
            return self._host

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """As of `MicroVMHost`."""
        return await (await self.boot()).start(spec)

    async def close(self) -> None:
        """As of `MicroVMHost`."""
        async with self._opening:
            if self._host is not None:
                await self._host.close()
