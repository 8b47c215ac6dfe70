"""Guests on other interpreters than the emulator's."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, MicroVM

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Order = Callable[[MicroVM, str], Awaitable[Any]]

MODULES = sorted(file.stem for file in GUEST_FOLDER.glob("*.py") if not file.stem.startswith("__"))


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13", "3.14"])
async def test_an_agent_on_another_interpreter(
    laboratory: Laboratory, order: Order, need_python: Callable[[str], Path], version: str, kind: str
) -> None:
    agent = await laboratory.agent(python=need_python(version), kind=kind)
    microvm = await laboratory.start(agent)
    await microvm.ready()
    assert await order(microvm, "answer(sys.version_info[:2])") == [int(part) for part in version.split(".")]
    microvm.answered()
    assert "http.server" in await microvm.link.modules()
    await microvm.stop(5)
    assert microvm.how_it_ended() == "was killed by SIGTERM"


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13", "3.14"])
def test_every_module_of_a_guest_runs_on_it(need_python: Callable[[str], Path], version: str) -> None:
    code = f"""
import importlib, sys
sys.path.insert(0, {str(GUEST_FOLDER.parent)!r})
for name in {MODULES!r}:
    importlib.import_module("guest." + name)
"""
    done = subprocess.run(
        [need_python(version), "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("version", ["2.7", "3.6", "3.9"])
async def test_an_interpreter_that_is_too_old_says_so(
    laboratory: Laboratory, need_python: Callable[[str], Path], version: str, kind: str
) -> None:
    python = need_python(version)
    with pytest.raises(BootFailure, match=rf"is Python {version}\.\d+, but agents need 3\.10 or later; choose another"):
        await laboratory.agent(python=python, kind=kind)


@pytest.mark.parametrize("kind", ["fork", "spawn"])
async def test_an_agent_that_another_interpreter_cannot_read(
    laboratory: Laboratory, need_python: Callable[[str], Path], kind: str
) -> None:
    python = need_python("3.10")
    with pytest.raises(BootFailure, match=r"agent\.py:3: "):
        await laboratory.agent("try:\n    x = 1\nexcept* ValueError:\n    pass", python=python, kind=kind)
