"""An emulator with S3, and what it takes to deploy the puppet to it with boto3."""

from __future__ import annotations

import io
import json
import textwrap
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

BUCKET = "artifacts"
ROLE = "arn:aws:iam::123456789012:role/agent"
_NO_RETRIES = Config(retries={"total_max_attempts": 1})


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip with these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


class Deployer:
    """Deploys to one emulator with boto3, without retries."""

    def __init__(self, emulator: EmulatorThread | EmulatorProcess, puppet: str) -> None:
        self.emulator = emulator
        self.puppet = puppet
        self.control = emulator.client("bedrock-agentcore-control", config=_NO_RETRIES)
        self.data = emulator.client("bedrock-agentcore", config=_NO_RETRIES)
        self.s3 = emulator.client("s3", config=Config(s3={"addressing_style": "path"}))
        self.s3.create_bucket(Bucket=BUCKET)

    def put(self, content: bytes, key: str | None = None) -> str:
        """The key of a new object."""
        key = key or f"{uuid.uuid4()}.zip"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def artifact(self, files: Mapping[str, str | bytes] | bytes | None = None, **code: Any) -> dict[str, Any]:
        """An artifact of these files, or of this zip; without them of the puppet as `main.py`."""
        content = files if isinstance(files, bytes) else zipped(files or {"main.py": self.puppet})
        location = {"bucket": BUCKET, "prefix": self.put(content)}
        return {"codeConfiguration": {**_CODE, "code": {"s3": location}, **code}}

    def says(self, word: str) -> dict[str, Any]:
        """The artifact of a puppet that has this word in `word.TEXT`."""
        return self.artifact({"main.py": f"import word\n{self.puppet}", "word.py": f"TEXT = {word!r}"})

    def create(self, name: str | None = None, *, wait: bool = True, **members: Any) -> Any:
        """The answer to CreateAgentRuntime, by default once GetAgentRuntime says that it is over."""
        if "agentRuntimeArtifact" not in members:
            members["agentRuntimeArtifact"] = self.says("one")
        name = name or f"r{uuid.uuid4().hex[:12]}"
        made = self.control.create_agent_runtime(**{"agentRuntimeName": name, "roleArn": ROLE, **members})
        if wait:
            self.settled(made["agentRuntimeId"])
        return made

    def update(self, runtime_id: str, artifact: dict[str, Any], *, wait: bool = True, **members: Any) -> Any:
        """The answer to UpdateAgentRuntime, by default once GetAgentRuntime says that it is over."""
        made = self.control.update_agent_runtime(
            agentRuntimeId=runtime_id, agentRuntimeArtifact=artifact, roleArn=ROLE, **members
        )
        if wait:
            self.settled(runtime_id)
        return made

    def settled(self, runtime_id: str) -> dict[str, Any]:
        """The answer to GetAgentRuntime, once it has a terminal status."""
        for _ in range(10_000):
            shown: dict[str, Any] = self.control.get_agent_runtime(agentRuntimeId=runtime_id)
            if not shown["status"].endswith("ING"):
                return shown
        pytest.fail(f"{runtime_id} stays {shown['status']}")

    def gone(self, look: Callable[[], Any]) -> None:
        """Return once `look` finds nothing."""
        for _ in range(10_000):
            try:
                look()
            except self.control.exceptions.ResourceNotFoundException:
                return
        pytest.fail("it stays there")

    def delete(self, runtime_id: str) -> None:
        """DeleteAgentRuntime, and wait for it."""
        assert self.control.delete_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
        self.gone(lambda: self.control.get_agent_runtime(agentRuntimeId=runtime_id))

    def call(self, arn: str, code: str, session: str | None = None, **members: Any) -> Any:
        """Have the puppet of a session, by default a new one, run `code`; its JSON answer."""
        answer = self.data.invoke_agent_runtime(
            agentRuntimeArn=arn,
            runtimeSessionId=session or new_session(),
            contentType="text/x-python",
            payload=textwrap.dedent(code),
            **members,
        )
        return json.loads(answer["response"].read())

    def word(self, arn: str, session: str | None = None, **members: Any) -> Any:
        """What a puppet of `says` has to say."""
        return self.call(arn, "import word; answer(word.TEXT)", session, **members)

    def refused(self, error_code: str, operation: Callable[..., Any], **members: Any) -> str:
        """The message of the error `error_code` that a call of `operation` raises."""
        with pytest.raises(ClientError) as caught:
            operation(**members)
        error = caught.value.response["Error"]
        assert error["Code"] == error_code, error
        return str(error["Message"])


_CODE = {"runtime": "PYTHON_3_13", "entryPoint": ["main.py"]}


@pytest.fixture(scope="session")
def make_deployer(puppet: str) -> Callable[[EmulatorThread | EmulatorProcess], Deployer]:
    """For emulators of a test's own."""
    return lambda emulator: Deployer(emulator, puppet)


@pytest.fixture(scope="session")
def puppet_file(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Path:
    """An agent that is started by its file."""
    file = tmp_path_factory.mktemp("file") / "from_file.py"
    file.write_text(puppet, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def deployer(puppet_file: Path, puppet: str) -> Iterator[Deployer]:
    """One emulator for all tests that leave what others have deployed alone."""
    with EmulatorProcess(puppet_file, "--quirks", "off", "--isolation", "plain") as emulator:
        yield Deployer(emulator, puppet)
