from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentcore_contracts.deploy.account import Account
from agentcore_contracts.deploy.progress import Progress
from agentcore_emulator.testing import EmulatorProcess

AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
app.run()
"""


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """An emulator that each test leaves as it was."""
    agent = tmp_path_factory.mktemp("project") / "agent.py"
    agent.write_text(AGENT, encoding="utf-8")
    with EmulatorProcess(agent) as running:
        yield running


@pytest.fixture
def account(emulator: EmulatorProcess) -> Account:
    return Account("us-east-1", emulator.url)


@pytest.fixture
def said() -> list[str]:
    """What `progress` has told."""
    return []


@pytest.fixture
def progress(said: list[str]) -> Progress:
    return Progress(said.append, near=True)
