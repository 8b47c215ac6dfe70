"""Both kinds of emulator, each with the puppet and a clock that stands still, shared by tests that do no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, RunningEmulator


@pytest.fixture(scope="session", params=[EmulatorThread, EmulatorProcess])
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, puppet: str
) -> Iterator[RunningEmulator]:
    project = tmp_path_factory.mktemp("project")
    (project / "agent.py").write_text(puppet, encoding="utf-8")
    (project / ".bedrock_agentcore.yaml").write_text(
        "agents:\n  one: {entrypoint: agent.py}\n  two: {entrypoint: agent.py}\n", encoding="utf-8"
    )
    with request.param(project, "--clock", "virtual", "--quirks", "off") as running:
        yield running
