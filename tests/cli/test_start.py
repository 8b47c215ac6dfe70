import json
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from agentcore_emulator.cli import state_file
from agentcore_emulator.testing import EmulatorProcess, new_session

from .conftest import COMMAND, Run, the_one_line


def test_it_serves_the_agent_and_says_so(agent: Path, tmp_path: Path) -> None:
    environment = tmp_path / "agent.env"
    environment.write_text("GREETING='good morning'\n")
    state = tmp_path / "state"
    with EmulatorProcess(agent, "--state-dir", str(state), "--env-file", str(environment)) as emulator:
        assert emulator.arn in emulator.log
        assert "Quirks" in emulator.log
        assert f"agentcore-emulator env --url {emulator.url}" in emulator.log
        assert state_file.read(state) == (emulator.url, emulator.pid)
        client = emulator.client("bedrock-agentcore")
        session = new_session()
        answers = [
            json.load(client.invoke_agent_runtime(**call)["response"])
            for call in [{"agentRuntimeArn": emulator.arn, "runtimeSessionId": session, "payload": b"{}"}] * 2
        ]
        assert answers == [{"count": 1, "greeting": "good morning"}, {"count": 2, "greeting": "good morning"}]
        assert emulator.stop() == 0
    assert state_file.read(state) is None


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT] * 3])
def test_signals_end_it_without_an_error(agent: Path, tmp_path: Path, numbers: list[signal.Signals]) -> None:
    with subprocess.Popen(
        [*COMMAND, "start", str(agent), "--port", "0", "--state-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(line.startswith("Ready") for line in process.stdout)
        for number in numbers:
            process.send_signal(number)
        assert process.wait() == 0
        assert process.stderr.read() == ""
    assert state_file.read(tmp_path) is None


def test_the_terminals_end_is_no_end_under_nohup(agent: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        ["nohup", *COMMAND, "start", str(agent), "--port", "0", "--state-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line.startswith("Ready") for line in process.stdout)
        process.send_signal(signal.SIGHUP)
        found = state_file.read(tmp_path)
        assert found is not None
        with urlopen(f"{found[0]}/_emulator/info") as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait() == 0


def test_an_ephemeral_emulator_leaves_the_state_folder_alone(agent: Path, tmp_path: Path) -> None:
    with EmulatorProcess(agent, "--ephemeral", env={"AGENTCORE_EMULATOR_STATE_DIR": str(tmp_path / "state")}):
        assert not (tmp_path / "state").exists()


def test_a_port_that_is_taken(run: Run, agent: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run("start", agent, "--port", str(port))
    assert ended.returncode == 1
    assert the_one_line(ended.stderr).startswith(f"port {port} of 127.0.0.1 is in use")
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing.py", "there is no file or folder "),
        (".", "/current holds no .bedrock_agentcore.yaml; name the agent's Python file"),
        ("yaml", ".bedrock_agentcore.yaml:1: agents.one.name: 'my-agent' is not a runtime's name"),
    ],
)
def test_a_target_that_cannot_be_served(call: Run, folder: Path, target: str, message: str) -> None:
    (folder / "yaml").mkdir()
    (folder / "yaml" / ".bedrock_agentcore.yaml").write_text("agents: {one: {name: my-agent}}")
    ended = call("start", target)
    assert ended.returncode == 1
    assert message in the_one_line(ended.stderr)
    assert ended.stdout == ""


def test_a_wrong_table_in_the_project(call: Run, agent: Path) -> None:
    (agent.parent / "pyproject.toml").write_text("[tool.agentcore-emulator]\nprot = 1\n")
    ended = call("start", agent)
    assert ended.returncode == 1
    assert "pyproject.toml has no option 'prot'; did you mean 'port'?" in the_one_line(ended.stderr)


def test_a_state_folder_that_cannot_be_one(run: Run, agent: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("start", agent, "--port", "0", "--state-dir", tmp_path / "file")
    assert ended.returncode == 1
    assert str(tmp_path / "file") in the_one_line(ended.stderr)
