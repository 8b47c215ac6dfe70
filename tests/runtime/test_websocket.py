"""WebSockets to agents, by the `websockets` client, and by bare sockets for what that would not send."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import websockets.exceptions
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session
from agentcore_emulator.testing.running import RunningEmulator

AGENT = """
import asyncio, json, os
from starlette.websockets import WebSocketDisconnect
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
state = {"count": 0, "ended": []}

@app.entrypoint
def invoke(payload):
    return state

@app.websocket
async def talk(ws, context):
    await ws.accept(ws.headers.get("sec-websocket-protocol", "").split(",")[0] or None)
    while True:
        message = await ws.receive()
        if message["type"] == "websocket.disconnect":
            state["ended"].append(message["code"])
            return
        state["count"] += 1
        text = message.get("text")
        if text is None:
            await ws.send_bytes(message["bytes"])
        elif text == "count":
            await ws.send_json(state["count"])
        elif text == "headers":
            await ws.send_json([[name.decode(), value.decode()] for name, value in ws.scope["headers"]])
        elif text == "query":
            await ws.send_json(ws.scope["query_string"].decode())
        elif text.startswith("close "):
            await ws.close(int(text[6:]), "as you wish")
            return
        elif text == "big":
            await ws.send_bytes(bytes(64 * 1024 + 1))
        elif text == "die":
            os._exit(7)
        elif text == "raise":
            raise ValueError("no such word")
        else:
            await ws.send_text(text)

app.run()
"""

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def write(folder: Path, source: str = AGENT) -> Path:
    file = folder / "agent.py"
    file.write_text(source, encoding="utf-8")
    return file


def address(emulator: RunningEmulator, **query: str) -> str:
    parameters = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return f"ws{emulator.url[4:]}/runtimes/{quote(emulator.arn, safe='')}/ws?{parameters}"


def dial(emulator: RunningEmulator, session: str, **options: Any) -> ClientConnection:
    headers = {SESSION_HEADER: session, **options.pop("headers", {})}
    connection: ClientConnection = connect(
        address(emulator, **options.pop("query", {})),
        additional_headers=headers,
        proxy=None,
        open_timeout=60,
        max_size=None,
        **options,
    )
    return connection


def ask(connection: ClientConnection, text: str) -> Any:
    connection.send(text)
    return json.loads(connection.recv())


def closed_with(connection: ClientConnection) -> tuple[int, str]:
    """The close frame that came; what comes before it is read over."""
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        deque(iter(connection.recv, None), maxlen=0)
    assert closed.value.rcvd is not None, "the connection ended without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.fixture(scope="module", params=["V1", "V2"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def emulator(platform: str, isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    file = write(tmp_path_factory.mktemp("agent"))
    options = ["--platform", platform, "--isolation", isolation, "--clock", "virtual", "--quirks", "off"]
    with EmulatorProcess(file, *options) as process:
        yield process


@pytest.fixture
def session() -> str:
    return new_session()


def test_a_conversation_is_part_of_its_session(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 1
        assert ask(connection, "count") == 2
        assert connection.response is not None
        assert connection.response.headers[SESSION_HEADER] == session
        assert connection.response.headers["x-amzn-RequestId"]
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 3
    assert emulator.invoke({}, session)["count"] == 3
    with dial(emulator, new_session()) as connection:
        assert ask(connection, "count") == 1


def test_a_session_is_made_for_who_names_none(emulator: EmulatorProcess) -> None:
    with connect(address(emulator), proxy=None, open_timeout=60) as connection:
        assert connection.response is not None
        session = connection.response.headers[SESSION_HEADER]
        assert ask(connection, "count") == 1
    assert emulator.invoke({}, session)["count"] == 1


@pytest.mark.parametrize("size", [0, 125, 126, 16 * 1024, 32 * 1024, 65_535, 64 * 1024])
def test_frames_arrive_as_they_were_sent(emulator: EmulatorProcess, session: str, size: int) -> None:
    data = os.urandom(size)
    with dial(emulator, session) as connection:
        connection.send(data)
        assert connection.recv() == data


def test_a_message_of_many_frames_may_be_large(emulator: EmulatorProcess, session: str) -> None:
    pieces = [os.urandom(60_000) for _ in range(5)]
    with dial(emulator, session) as connection:
        connection.send(iter(pieces))
        connection.send("count")
        # One large frame goes back, so it is the agent's that is over the limit.
        assert closed_with(connection) == (1009, "a frame may have 64 KB")


def test_a_large_message_reaches_the_agent_whole(tmp_path: Path) -> None:
    file = write(
        tmp_path, AGENT.replace('await ws.send_bytes(message["bytes"])', 'await ws.send_json(len(message["bytes"]))')
    )
    with EmulatorProcess(file) as emulator, dial(emulator, new_session()) as connection:
        connection.send(iter([bytes(60_000)] * 5))
        assert json.loads(connection.recv()) == 300_000


def test_both_sides_close(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        connection.send("close 4321")
        assert closed_with(connection) == (4321, "as you wish")
    with dial(emulator, session) as connection:
        ask(connection, "count")
        connection.close(4000, "enough")
        assert connection.close_code == 4000
    # The agent has seen the client's code before it answered it.
    assert emulator.invoke({}, session)["ended"] == [4000]


def test_a_client_that_vanishes(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        ask(connection, "count")
        connection.socket.shutdown(socket.SHUT_RDWR)
    while not (ended := emulator.invoke({}, session)["ended"]):
        pass
    assert ended in ([1005], [1006])  # uvicorn's word for an end without a close frame is not RFC 6455's.


def test_an_agent_that_raises_closes_with_1011(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        connection.send("raise")
        assert closed_with(connection)[0] == 1011
    assert any("no such word" in line for line in emulator.session(session)["log"])


# Limits


def test_a_frame_of_a_client_over_64_kb(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        connection.send(bytes(64 * 1024 + 1))
        assert closed_with(connection) == (1009, "a frame may have 64 KB")
    while not (ended := emulator.invoke({}, session)["ended"]):
        pass
    assert ended == [1009]


def test_a_frame_of_an_agent_over_64_kb(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        connection.send("big")
        assert closed_with(connection) == (1009, "a frame may have 64 KB")


def test_more_than_250_frames_a_second(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        frames = b"".join(b"\x81\x84" + bytes(4) + b"word" for _ in range(600))
        connection.socket.sendall(frames)
        assert closed_with(connection) == (1008, "a client may send 250 frames a second")


def test_a_connection_lasts_an_hour(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        for _ in range(7):
            ask(connection, "count")
            emulator.clock.advance(500)
        ask(connection, "count")
        emulator.clock.advance(101)
        assert closed_with(connection) == (1008, "a connection lasts 60 minutes at most")
    assert emulator.session(session)["state"] == "Idle"


# The session's life


def test_what_is_said_keeps_a_session_and_an_open_connection_does_not(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        ask(connection, "count")
        emulator.clock.advance(899)
        assert ask(connection, "count") == 2
        emulator.clock.advance(899)
        connection.ping().wait()
        emulator.clock.advance(899)
        assert emulator.session(session)["state"] == "Idle"
        emulator.clock.advance(1)
        assert closed_with(connection) == (1001, "the session has ended")
    assert emulator.session(session)["reason"] == "idle for 900 s"
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 1


def test_a_stop_closes_with_1001(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        ask(connection, "count")
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert closed_with(connection) == (1001, "the session has ended")
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 1


def test_death_closes_with_1011(emulator: EmulatorProcess, session: str) -> None:
    with dial(emulator, session) as connection:
        connection.send("die")
        assert closed_with(connection) == (1011, "the agent broke off")
    assert emulator.session(session)["reason"] == "its process exited with status 7"
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 1
        emulator.kill_session(session)
        assert closed_with(connection) == (1011, "the agent broke off")
    with dial(emulator, session) as connection:
        assert ask(connection, "count") == 1


def test_who_answers_the_goodbye_is_let_go_at_once(
    tmp_path: Path, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentcore_emulator.runtime.websocket._GOODBYE_SECONDS", 3600.0)
    with EmulatorThread(write(tmp_path)) as emulator, dial(emulator, session, close_timeout=None) as connection:
        connection.send("die")
        assert closed_with(connection) == (1011, "the agent broke off")


def test_the_end_of_the_emulator_closes_with_1001(tmp_path: Path, session: str) -> None:
    with EmulatorProcess(write(tmp_path)) as emulator, dial(emulator, session) as connection:
        assert ask(connection, "count") == 1
        emulator.stop()
        assert closed_with(connection) == (1001, "the session has ended")


# What the agent sees, and what it takes to get there


def test_the_agent_sees_what_an_agent_on_aws_sees(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".bedrock_agentcore.yaml").write_text(
        """
default_agent: agent
agents:
  agent:
    name: agent
    entrypoint: agent.py
    request_header_configuration:
      requestHeaderAllowlist:
        - X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant
        - X-Amzn-Bedrock-AgentCore-Runtime-Custom-Plan
"""
    )
    custom = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-"
    with EmulatorProcess(tmp_path) as emulator:
        session = new_session()
        query = {SESSION_HEADER: session, f"{custom}Tenant": "blue", f"{custom}Other": "x", "qualifier": "DEFAULT"}
        url = address(emulator, **query)
        headers = {f"{custom}Plan": "gold", "Cookie": "a=b", f"{custom}Tenant": "blue"}
        with connect(url, additional_headers=headers, subprotocols=["chat"], proxy=None) as connection:  # type: ignore[list-item]
            seen = dict(ask(connection, "headers"))
            assert connection.subprotocol == "chat"
            assert ask(connection, "query") == ""
    assert seen[SESSION_HEADER.lower()] == session
    assert seen[f"{custom}Tenant".lower()] == "blue"
    assert seen[f"{custom}Plan".lower()] == "gold"
    assert seen["host"].endswith(".aws.dev")
    assert not {"cookie", f"{custom}Other".lower(), "sec-websocket-extensions", "origin", "user-agent"} & set(seen)


def refused(emulator: EmulatorProcess, session: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(websockets.exceptions.InvalidStatus) as failure, dial(emulator, session, **options):
        pass
    response = failure.value.response
    return response.status_code, response.headers["x-amzn-ErrorType"]


def test_errors_before_the_upgrade_are_http(emulator: EmulatorProcess, session: str) -> None:
    assert refused(emulator, "too short") == (400, "ValidationException")
    assert refused(emulator, session, query={"qualifier": "prod"}) == (404, "ResourceNotFoundException")
    emulator.faults.add("throttle", operation="InvokeAgentRuntimeWithWebSocketStream")
    assert refused(emulator, session) == (429, "ThrottlingException")
    bad = {f"{SESSION_HEADER[:-10]}Custom-Tenant": "a\r\nx: y"}
    assert refused(emulator, session, query=bad) == (400, "ValidationException")


def test_an_agent_without_a_handler(tmp_path: Path) -> None:
    file = write(tmp_path, "from bedrock_agentcore import BedrockAgentCoreApp\nBedrockAgentCoreApp().run()\n")
    with EmulatorProcess(file) as emulator:
        session = new_session()
        assert refused(emulator, session) == (424, "RuntimeClientError")
        assert "the agent refused the WebSocket with 403" in emulator.log


def test_an_agent_that_never_accepts(tmp_path: Path) -> None:
    source = AGENT.replace(
        "    await ws.accept(", '    print("asked", flush=True)\n    await asyncio.Event().wait()\n    await ws.accept('
    )
    with EmulatorProcess(write(tmp_path, source), "--clock", "virtual") as emulator:
        session = new_session()
        host, port = urlsplit(emulator.url).netloc.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(opening(emulator, session))
            while not any("asked" in line for each in emulator.sessions() for line in each["log"]):
                pass
            emulator.clock.advance(900)
            assert connection.recv(100).startswith(b"HTTP/1.1 504 ")


def test_a_request_without_an_upgrade(emulator: EmulatorProcess) -> None:
    host, port = urlsplit(emulator.url).netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        path = f"/runtimes/{quote(emulator.arn, safe='')}/ws"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"takes WebSocket connections alone" in answer


def test_a_foreign_page_is_refused(emulator: EmulatorProcess, session: str) -> None:
    with (
        pytest.raises(websockets.exceptions.InvalidStatus) as failure,
        dial(emulator, session, origin="https://evil.example"),
    ):
        pass
    assert failure.value.response.status_code == 403
    with dial(emulator, session, origin="http://localhost:3000") as connection:
        assert ask(connection, "count") == 1


# What is not as it should be

MALFORMED = 2_000
BATCH = 20

opcodes = st.integers(0, 15)
lengths = st.one_of(st.integers(0, 300), st.sampled_from([65_535, 65_536, 65_537, 2**31, 2**63, 2**64 - 1]))


@st.composite
def malformed(draw: st.DrawFn) -> bytes:
    """A frame that breaks a rule: reserved bits or opcodes, no mask, a long or fragmented control frame, a length that
    is written too long or is not what follows, text that is not UTF-8, a close code that is none; or no frame at all.
    """
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(min_size=1, max_size=200))
    first = draw(st.integers(0, 255))
    masked = draw(st.booleans())
    length = draw(lengths)
    form = draw(st.sampled_from([7, 16, 64]))
    if form == 7:
        length %= 126
        head = bytes((first, length | masked << 7))
    elif form == 16:
        length %= 65_536
        head = struct.pack("!BBH", first, 126 | masked << 7, length)
    else:
        head = struct.pack("!BBQ", first, 127 | masked << 7, length)
    mask = draw(st.binary(min_size=4, max_size=4)) if masked else b""
    return head + mask + draw(st.binary(max_size=min(length, 300)))


def opening(emulator: EmulatorProcess, session: str, *lines: bytes) -> bytes:
    path = f"/runtimes/{quote(emulator.arn, safe='')}/ws"
    key = base64.b64encode(os.urandom(16))
    return b"\r\n".join(
        [
            f"GET {path} HTTP/1.1".encode(),
            b"Host: localhost",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + key,
            f"{SESSION_HEADER}: {session}".encode(),
            *lines,
            b"",
            b"",
        ]
    )


def exchange(emulator: EmulatorProcess, request: bytes, *later: bytes) -> bytes:
    """Send a request, and the rest once it is answered; hang up, and return all that comes."""
    host, port = urlsplit(emulator.url).netloc.split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(request)
        if later:
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65_536)
            connection.sendall(b"".join(later))
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65_536):
            answer += piece
    return answer


@pytest.fixture(scope="module")
def sturdy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(write(tmp_path_factory.mktemp("agent")), "--quirks", "off") as process:
        yield process
        assert "failed inside the emulator" not in process.log
        assert (
            "Traceback" not in process.log.replace("Traceback", "Traceback", 0)
            or "agentcore_emulator" not in process.log
        )


def test_malformed_frames_harm_nobody(sturdy: EmulatorProcess) -> None:
    session = new_session()
    with dial(sturdy, session) as old:
        turns = 0

        @settings(max_examples=MALFORMED // BATCH, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(malformed(), min_size=BATCH, max_size=BATCH))
        def send(frames: list[bytes]) -> None:
            nonlocal turns
            for frame in frames:
                # Each on a connection of its own, for the agent may end it over the first.
                answer = exchange(sturdy, opening(sturdy, session), frame)
                assert answer.startswith(b"HTTP/1.1 101 "), answer[:200]
            before = turns
            turns = ask(old, "count")
            assert turns > before

        send()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    line=st.sampled_from([b"Upgrade", b"Connection", b"Sec-WebSocket-Version", b"Sec-WebSocket-Key"]),
    value=st.binary(max_size=40),
)
@example(line=b"Sec-WebSocket-Protocol", value=b",,,base64UrlBearerAuthorization,,")
def test_malformed_handshakes_are_refused_or_taken(sturdy: EmulatorProcess, line: bytes, value: bytes) -> None:
    value = value.replace(b"\r", b"").replace(b"\n", b"")
    request = opening(sturdy, "the-session-of-broken-handshakes-0001")
    broken = b"\r\n".join(
        line + b": " + value if part.startswith(line + b":") else part for part in request.split(b"\r\n")
    )
    answer = exchange(sturdy, broken)
    status = answer.split(b" ", 2)[1] if answer else b""
    # 409 while the session is still being provisioned for one that has hung up.
    assert status in (b"", b"101", b"400", b"403", b"404", b"409"), answer[:200]
