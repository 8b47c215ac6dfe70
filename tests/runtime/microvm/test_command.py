"""Agents that are commands: here a Python program without any of the emulator's, which reads $PORT as any would."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.runtime.microvm import listeners
from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.runtime.microvm.conftest import Fugitives

CallerOf = Callable[[EmulatorProcess], Callable[[str, str], Any]]
COMMAND = f"{shlex.quote(sys.executable)} program.txt"


@pytest.fixture
def project(tmp_path: Path, puppet: str) -> Path:
    """A folder with the puppet in it, as a program that reads $PORT."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "program.txt").write_text(puppet.replace("8080", "int(os.environ['PORT'])"))
    return folder


@pytest.fixture
def options(isolation: str) -> list[str]:
    return ["--command", COMMAND, "--isolation", isolation, "--quirks", "off"]


def test_sessions_have_files_environment_and_state_of_their_own(
    project: Path, options: list[str], isolation: str, caller_of: CallerOf
) -> None:
    with EmulatorProcess(project, *options) as emulator:
        call = caller_of(emulator)
        one, two = new_session(), new_session()
        write = "open('note', 'w').close()\nanswer([state['count'], sorted(os.listdir())])"
        assert call(one, write) == [1, ["note", "program.txt"]]
        assert call(two, "answer([state['count'], sorted(os.listdir())])") == [1, ["program.txt"]]
        assert call(one, "answer(state['count'])") == 2
        home, cwd, pid, endpoint = call(
            one, "answer([os.environ['HOME'], os.getcwd(), os.getpid(), os.environ['AWS_ENDPOINT_URL']])"
        )
        assert endpoint == emulator.url
        if isolation == "namespaces":
            assert (home, cwd, pid) == (str(Path.home()), str(project), 1)
        else:
            assert Path(home).parent == Path(cwd).parent != project
    assert [entry.name for entry in project.iterdir()] == ["program.txt"]


def test_it_is_stopped_and_starts_anew(project: Path, options: list[str], caller_of: CallerOf) -> None:
    with EmulatorProcess(project, *options) as emulator:
        call = caller_of(emulator)
        session = new_session()
        assert call(session, "answer(state['count'])") == 1
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert emulator.sessions() == []
        assert call(session, "answer(state['count'])") == 1


def test_a_crash_is_a_424_and_the_next_call_is_cold(project: Path, options: list[str]) -> None:
    with EmulatorProcess(project, *options) as emulator:
        client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
        session = new_session()
        call = {"agentRuntimeArn": emulator.arn, "runtimeSessionId": session, "contentType": "text/x-python"}
        with pytest.raises(ClientError, match="RuntimeClientError"):
            client.invoke_agent_runtime(**call, payload="print('last words', flush=True)\nos._exit(7)")
        assert emulator.session(session)["reason"] == "its process exited with status 7"
        assert "last words" in emulator.session(session)["log"]
        answer = client.invoke_agent_runtime(**call, payload="answer(state['count'])")
        assert answer["response"].read() == b"1"


def test_whatever_it_starts_ends_with_it(
    project: Path, options: list[str], caller_of: CallerOf, fugitives: Fugitives
) -> None:
    code = f"""
    command = [sys.executable, "-S", "-c", "import signal; signal.pause()", {fugitives.marker!r}]
    subprocess.Popen(command)
    subprocess.Popen(command, start_new_session=True)
    def runs(pid):
        try:
            return {fugitives.marker!r} in open(f"/proc/{{pid}}/cmdline").read()
        except OSError:  # It has ended meanwhile.
            return False
    while sum(runs(pid) for pid in os.listdir("/proc") if pid.isdigit()) < 2:
        pass
    answer("started")
    """
    with EmulatorProcess(project, *options) as emulator:
        call = caller_of(emulator)
        session = new_session()
        call(session, code)
        fugitives.watch(*fugitives.marked())
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert fugitives.ended()
        call(new_session(), code)
        fugitives.watch(*fugitives.marked())
        emulator.kill()
        fugitives.gone()


@pytest.fixture
def contract_port_is_free() -> None:
    probe = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_server(('127.0.0.1', 8080))"], capture_output=True
    )
    if probe.returncode:
        pytest.skip("NOT TESTED, something on this machine listens on port 8080")


@pytest.mark.usefixtures("contract_port_is_free")
def test_sessions_that_share_a_port_do_not_mix(project: Path, options: list[str], puppet: str) -> None:
    share = """    request_queue_size = 256

    def server_bind(self):
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
        super().server_bind()
"""
    (project / "program.txt").write_text(puppet.replace("    request_queue_size = 256\n", share))
    with EmulatorThread(project, *options) as emulator:
        first, second = new_session(), new_session()
        assert emulator.invoke({}, first)["count"] == 1
        with pytest.raises(ClientError, match="RuntimeClientError"):
            emulator.invoke({}, second)
        assert "port 8080 is another session's" in str(emulator.session(second)["reason"])
        assert [emulator.invoke({}, first)["count"] for _ in range(6)] == [2, 3, 4, 5, 6, 7]


def test_installed_packages_are_found(project: Path, options: list[str], caller_of: CallerOf) -> None:
    (project / "node_modules").mkdir()
    (project / "node_modules" / "package.json").touch()
    with EmulatorProcess(project, *options) as emulator:
        assert caller_of(emulator)(new_session(), "answer(os.listdir('node_modules'))") == ["package.json"]


@pytest.mark.usefixtures("contract_port_is_free")
def test_a_port_in_the_code_means_one_session_at_a_time(project: Path, options: list[str], puppet: str) -> None:
    (project / "program.txt").write_text(puppet)
    with EmulatorThread(project, *options) as emulator:
        first = new_session()
        assert emulator.invoke({}, first)["count"] == 1
        told = [line for line in emulator.session(first)["log"] if "only one session can run at a time" in line]
        assert told == [
            "agentcore-emulator: the program listens on port 8080 and not on $PORT, so only one session can run at a"
            " time; have it read $PORT"
        ]
        second = new_session()
        with pytest.raises(ClientError, match="RuntimeClientError"):
            emulator.invoke({}, second)
        reason = str(emulator.session(second)["reason"])
        assert "port 8080 is taken, perhaps by another session of it; have it listen on $PORT" in reason
        assert emulator.invoke({}, first)["count"] == 2
        emulator.client("bedrock-agentcore").stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=first)
        assert emulator.invoke({}, second)["count"] == 1


def test_a_program_that_does_not_serve(project: Path, options: list[str]) -> None:
    (project / "program.txt").write_text("print('no server here')")
    with EmulatorThread(project, *options) as emulator:
        session = new_session()
        with pytest.raises(ClientError, match="completes in 120s"):
            emulator.invoke({}, session)
        ended = emulator.session(session)
        assert ended["reason"] == "did not start: the agent's process exited with status 0 before it served"
        assert "no server here" in ended["log"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{project}", "--command", "not-there serve"], "--command: there is no command 'not-there' on PATH"),
        (["{project}/program.txt", "--command", "cat"], "is not the folder that the command is to run in"),
        (["{project}/agent.py", "--microvms", "spawn", "--isolation", "namespaces"], "cannot be isolated"),
    ],
)
def test_what_cannot_be_run_is_said_at_the_start(project: Path, arguments: list[str], sentence: str) -> None:
    (project / "agent.py").touch()
    command = [argument.format(project=project) for argument in arguments]
    ended = subprocess.run(
        [sys.executable, "-m", "agentcore_emulator", "start", *command, "--port", "0", "--ephemeral"],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr


def test_a_toolkit_file_says_the_rest(project: Path, options: list[str]) -> None:
    (project / ".bedrock_agentcore.yaml").write_text(
        "agents:\n  web: {entrypoint: src/index.ts, language: typescript,"
        " aws: {lifecycle_configuration: {max_lifetime: 300}}}\n"
    )
    with EmulatorThread(project, *options, "--clock", "virtual") as emulator:
        session = new_session()
        emulator.invoke({}, session)
        emulator.clock.advance(300)
        ended = emulator.session(session)
        assert (ended["runtime"], ended["reason"]) == ("web", "its maximum lifetime of 300 s is over")


def test_on_v2_it_boots_cold_and_says_so(project: Path, options: list[str]) -> None:
    with EmulatorProcess(project, *options, "--platform", "V2") as emulator:
        assert "a snapshot can be taken only where sessions are forked, so they boot cold, as on V1" in emulator.log
        assert emulator.invoke({})["count"] == 1


def test_python_agents_can_be_spawned(project: Path, puppet: str) -> None:
    (project / "agent.py").write_text(puppet)
    with EmulatorProcess(project / "agent.py", "--microvms", "spawn", "--quirks", "off") as emulator:
        assert "Isolation   plain  (a spawned interpreter cannot be isolated)" in emulator.log
        session = new_session()
        assert [emulator.invoke({}, session)["count"] for _ in range(2)] == [1, 2]


async def test_the_ports_of_a_family(tmp_path: Path) -> None:
    if not listeners.AVAILABLE:
        pytest.skip("this system does not tell whose a socket is")
    code = (
        "import os, socket, subprocess, sys\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, __file__, 'child'])\n"
        "sys.stdin.read()\n"
    )
    file = tmp_path / "listens.py"
    file.write_text(code)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(file), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ports = {int(await process.stdout.readline()) for _ in range(2)}
    assert listeners.ports_of(process.pid) == ports
    process.stdin.close()
    await process.wait()
    assert listeners.ports_of(process.pid) == set()
