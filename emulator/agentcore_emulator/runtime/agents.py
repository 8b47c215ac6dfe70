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

__all__ = ["CONTRACTS", "DEFAULT_ENDPOINT", "Agent", "Agents", "Contract"]

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
        self.versions = Versions(functools.partial(make_host, self), (runtime.version or 1) - 1)
        self.environ = environ
        self.quirks = quirks
        self.folder = folder
        self.isolated = isolated
        self.storage = storage
        self.latency = latency
        contract = CONTRACTS[runtime.protocol]
        self.port = runtime.port or contract.port
        self.path = runtime.path or contract.path
        self._hidden = hidden
        self._kept = kept
        self._limited = limited
        self._time = time
        self._terminal = terminal
        self._left: set[str | None] = set()

    def called_by(self, endpoint: str) -> bool:
        """Whether it may start sessions of an endpoint, which a call has found it by."""
        return self._left.isdisjoint((endpoint, None))

    def join(self, endpoint: str) -> None:
        """Be called by an endpoint from now on."""
        self._left.discard(endpoint)

    def leave(self, endpoint: str | None = None) -> None:
        """Start no more sessions of an endpoint, or of any, since it is deleted."""
        self._left.add(endpoint)

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
    """Finds an agent by what a request names it: an ARN, or an id beside an account id; and an endpoint of it."""

    def __init__(self, agents: Iterable[Agent], account_id: str) -> None:
        self._account_id = account_id
        self._by_arn: dict[str, dict[str, Agent]] = {}
        self._arns: dict[str, str] = {}
        for agent in agents:
            self.put(agent)

    def __iter__(self) -> Iterator[Agent]:
        """The agents behind the endpoints DEFAULT, in the order of their runtimes' registration."""
        return iter([found[DEFAULT_ENDPOINT] for found in self._by_arn.values() if DEFAULT_ENDPOINT in found])

    def put(self, agent: Agent, endpoint: str = DEFAULT_ENDPOINT) -> None:
        """Have calls of an endpoint of the agent's runtime go to it from now on."""
        agent.join(endpoint)
        self._by_arn.setdefault(agent.runtime.arn, {})[endpoint] = agent
        self._arns[agent.runtime.runtime_id] = agent.runtime.arn

    def remove(self, arn: str, endpoint: str) -> None:
        """Have no agent behind an endpoint of a runtime any more."""
        found = self._by_arn.get(arn, {})
        agent = found.pop(endpoint, None)
        if agent is not None:
            agent.leave(endpoint)
        if not found:
            self._by_arn.pop(arn, None)
            self._arns.pop(arn.rpartition("/")[2], None)

    def endpoints(self, arn: str) -> list[str]:
        """The names of a runtime's endpoints that have an agent behind them."""
        return list(self._by_arn.get(arn, ()))

    def protocol(self, name: str, qualifier: str | None = None) -> Protocol:
        """The protocol of the agent that a request names, if there is one, and HTTP if there is none.

        Where there is no such endpoint, that of DEFAULT: the error that says so has the form which clients of the agent
        understand.
        """
        found = self._by_arn.get(self._arns.get(name, name), {})
        agent = found.get(qualifier or DEFAULT_ENDPOINT) or found.get(DEFAULT_ENDPOINT)
        return agent.runtime.protocol if agent is not None else "HTTP"

    def find(self, name: str, account_id: str | None, qualifier: str | None) -> Agent:
        """The agent that a request means.

        `name` is the path's `agentRuntimeArn`. A bare id needs the account's id (botocore model, `accountId`).
        Raises `ResourceNotFoundException` or `ValidationException`.
        """
        if name.startswith("arn:"):
            found = self._by_arn.get(name)
        else:
            if account_id is None:
                raise ValidationException(
                    "accountId is required when the agent runtime is given by its id instead of its ARN",
                    fields=[("accountId", "is required with an id")],
                )
            found = self._by_arn.get(self._arns.get(name, "")) if account_id == self._account_id else None
        if found is None:
            raise ResourceNotFoundException(f"No agent runtime found with ARN or id {name}")
        agent = found.get(qualifier or DEFAULT_ENDPOINT)
        if agent is None:
            raise ResourceNotFoundException(
                f"No endpoint or agent runtime found with qualifier {qualifier} for agent {name}"
            )
        return agent
