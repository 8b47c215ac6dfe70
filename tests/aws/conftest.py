from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """An emulator of the module's own, since what moto keeps is the process's."""
    agent = tmp_path_factory.mktemp("project") / "agent.py"
    agent.write_text(AGENT, encoding="utf-8")
    with EmulatorProcess(agent) as running:
        yield running


@pytest.fixture
def named(emulator: EmulatorProcess) -> Callable[..., Any]:
    """Makes clients that go to AWS's own host names, through the proxy."""
    environment = emulator.info["environment"]

    def client(service: str, region: str = "us-east-1", **config: Any) -> Any:
        return boto3.client(
            service,
            region_name=region,
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            verify=environment["AWS_CA_BUNDLE"],
            config=Config(proxies={"https": environment["HTTPS_PROXY"]}, retries={"total_max_attempts": 1}, **config),
        )

    return client


@pytest.fixture
def bucket(emulator: EmulatorProcess) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=name)
    return name
