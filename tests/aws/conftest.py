from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from agentcore_emulator.testing import EmulatorProcess

AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
app.run()
"""


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an agent that nobody asks anything."""
    file = tmp_path_factory.mktemp("project") / "agent.py"
    file.write_text(AGENT, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def emulator(agent: Path) -> Iterator[EmulatorProcess]:
    """An emulator of the module's own, since what is created in it stays."""
    with EmulatorProcess(agent) as running:
        yield running


@pytest.fixture
def named_of() -> Callable[[EmulatorProcess], Callable[..., Any]]:
    """For an emulator, what makes clients that go to AWS's own host names, through the proxy."""

    def of(emulator: EmulatorProcess) -> Callable[..., Any]:
        environment = emulator.info["environment"]

        def client(service: Any, region: str = "us-east-1", **config: Any) -> Any:
            proxies = {"https": environment["HTTPS_PROXY"]}
            return boto3.client(
                service,
                region_name=region,
                aws_access_key_id="emulator",
                aws_secret_access_key="emulator",
                verify=environment["AWS_CA_BUNDLE"],
                config=Config(proxies=proxies, retries={"total_max_attempts": 1}, **config),
            )

        return client

    return of


@pytest.fixture
def named(emulator: EmulatorProcess, named_of: Callable[..., Any]) -> Callable[..., Any]:
    """`named_of` the module's emulator."""
    made: Callable[..., Any] = named_of(emulator)
    return made


@pytest.fixture
def bucket(emulator: EmulatorProcess) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=name)
    return name
