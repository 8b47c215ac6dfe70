"""The agent runtimes that this emulator serves, each with the host that starts its microVMs."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.latency import AgentLatency
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost, MicroVMSpec
from agentcore_emulator.runtime.microvm.link import Finding
from agentcore_emulator.runtime.microvm.resources import RunFolder

__all__ = ["CONTRACTS", "Agent", "Agents", "Contract", "make_host"]

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
    """One agent runtime at work."""

    def __init__(
        self,
        runtime: AgentRuntime,
        host: MicroVMHost,
        environ: Mapping[str, str],
        quirks: Quirks,
        folder: RunFolder,
        terminal: str | None = None,
        latency: AgentLatency | None = None,
    ) -> None:
        self.runtime = runtime
        self.host = host
        self.quirks = quirks
        self.latency = latency
        contract = CONTRACTS[runtime.protocol]
        self.port = contract.port
        self.path = contract.path
        self._environ = environ
        self._folder = folder
        self._terminal = terminal

    async def start(self, session_id: str, journal: Journal) -> MicroVM:
        """Start a microVM for a session; it may not be ready yet. Raises `BootFailure`."""

        def on_finding(finding: Finding) -> None:
            journal.happened(f"quirk {finding.quirk}: {finding.place}: {finding.remedy}", level=logging.WARNING)

        if self.latency:
            await self.latency.start()
        folder = self._folder.session()
        try:
            return await self.host.start(
                MicroVMSpec(
                    entrypoint=self.runtime.entrypoint,
                    project=self.runtime.project_dir,
                    environ=self._environ,
                    port=self.port,
                    quirks=self.quirks,
                    folder=folder,
                    on_line=journal.printed,
                    on_finding=on_finding,
                    terminal=self._terminal,
                )
            )
        except BaseException:
            # Also half a copy, that of a full disk.
            await asyncio.to_thread(folder.remove)
            raise


def make_host(runtime: AgentRuntime, environ: Mapping[str, str], learnt: Path) -> MicroVMHost:
    """The microVM host that this system can carry: forking on Linux, spawning elsewhere."""
    if hasattr(os, "pidfd_open"):  # Linux
        from agentcore_emulator.runtime.microvm.fork import ForkHost

        return ForkHost(
            python=runtime.python,
            entrypoint=runtime.entrypoint,
            project=runtime.project_dir,
            environ=environ,
            learnt=learnt,
        )
    from agentcore_emulator.runtime.microvm.spawn import SpawnHost

    return SpawnHost(python=runtime.python, entrypoint=runtime.entrypoint, project=runtime.project_dir, environ=environ)


class Agents:
    """Finds an agent by what a request names it: an ARN, or an id beside an account id."""

    def __init__(self, agents: Iterable[Agent], account_id: str) -> None:
        self._account_id = account_id
        self._by_arn = {agent.runtime.arn: agent for agent in agents}
        self._by_id = {agent.runtime.runtime_id: agent for agent in self._by_arn.values()}

    def __iter__(self) -> Iterator[Agent]:
        """The agents, in the order of their registration."""
        return iter(self._by_arn.values())

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
