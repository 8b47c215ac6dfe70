"""Chooses what carries the microVMs of an agent runtime: what this system can have, and its platform version wants."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from agentcore_emulator.config import MicroVMs
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.lifecycle import UNHEALTHY, ping
from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost

__all__ = ["CAN_FORK", "make_host"]


CAN_FORK = hasattr(os, "pidfd_open")
"""Whether this system can carry the forking host (Linux)."""


def make_host(agent: Agent, number: int, *, learnt: Path, microvms: MicroVMs | None) -> MicroVMHost:
    """The host of version `number`: a command's, or the wanted one, by default forking where that is safe.

    On platform version V2 the forking one restores from a snapshot; the others boot cold. `learnt` is the folder for
    what is remembered of an agent's imports.
    """
    runtime = agent.runtime
    journal = Journal(f"[{runtime.name} version {number}]")
    forks = runtime.command is None and CAN_FORK and microvms != "spawn"
    if runtime.platform == "V2" and not forks:
        journal.happened(
            "a snapshot can be taken only where sessions are forked, so they boot cold, as on V1", level=logging.WARNING
        )
    if runtime.command is not None:
        from agentcore_emulator.runtime.microvm.command import CommandHost

        return CommandHost(runtime.command)
    if not forks:
        from agentcore_emulator.runtime.microvm.spawn import SpawnHost

        return SpawnHost(
            python=runtime.python, entrypoint=runtime.entrypoint, project=runtime.project_dir, environ=agent.environ
        )
    from agentcore_emulator.runtime.microvm.fork import ForkHost

    def cold() -> ForkHost:
        return ForkHost(
            python=runtime.python,
            entrypoint=runtime.entrypoint,
            project=runtime.project_dir,
            environ=agent.environ,
            learnt=learnt,
            isolated=agent.isolated,
        )

    if runtime.platform == "V1":
        return cold()
    from agentcore_emulator.runtime.microvm.snapshot import SnapshotHost

    return SnapshotHost(
        python=runtime.python,
        environ=agent.environ,
        boot=agent.spec(journal),
        folders=agent.folder,
        journal=journal,
        unhealthy=_healthy if runtime.protocol == "MCP" else _unhealthy,
        cold=cold,
    )


async def _unhealthy(microvm: MicroVM) -> str | None:
    health = await ping(microvm)
    return f"GET /ping {health.answer}" if health.status == UNHEALTHY else None


async def _healthy(_: MicroVM) -> None:
    """MCP has no `/ping`: a server that listens is healthy."""
