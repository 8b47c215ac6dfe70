"""The agent runtimes that this emulator serves, each with the host that starts its microVMs."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentcore_emulator.config import Protocol
from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.latency import AgentLatency
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost, MicroVMSpec, Storage
from agentcore_emulator.runtime.microvm.link import Finding
from agentcore_emulator.runtime.microvm.resources import RunFolder
from agentcore_emulator.runtime.storage import SessionStorage
from agentcore_emulator.runtime.versions import Version, Versions

__all__ = ["CONTRACTS", "Agent", "Agents", "Contract"]

DEFAULT_ENDPOINT = "DEFAULT"


@dataclasses.dataclass(frozen=True, slots=True)
class Contract:
    """What a protocol asks of the agent's server."""

    port: int
    path: str


# AWS developer guide, the four "protocol contract" pages.
CONTRACTS: Mapping[str, Contract] = {
    "HTTP": Contract(8080, "/invocations"),
    "MCP": Contract(8000, "/mcp"),
    "A2A": Contract(9000, "/"),
    "AGUI": Contract(8080, "/invocations"),
}


class Agent:
    """One agent runtime at work; it needs an `update` before the first session.

    `make_host(agent, number)` gives the host of a version. `environ` is what its guests find. Isolated ones see nothing
    in the folders `hidden`, and those `kept` wherever they lie. `limited` and `time` are those of `MicroVMSpec`.
    """

    def __init__(
        self,
        runtime: AgentRuntime,
        make_host: Callable[[Agent, int], MicroVMHost],
        environ: Mapping[str, str],
        quirks: Quirks,
        folder: RunFolder,
        *,
        storage: SessionStorage | None = None,
        isolated: bool = False,
        hidden: Sequence[Path] = (),
        kept: Sequence[Path] = (),
        limited: bool = False,
        time: Mapping[str, Any] | None = None,
        terminal: str | None = None,
        latency: AgentLatency | None = None,
    ) -> None:
        self.runtime = runtime
        self.versions = Versions(functools.partial(make_host, self))
        self.environ = environ
        self.quirks = quirks
        self.folder = folder
        self.isolated = isolated
        self.storage = storage
        self.latency = latency
        contract = CONTRACTS[runtime.protocol]
        self.port = contract.port
        self.path = contract.path
        self._hidden = hidden
        self._kept = kept
        self._limited = limited
        self._time = time
        self._terminal = terminal

    async def update(self) -> Version:
        """Make a new version the one of new sessions; `BootFailure` if it does not come up."""
        version = await self.versions.update()
        if self.storage is not None:
            await asyncio.to_thread(self.storage.add_version, version.number, self.versions.live())
        return version

    def spec(self, journal: Journal, storage: Storage | None = None) -> MicroVMSpec:
        """What a new microVM runs, with a folder of its own."""

        def on_finding(finding: Finding) -> None:
            journal.happened(f"quirk {finding.quirk}: {finding.place}: {finding.remedy}", level=logging.WARNING)

        return MicroVMSpec(
            entrypoint=self.runtime.entrypoint,
            project=self.runtime.project_dir,
            environ=self.environ,
            port=self.port,
            quirks=self.quirks,
            folder=self.folder.session(),
            on_line=journal.printed,
            on_finding=on_finding,
            terminal=self._terminal,
            isolated=self.isolated,
            hidden=self._hidden,
            kept=self._kept,
            storage=storage,
            limited=self._limited,
            time=self._time,
        )

    async def start(self, version: Version, journal: Journal, session_id: str) -> MicroVM:
        """Start a microVM for a session on a version; it may not be ready yet. Raises `BootFailure`."""
        if self.latency:
            await self.latency.start()
        storage = None
        if self.storage is not None:
            storage = await asyncio.to_thread(self.storage.open, version.number, session_id)
        spec = self.spec(journal, storage)
        try:
            microvm = await version.start(spec)
        except BaseException:
            # Also half a copy, that of a full disk.
            await asyncio.to_thread(spec.folder.remove)
            raise
        if storage is not None and self.storage is not None:
            used = functools.partial(self.storage.used, version.number, session_id)
            microvm.exited.add_done_callback(lambda _: asyncio.get_running_loop().run_in_executor(None, used))
        return microvm


class Agents:
    """Finds an agent by what a request names it: an ARN, or an id beside an account id."""

    def __init__(self, agents: Iterable[Agent], account_id: str) -> None:
        self._account_id = account_id
        self._by_arn = {agent.runtime.arn: agent for agent in agents}
        self._by_id = {agent.runtime.runtime_id: agent for agent in self._by_arn.values()}

    def __iter__(self) -> Iterator[Agent]:
        """The agents, in the order of their registration."""
        return iter(self._by_arn.values())

    def protocol(self, name: str) -> Protocol:
        """The protocol of the agent that a path names, if there is one, and HTTP if there is none."""
        agent = self._by_arn.get(name) or self._by_id.get(name)
        return agent.runtime.protocol if agent is not None else "HTTP"

    def find(self, name: str, account_id: str | None, qualifier: str | None) -> Agent:
        """The agent that a request means.

        `name` is the path's `agentRuntimeArn`. A bare id needs the account's id (botocore model, `accountId`).
        Raises `ResourceNotFoundException` or `ValidationException`.
        """
        if name.startswith("arn:"):
            agent = self._by_arn.get(name)
        else:
            if account_id is None:
                raise ValidationException(
                    "accountId is required when the agent runtime is given by its id instead of its ARN",
                    fields=[("accountId", "is required with an id")],
                )
            agent = self._by_id.get(name) if account_id == self._account_id else None
        if agent is None:
            raise ResourceNotFoundException(f"No agent runtime found with ARN or id {name}")
        if (qualifier or DEFAULT_ENDPOINT) != DEFAULT_ENDPOINT:
            raise ResourceNotFoundException(
                f"No endpoint or agent runtime found with qualifier {qualifier} for agent {name}"
            )
        return agent
