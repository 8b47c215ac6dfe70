"""An agent in a virtual environment of its own, with another version of the SDK than the emulator's environment has."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, new_session

# The first that was released as stable.
OLDEST = "1.0.0"

AGENT = """
import importlib.metadata, importlib.util, sys
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
count = 0


@app.entrypoint
def invoke(payload):
    global count
    count += 1
    return {
        "sdk": importlib.metadata.version("bedrock-agentcore"),
        "emulator": importlib.util.find_spec("agentcore_emulator") is not None,
        "prefix": sys.prefix,
        "count": count,
        "value": payload.get("value", 1) if payload.get("default") else payload.get("value"),
    }


app.run()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent's folder, with `.venv` in it as `python -m venv` and pip make it."""
    folder = tmp_path_factory.mktemp("project").resolve()
    (folder / "agent.py").write_text(AGENT)
    for command in (
        [sys.executable, "-m", "virtualenv", "--quiet", str(folder / ".venv")],
        [str(folder / ".venv" / "bin" / "pip"), "install", "--quiet", f"bedrock-agentcore=={OLDEST}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 and "No matching distribution" not in done.stderr:
            pytest.skip(f"no package index can be reached from here: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module", params=["strict", "warn"])
def emulator(request: pytest.FixtureRequest, project: Path) -> Iterator[EmulatorProcess]:
    """Told nothing of the environment: it is found because it lies in the project."""
    with EmulatorProcess(project / "agent.py", "--quirks", request.param) as process:
        yield process


def invoke(emulator: EmulatorProcess, session: str, payload: Any) -> Any:
    client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
    answer = client.invoke_agent_runtime(
        agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=json.dumps(payload)
    )
    return json.load(answer["response"])


def test_it_runs_on_its_own_sdk(emulator: EmulatorProcess, project: Path) -> None:
    assert importlib.metadata.version("bedrock-agentcore") != OLDEST
    session = new_session()
    for count in (1, 2):
        assert invoke(emulator, session, {"value": 7}) == {
            "sdk": OLDEST,
            "emulator": False,
            "prefix": str(project / ".venv"),
            "count": count,
            "value": 7,
        }
    assert invoke(emulator, new_session(), {})["count"] == 1


def test_quirks_hold_on_its_own_sdk(emulator: EmulatorProcess) -> None:
    session = new_session()
    if emulator.info["quirks"]["payload-type"] == "strict":
        with pytest.raises(ClientError, match=r"Received error \(500\) from runtime"):
            invoke(emulator, session, {"default": True})
    else:
        assert invoke(emulator, session, {"default": True})["value"] == 1
        [log] = [each["log"] for each in emulator.sessions() if each["session_id"] == session]
        [finding] = [line for line in log if line.startswith("quirk payload-type")]
        assert "payload.get('value', …) fails where the payload is a JSONSerializableDict" in finding


def test_nothing_was_put_into_it(emulator: EmulatorProcess, project: Path) -> None:
    invoke(emulator, new_session(), {})
    ours = ("agentcore_emulator", "agentcore_guest")
    assert [path for path in (project / ".venv").rglob("*") if path.name.startswith(ours)] == []
