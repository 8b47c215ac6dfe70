"""A real emulator for the tests, and throw-away agents to run in it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    """One emulator with the reference agent and quirks off, shared by the tests that leave nothing behind."""
    with EmulatorProcess(REPOSITORY / "agent" / "memory_agent.py", "--quirks", "off") as process:
        yield process


@pytest.fixture
def write_agent(tmp_path: Path) -> Callable[[str], Path]:
    """Writes an agent file into a project folder of its own and returns its path."""

    def write(source: str) -> Path:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        file = project / "agent.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    return write
