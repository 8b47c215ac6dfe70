"""An emulator, and a client of its shells that says whatever a test wants."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
SHELL_HEADER = "X-Amzn-Bedrock-AgentCore-Shell-Id"

_numbers = itertools.count()


class Terminal:
    """One connection to a shell. Output is kept, so that a test can look for what came before."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.output = b""
        self.last: str | bytes | None = None
        assert connection.response is not None
        self.headers = connection.response.headers
        self.status = self.frame(3)

    def frame(self, channel: int) -> Any:
        """The payload of the next frame of a channel, read as JSON if it is a status."""
        while True:
            message = self.connection.recv(timeout=30)
            assert isinstance(message, bytes)
            if message[0] == 1:
                self.output += message[1:]
            if message[0] == channel:
                return json.loads(message[1:]) if channel == 3 else message[1:]

    def type(self, text: str) -> None:
        """Press keys."""
        self.connection.send(b"\0" + text.encode())

    def until(self, text: str) -> str:
        """What has come up to `text`, which is then forgotten."""
        while text.encode() not in self.output:
            self.frame(1)
        before, _, self.output = self.output.partition(text.encode())
        return before.decode()

    def run(self, command: str) -> str:
        """What a command prints."""
        number = next(_numbers)  # What is replayed may hold the output of others.
        self.type(f"echo be''gin {number}; {command}; echo e''nd {number}\n")
        self.until(f"begin {number}\r\n")
        return self.until(f"end {number}\r\n").replace("\r\n", "\n")

    def closed(self) -> tuple[int, str]:
        """The close frame's code and reason; `last` is then what came before it."""
        while (message := self._next()) is not None:
            self.last = message
        close = self.connection.protocol.close_rcvd
        assert close is not None, "the connection ended without a close frame"
        return close.code, close.reason

    def _next(self) -> str | bytes | None:
        try:
            return self.connection.recv(timeout=30)
        except websockets.exceptions.ConnectionClosed:
            return None


class Dialer:
    """Opens connections to one emulator's shells, in sessions of the default agent's or of another's."""

    def __init__(self, emulator: EmulatorProcess | EmulatorThread, arn: str | None = None) -> None:
        self.emulator = emulator
        self.arn = arn or emulator.arn
        self._open: list[ClientConnection] = []
        self._stack = ExitStack()

    def address(self, **query: str) -> str:
        parameters = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        return f"ws{self.emulator.url[4:]}/runtimes/{quote(self.arn, safe='')}/ws/shells?{parameters}"

    def __call__(self, session: str, shell: str | None = "shell", **options: Any) -> Terminal:
        query = {**({} if shell is None else {"shellId": shell}), **options.pop("query", {})}
        headers = {SESSION_HEADER: session, **options.pop("headers", {})}
        connection: ClientConnection = self._stack.enter_context(
            connect(
                self.address(**query),
                additional_headers=headers,
                proxy=None,
                open_timeout=60,
                max_size=None,
                compression=None,
                **options,
            )
        )
        self._open.append(connection)
        return Terminal(connection)

    def refused(self, session: str, shell: str | None = "shell", **options: Any) -> tuple[int, str, dict[str, Any]]:
        """Status, code and body of an answer that is no connection."""
        with pytest.raises(websockets.exceptions.InvalidStatus) as failure:
            self(session, shell, **options)
        response = failure.value.response
        return response.status_code, response.headers["x-amzn-ErrorType"], json.loads(response.body or b"{}")

    def info(self, session: str) -> dict[str, Any]:
        """What the emulator tells of a live session."""
        [found] = [dict(each) for each in self.emulator.sessions() if each["session_id"] == session]
        return found

    def stop(self, session: str) -> None:
        self.emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=self.emulator.arn, runtimeSessionId=session
        )

    def close(self) -> None:
        for connection in self._open:
            connection.close_socket()
        self._open.clear()
        self._stack.close()


@pytest.fixture(scope="module", params=["V1", "V2"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[Dialer]:
    file = tmp_path_factory.mktemp("puppet") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    options = ["--platform", request.param, "--clock", "virtual", "--quirks", "off"]
    with EmulatorProcess(file, *options) as emulator:
        yield Dialer(emulator)
        assert "failed inside the emulator" not in emulator.log


@pytest.fixture
def dial(shared: Dialer) -> Iterator[Dialer]:
    """For tests that share an emulator with a virtual clock; its sessions end with each test."""
    yield shared
    shared.close()
    for session in shared.emulator.sessions():
        shared.stop(str(session["session_id"]))


@pytest.fixture
def dialer() -> Iterator[Callable[..., Dialer]]:
    """For emulators of a test's own."""
    made: list[Dialer] = []

    def make(emulator: EmulatorProcess | EmulatorThread, arn: str | None = None) -> Dialer:
        made.append(Dialer(emulator, arn))
        return made[-1]

    yield make
    for dial in made:
        dial.close()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Path:
    """A project with the agent `open`, which is called with signatures, and `guarded`, which asks for tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "agent.py").write_text(puppet, encoding="utf-8")
    authorizer = {"discoveryUrl": "http://127.0.0.1:1/.well-known/openid-configuration", "allowedClients": ["shop"]}
    agents = {
        "open": {"name": "open", "entrypoint": "agent.py"},
        "guarded": {
            "name": "guarded",
            "entrypoint": "agent.py",
            "authorizer_configuration": {"customJWTAuthorizer": authorizer},
        },
    }
    # Which YAML is, too.
    (folder / ".bedrock_agentcore.yaml").write_text(json.dumps({"default_agent": "open", "agents": agents}))
    return folder


@pytest.fixture
def session() -> str:
    return new_session()
