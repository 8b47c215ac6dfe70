import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .conftest import COMMAND, Run, the_one_line

INVOKE = """
import boto3, json, os, uuid
client = boto3.client("bedrock-agentcore")
answer = client.invoke_agent_runtime(
    agentRuntimeArn=os.environ["AGENTCORE_RUNTIME_ARN"], runtimeSessionId=str(uuid.uuid4()), payload=b"{}"
)
print(json.load(answer["response"])["count"], os.environ["AGENTCORE_EMULATOR_URL"])
"""


def test_the_commands_clients_talk_to_the_emulator_which_ends_with_it(run: Run, agent: Path) -> None:
    ended = run("exec", agent, "--ephemeral", "--", sys.executable, "-c", INVOKE, AWS_PROFILE="mine")
    assert ended.returncode == 0, ended.stderr
    # Nothing else, although the agent prints while it is imported.
    [line] = ended.stdout.splitlines()
    count, url = line.split()
    assert count == "1"
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname or "", address.port or 0)).close()


def test_options_that_look_like_ours_are_the_commands_behind_the_dashes(run: Run, agent: Path) -> None:
    ended = run("exec", agent, "--ephemeral", "--", "echo", "--port", "x", "--", "--help")
    assert (ended.returncode, ended.stdout) == (0, "--port x -- --help\n")


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill $$", 143)])
def test_the_status_is_the_commands(run: Run, agent: Path, script: str, status: int) -> None:
    assert run("exec", agent, "--ephemeral", "--", "sh", "-c", script).returncode == status


def test_the_port_of_a_running_emulator_is_not_taken_over(run: Run, agent: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        show = ("sh", "-c", "echo $AGENTCORE_EMULATOR_URL")
        ended = run("exec", agent, "--ephemeral", "--", *show, AGENTCORE_EMULATOR_PORT=port)
        assert ended.returncode == 0, ended.stderr
        assert not ended.stdout.endswith(f":{port}\n")
        refused = run("exec", agent, "--ephemeral", "--port", port, "--", *show)
    assert refused.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use" in the_one_line(refused.stderr)


def test_a_command_that_is_not_there(run: Run, call: Run, agent: Path, tmp_path: Path) -> None:
    missing = call("exec", agent, "--", "no-such-command")
    assert (missing.returncode, the_one_line(missing.stderr)) == (127, "there is no command 'no-such-command'")
    file = tmp_path / "plain"
    file.touch(0o644)
    plain = call("exec", agent, "--", file)
    assert (plain.returncode, the_one_line(plain.stderr)) == (126, f"'{file}' is not executable")
    file.chmod(0o755)
    file.write_text("#!/no/such/interpreter\n")
    broken = run("exec", agent, "--ephemeral", "--", file)
    assert broken.returncode == 126
    assert the_one_line(broken.stderr) == f"'{file}' cannot be run: No such file or directory"


def test_without_a_command_there_is_nothing_to_do(call: Run, agent: Path) -> None:
    for arguments in ([agent], [agent, "--"]):
        ended = call("exec", *arguments)
        assert ended.returncode == 2
        assert the_one_line(ended.stderr).startswith("exec needs a command after --")


def test_an_emulator_that_does_not_start_runs_no_command(call: Run, tmp_path: Path) -> None:
    ended = call("exec", tmp_path / "missing.py", "--", "touch", tmp_path / "ran")
    assert ended.returncode == 1
    assert the_one_line(ended.stderr).startswith("there is no file or folder")
    assert not (tmp_path / "ran").exists()


# Says how many interrupts it got, once it reads a line.
COUNT_INTERRUPTS = """
import signal
got = []
signal.signal(signal.SIGINT, lambda *_: (got.append(1), print("interrupted", flush=True)))
print("here", flush=True)
input()
print("interrupts:", len(got), flush=True)
"""


def test_ctrl_c_in_a_terminal_reaches_the_command_once(agent: Path, clean_environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "exec", str(agent), "--ephemeral", "--", sys.executable, "-c", COUNT_INTERRUPTS],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean_environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    terminal = os.fdopen(ours, "r+b", buffering=0)
    seen = b""

    def wait_for(text: bytes) -> None:
        nonlocal seen
        while text not in seen:
            seen += terminal.read(1024)

    with terminal:
        wait_for(b"here")
        terminal.write(b"\x03")
        wait_for(b"interrupted")
        terminal.write(b"go on\n")
        wait_for(b"interrupts: 1")
        assert process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_from_elsewhere_is_passed_on(
    agent: Path, clean_environment: dict[str, str], number: signal.Signals
) -> None:
    script = f"trap 'echo got it; exit 9' {number.value}; echo here; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*COMMAND, "exec", str(agent), "--ephemeral", "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        env=clean_environment,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        assert process.stdout.readline() == "got it\n"
        assert process.wait() == 9


def test_a_signal_before_the_command_runs_ends_it_all(clean_environment: dict[str, str], tmp_path: Path) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    agent = tmp_path / "agent.py"
    agent.touch()
    # An interpreter that says when it is asked to boot the agent, and then takes for ever.
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho booting >{fifo}\nexec sleep 600\n")
    python.chmod(0o755)
    with subprocess.Popen(
        [*COMMAND, "exec", str(agent), "--ephemeral", "--python", str(python), "--", "touch", str(tmp_path / "ran")],
        env=clean_environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert fifo.read_text() == "booting\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not (tmp_path / "ran").exists()
