"""Chooses what carries the microVMs of an agent runtime: what this system can have, and its platform version wants."""

from __future__ import annotations

import os
from pathlib import Path

from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.lifecycle import UNHEALTHY, ping
from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost

__all__ = ["make_host"]


def make_host(agent: Agent, number: int, *, learnt: Path) -> MicroVMHost:
    """The host of version `number`: forking on Linux, spawning elsewhere; restoring on platform version V2.

    `learnt` is the folder for what is remembered of an agent's imports.
    """
    runtime = agent.runtime
    if not hasattr(os, "pidfd_open"):
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

    journal = Journal(f"[{runtime.name} version {number}]")
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
