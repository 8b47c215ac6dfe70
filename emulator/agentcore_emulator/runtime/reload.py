"""Hot reload: a change of an agent's source makes a new version for new sessions, while live ones stay on theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from agentcore_emulator import project_files
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.microvm.host import BootFailure

__all__ = ["follow", "watch"]

_log = logging.getLogger(__name__)


async def watch(agent: Agent) -> None:
    """Update the agent whenever its source has changed, until cancelled."""
    await follow(agent, _changes(agent.runtime.project_dir))


async def follow(agent: Agent, changes: AsyncIterator[set[Path]]) -> None:
    """Update the agent for every set of files that have changed together."""
    name = agent.runtime.name
    async for files in changes:
        changed = ", ".join(sorted(str(file.relative_to(agent.runtime.project_dir)) for file in files))
        try:
            version = await agent.update()
        except BootFailure as failure:
            _log.error("%s: %s changed, but does not start: %s; sessions start as before", name, changed, failure)
        else:
            _log.info("%s: %s changed: new sessions get version %d, live ones drain", name, changed, version.number)


async def _changes(project: Path) -> AsyncIterator[set[Path]]:
    import watchfiles

    def is_source(_: watchfiles.Change, path: str) -> bool:
        folders = Path(path).relative_to(project).parts[:-1]
        return project_files.is_source(path) and not project_files.LEFT_OUT.intersection(folders)

    async for changes in watchfiles.awatch(project, watch_filter=is_source, stop_event=asyncio.Event()):
        yield {Path(path) for _, path in changes}
