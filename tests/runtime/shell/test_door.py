"""Who gets to which shell, and who to none."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
from websockets.sync.client import connect

from agentcore_emulator.testing import EmulatorProcess, new_session

if TYPE_CHECKING:
    from tests.runtime.shell.conftest import Dialer

    MakeDialer = Callable[..., Dialer]

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
SHELL_HEADER = "X-Amzn-Bedrock-AgentCore-Shell-Id"


@pytest.mark.parametrize("platform", ["V1", "V2"])
def test_a_shell_is_in_its_session(
    platform: str, isolation: str, write_agent: Callable[[str], Path], puppet: str, dialer: MakeDialer
) -> None:
    agent = write_agent(puppet)
    options = ["--isolation", isolation, "--platform", platform, "--quirks", "off"]
    with EmulatorProcess(agent, *options) as emulator:
        session = new_session()
        terminal = dialer(emulator)(session)
        assert terminal.headers[SESSION_HEADER] == session
        assert terminal.headers[SHELL_HEADER] == "shell"
        assert terminal.headers["x-amzn-RequestId"]
        assert terminal.run("tty -s && echo $AWS_REGION $TERM") == "us-east-1 xterm-256color\n"
        terminal.run("echo typed > note; cd /; X=kept")
        answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            runtimeSessionId=session,
            contentType="text/x-python",
            payload="answer(open('note').read())",
        )
        assert answer["response"].read() == b'"typed\\n"'
        assert terminal.run("pwd; echo $X") == "/\nkept\n"
        assert not (agent.parent / "note").exists()


def test_who_names_neither_gets_both(dial: Dialer) -> None:
    with connect(dial.address(), proxy=None, open_timeout=60) as connection:
        assert connection.response is not None
        headers = connection.response.headers
        assert len(headers[SHELL_HEADER]) == 36
        assert dial.info(headers[SESSION_HEADER])["state"] == "Idle"


def test_the_session_may_stand_in_the_query(dial: Dialer, session: str) -> None:
    with connect(dial.address(**{SESSION_HEADER: session}), proxy=None, open_timeout=60) as connection:
        assert connection.response is not None
        assert connection.response.headers[SESSION_HEADER] == session


def test_a_bearer_token_as_a_header_or_a_subprotocol(guarded: Path, dialer: MakeDialer, session: str) -> None:
    with EmulatorProcess(guarded, "--quirks", "off") as emulator:
        dial = dialer(emulator, emulator.arns["guarded"])
        token = emulator.token(agent="guarded")
        terminal = dial(session, headers={"Authorization": f"Bearer {token}"})
        assert "sec-websocket-protocol" not in terminal.headers
        encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
        protocols = [f"base64UrlBearerAuthorization.{encoded}", "base64UrlBearerAuthorization"]
        terminal = dial(session, subprotocols=protocols)
        assert terminal.connection.subprotocol == "base64UrlBearerAuthorization"
        assert terminal.run("echo in") == "in\n"
        assert dial.refused(session)[0] == 401
        assert token not in emulator.log


def test_a_shell_is_found_again(dial: Dialer, session: str) -> None:
    terminal = dial(session, "one")
    assert terminal.status["metadata"] == {"shellId": "one", "reconnected": False}
    terminal.run("X=kept")
    terminal.connection.close()
    terminal = dial(session, "one")
    assert terminal.status["metadata"] == {"shellId": "one", "reconnected": True}
    assert terminal.run("echo $X") == "kept\n"
    # Another's, or another session's, is another.
    assert dial(session, "two").status["metadata"]["reconnected"] is False
    assert dial(new_session(), "one").status["metadata"]["reconnected"] is False


def test_an_end_of_the_session_is_one_of_its_shells(dial: Dialer, session: str) -> None:
    dial(session).run("touch note")
    dial.stop(session)
    terminal = dial(session)
    assert terminal.status["metadata"]["reconnected"] is False
    assert terminal.run("ls note 2>&1 || echo cold").endswith("cold\n")
    dial.emulator.kill_session(session)
    terminal = dial(session)
    assert terminal.status["metadata"]["reconnected"] is False
    assert terminal.run("echo cold") == "cold\n"


def test_ten_shells_at_a_runtime(dial: Dialer) -> None:
    sessions = [new_session(), new_session()]
    terminals = [dial(sessions[number % 2], f"shell-{number}") for number in range(10)]
    terminals[0].connection.close()  # One that nobody looks at counts.
    status, code, body = dial.refused(sessions[0], "one-more")
    assert (status, code) == (424, "RuntimeClientError")
    assert body["error"] == body["message"] == "The maximum of 10 concurrent shells is reached; close one and retry"
    assert dial(sessions[0], "shell-0").status["metadata"]["reconnected"] is True
    terminals[1].type("exit\n")
    assert terminals[1].closed()[0] == 1000
    assert dial(sessions[0], "one-more").run("echo in") == "in\n"


@pytest.mark.parametrize("shell", ["-a", "_", "a b", "a?", "ü", "a" * 129, "a\n"])
def test_a_shell_id_that_is_none(dial: Dialer, session: str, shell: str) -> None:
    status, code, body = dial.refused(session, shell)
    assert (status, code) == (424, "RuntimeClientError")
    assert "shell id is not valid" in body["error"]


def test_a_long_shell_id(dial: Dialer, session: str) -> None:
    assert dial(session, "a" * 128).headers[SHELL_HEADER] == "a" * 128


def test_errors_before_the_upgrade_are_http(dial: Dialer, session: str) -> None:
    assert dial.refused("too short")[:2] == (400, "ValidationException")
    assert dial.refused(session, query={"qualifier": "prod"})[:2] == (404, "ResourceNotFoundException")
    dial.emulator.faults.add("throttle", operation="InvokeAgentRuntimeCommandShell")
    assert dial.refused(session)[:2] == (429, "ThrottlingException")
    assert dial.emulator.sessions() == []


def test_a_request_without_an_upgrade(dial: Dialer) -> None:
    host, port = urlsplit(dial.emulator.url).netloc.split(":")
    path = f"/runtimes/{quote(dial.emulator.arn, safe='')}/ws/shells"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"takes WebSocket connections alone" in answer


def test_a_client_that_is_gone_before_its_shell_is_there(dial: Dialer, session: str) -> None:
    host, port = urlsplit(dial.emulator.url).netloc.split(":")
    path = f"/runtimes/{quote(dial.emulator.arn, safe='')}/ws/shells?shellId=orphan"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
            f"{SESSION_HEADER}: {session}\r\n\r\n".encode()
        )
    while "went away" not in "".join(line for each in dial.emulator.sessions() for line in each["log"]):
        pass
    assert dial(session, "orphan").run("echo in") == "in\n"


def test_a_page_of_another_site_is_refused(dial: Dialer, session: str) -> None:
    with pytest.raises(Exception, match="403"):
        dial(session, origin="https://evil.example")


def test_an_agent_without_bash(
    write_agent: Callable[[str], Path], puppet: str, session: str, tmp_path: Path, dialer: MakeDialer
) -> None:
    (tmp_path / "empty").mkdir()
    with EmulatorProcess(write_agent(puppet), env={"PATH": str(tmp_path / "empty")}) as emulator:
        status, code, body = dialer(emulator).refused(session)
        assert (status, code) == (424, "RuntimeClientError")
        assert body["message"] == "Runtime client error. Bash does not run in the session: No such file or directory"
        # Nothing is kept of it.
        for _ in range(11):
            assert "Bash does not run" in dialer(emulator).refused(session)[2]["message"]


def test_two_at_once_want_the_same(dial: Dialer, session: str) -> None:
    """Of those that ask for a shell while it is being started, all but the first are told to ask again."""
    dial(session, "other")
    host, port = urlsplit(dial.emulator.url).netloc.split(":")
    path = f"/runtimes/{quote(dial.emulator.arn, safe='')}/ws/shells?shellId=same"
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
        f"{SESSION_HEADER}: {session}\r\n\r\n".encode()
    )
    connections = [socket.create_connection((host, int(port))) for _ in range(5)]
    for connection in connections:
        connection.sendall(request)
    answers = [connection.recv(65_536) for connection in connections]
    for connection in connections:
        connection.close()
    assert sum(answer.startswith(b"HTTP/1.1 101 ") for answer in answers) >= 1
    refused = [answer for answer in answers if not answer.startswith(b"HTTP/1.1 101 ")]
    assert all(b"ConflictException" in answer and answer.startswith(b"HTTP/1.1 409 ") for answer in refused)
    assert refused, "nobody was refused"
