"""Makes agents of the runtimes that are to be served, with all that one emulator has for them."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentcore_emulator.clock import Clock
from agentcore_emulator.config import Settings
from agentcore_emulator.environment import guest_environment
from agentcore_emulator.latency import Latency
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.proxy.opened import OpenProxy
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.control.deferred import Deferred
from agentcore_emulator.runtime.hosts import CAN_FORK, make_host
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVMHost
from agentcore_emulator.runtime.microvm.isolation import Isolation, cannot_isolate, choose
from agentcore_emulator.runtime.microvm.resources import RunFolder
from agentcore_emulator.runtime.storage import SessionStorage

__all__ = ["Builder"]


class Builder:
    """For the emulator at `url`, whose state is in the folder `state`, and what lasts no longer than it in `folder`."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        state: Path,
        folder: RunFolder,
        clock: Clock,
        latency: Latency | None,
        proxy: OpenProxy,
    ) -> None:
        self._settings = settings
        self._url = url
        self._state = state
        self._folder = folder
        self._clock = clock
        self._latency = latency
        self._proxy = proxy
        self._time = self._guest_time()
        self._isolated: bool | None = None
        self._isolations: dict[Path, Isolation] = {}
        self._choosing = asyncio.Lock()

    async def agent(self, runtime: AgentRuntime) -> tuple[Agent, Isolation]:
        """An agent that still needs its `update`, and how its guests are isolated.

        Raises `BootFailure` where the wanted isolation does not work.
        """
        agent = self._agent(runtime, self._host, self._state / "storage")
        isolation = await self._isolation(agent)
        agent.isolated = isolation.kind == "namespaces"
        return agent, isolation

    async def deployed(self, runtime: AgentRuntime, storage: Path) -> Agent:
        """The agent of one version that the control plane has made, whose sessions' storage is below `storage`.

        It boots when it is first called, or told to. Raises `BootFailure` as `agent` does.
        """
        agent = self._agent(runtime, self._deferred, storage)
        if self._isolated is None:
            # Their projects lie in one place, so what holds for one holds for all.
            self._isolated = (await self._isolation(agent)).kind == "namespaces"
        agent.isolated = self._isolated
        return agent

    def _agent(self, runtime: AgentRuntime, host: Callable[[Agent, int], MicroVMHost], storage: Path) -> Agent:
        settings = self._settings
        environ = guest_environment(self._url, settings, runtime, self._proxy.for_guests, os.environ)
        # A breakpoint can be sat on only where there is somebody to sit on it.
        terminal = os.ttyname(0) if settings.debug and os.isatty(0) else None
        return Agent(
            runtime,
            host,
            environ,
            settings.quirks,
            self._folder,
            storage=SessionStorage(storage, runtime, self._clock),
            # With --ephemeral it is the first that holds a key, but the other may be there from another time.
            hidden=sorted({self._state, settings.state_dir}),
            kept=[self._proxy.shown],
            limited=settings.limits,
            time=self._time,
            terminal=terminal,
            latency=self._latency.agent(runtime.platform) if self._latency else None,
        )

    async def _isolation(self, agent: Agent) -> Isolation:
        wanted = self._settings.isolation
        if agent.runtime.command is None and (self._settings.microvms == "spawn" or not CAN_FORK):
            return cannot_isolate(wanted, "a spawned interpreter cannot be isolated")
        # What holds for one agent of a folder holds for all, and to find out starts a process.
        project = agent.runtime.project_dir
        async with self._choosing:
            if project not in self._isolations:
                spec = agent.spec(Journal(f"[{agent.runtime.name}]"))
                self._isolations[project] = await choose(wanted, spec)
        return self._isolations[project]

    def _deferred(self, agent: Agent, number: int) -> Deferred:
        return Deferred(functools.partial(self._host, agent, number))

    def _host(self, agent: Agent, number: int) -> MicroVMHost:
        learnt = self._state / "preimports"
        return make_host(agent, number, learnt=learnt, microvms=self._settings.microvms)

    def _guest_time(self) -> dict[str, Any] | None:
        if not self._settings.guest_time:
            return None
        file = self._folder.path / "time"
        self._clock.publish(file)
        return {"path": str(file), "frozen": self._clock.frozen}
