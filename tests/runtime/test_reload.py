from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.runtime.reload import follow, watch

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Until = Callable[[Callable[[], object]], Awaitable[None]]


async def once(*files: Path) -> AsyncIterator[set[Path]]:
    yield set(files)


async def test_a_change_is_a_new_version(laboratory: Laboratory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    agent = await laboratory.agent()
    project = agent.runtime.project_dir
    await follow(agent, once(project / "b.py", project / "a" / "c.py"))
    assert agent.versions.current.number == 2
    assert "agent: a/c.py, b.py changed: new sessions get version 2, live ones drain" in caplog.text


async def test_a_change_that_does_not_start_changes_nothing(
    laboratory: Laboratory, caplog: pytest.LogCaptureFixture
) -> None:
    agent = await laboratory.agent()
    file = laboratory.write("def (")
    await follow(agent, once(file))
    assert agent.versions.current.number == 1
    assert f"agent.py changed, but does not start: {file}:1: " in caplog.text
    assert "sessions start as before" in caplog.text


async def test_files_are_watched(laboratory: Laboratory, until: Until, puppet: str) -> None:
    agent = await laboratory.agent()
    project = agent.runtime.project_dir
    watching = asyncio.create_task(watch(agent))
    try:
        # What is written before the watch has begun is not seen, and nobody tells when it has.
        written = 0

        def changed() -> bool:
            nonlocal written
            written += 1
            (project / "node_modules").mkdir(exist_ok=True)
            (project / "node_modules" / "a.py").write_text(str(written))
            (project / ".hidden.py").write_text(str(written))
            (project / "data.bin").write_text(str(written))
            (project / "agent.py").write_text(f"{puppet}\n# {written}")
            return agent.versions.current.number > 1

        await until(changed)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert watching.cancelled()
