"""Real MCP servers behind the emulator, with the `mcp` package's own client and with boto3."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, ElicitResult

from agentcore_emulator.testing import EmulatorProcess, SessionInfo, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "mcp"

RUNTIME_ERROR = -32010
SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

BLOCKING = """
import asyncio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("blocking")
calls = []


@server.tool()
def count() -> int:
    calls.append("count")
    return len(calls)


@server.tool()
async def block(ctx: Context) -> None:
    await ctx.report_progress(1, 2)
    await asyncio.Event().wait()


server.run(transport="streamable-http", host="0.0.0.0", stateless_http=STATELESS)
"""

Start = Callable[[Path], EmulatorProcess]


@pytest.fixture
def start(isolation: str, platform: str) -> Iterator[Start]:
    """Starts an emulator of one server, for as long as the test lasts."""
    with contextlib.ExitStack() as stack:

        def start(server: Path) -> EmulatorProcess:
            options = ("--protocol", "MCP", "--isolation", isolation, "--platform", platform)
            return stack.enter_context(EmulatorProcess(server, *options, "--clock", "virtual", "--quirks", "off"))

        yield start


@pytest.fixture(params=["V1", "V2"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(emulator: EmulatorProcess) -> str:
    return f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations"


@contextlib.asynccontextmanager
async def connected(emulator: EmulatorProcess, *, mode: str = "legacy", **options: Any) -> AsyncIterator[Client]:
    """The `mcp` package's client, which asks for the session's end as it does by default."""
    headers = options.pop("headers", {})
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url_of(emulator), http_client=http), mode=mode, **options) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """The result of a tool."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer
    assert answer.structured_content is not None
    return answer.structured_content["result"]


def at_rest(emulator: EmulatorProcess) -> SessionInfo:
    """The first session, once all are idle: a client is content with its answer before the server has ended it."""
    for _ in range(1000):
        sessions = emulator.sessions()
        if all(session["state"] == "Idle" for session in sessions):
            return sessions[0]
    pytest.fail("a session stays busy")


async def say_yes(_: Any, __: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"sure": True})


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("server.py", ["1 of 2: Buy milk", "2 of 2: Call Ada", "{'result': ['Buy milk', 'Call Ada']}"]),
        ("stateful.py", ["Throw 2 notes away?", "{'result': 'cleared'}"]),
    ],
)
def test_the_example(start: Start, server: str, expected: list[str]) -> None:
    emulator = start(EXAMPLE / server)
    done = subprocess.run(
        [sys.executable, EXAMPLE / "client.py"],
        env=emulator.info["environment"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["{'result': 1}", "{'result': 2}", *expected]


async def test_a_stateless_server(start: Start) -> None:
    emulator = start(EXAMPLE / "server.py")
    noticed: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        noticed.append((progress, total, message))

    async with connected(emulator) as one, connected(emulator) as two:
        assert sorted(tool.name for tool in (await one.list_tools()).tools) == ["add_note", "read_notes"]
        assert [await call(one, "add_note", text=text) for text in ("a", "b")] == [1, 2]
        assert await call(two, "add_note", text="c") == 1
        answer = await one.call_tool("read_notes", progress_callback=on_progress)
        assert answer.structured_content == {"result": ["a", "b"]}
        assert noticed == [(1, 2, "a"), (2, 2, "b")]
        failed = await one.call_tool("no_such_tool", {})
        assert failed.is_error, "what is wrong with a call is the server's to say"
        first = at_rest(emulator)
        emulator.clock.advance(900)
        assert emulator.session(first["session_id"])["reason"] == "idle for 900 s"
        assert await call(one, "add_note", text="d") == 1, "cold, and the client has not noticed"


async def test_a_client_of_the_newest_protocol(start: Start) -> None:
    emulator = start(EXAMPLE / "server.py")
    async with connected(emulator, mode="2026-07-28", headers={SESSION: new_session()}) as client:
        assert [await call(client, "add_note", text=text) for text in ("a", "b")] == [1, 2]
        assert await call(client, "read_notes") == ["a", "b"]
    # It keeps no Mcp-Session-Id, so without that header each request has a session of its own.
    async with connected(emulator, mode="2026-07-28") as client:
        assert [await call(client, "add_note", text=text) for text in ("a", "b")] == [1, 1]
    async with connected(emulator, mode="auto", headers={SESSION: new_session()}) as client:
        assert [await call(client, "add_note", text=text) for text in ("a", "b")] == [1, 2]


async def test_a_stateful_server(start: Start) -> None:
    emulator = start(EXAMPLE / "stateful.py")
    asked: list[str] = []

    async def say_no(_: Any, question: Any) -> ElicitResult:
        asked.append(question.message)
        return ElicitResult(action="decline")

    async with (
        connected(emulator, elicitation_callback=say_no) as one,
        connected(emulator, elicitation_callback=say_yes) as two,
    ):
        assert [await call(one, "add_note", text=text) for text in ("a", "b")] == [1, 2]
        assert await call(two, "add_note", text="c") == 1
        assert await call(one, "clear_notes") == "kept 2"
        assert asked == ["Throw 2 notes away?"]
        assert await call(two, "clear_notes") == "cleared"
        [first, second] = emulator.sessions()
        emulator.kill_session(first["session_id"])
        # The server that comes up in its place does not know the client, which has to begin again.
        with pytest.raises(MCPError) as raised:
            await call(one, "add_note", text="d")
        assert raised.value.error.code == RUNTIME_ERROR
        assert await call(two, "add_note", text="e") == 1
    assert "the agent answered 404" in "".join(emulator.session(first["session_id"])["log"])
    async with connected(emulator, headers={SESSION: first["session_id"]}) as again:
        assert await call(again, "add_note", text="f") == 1
    assert {each["session_id"] for each in emulator.sessions()} == {first["session_id"], second["session_id"]}


@pytest.mark.parametrize("stateless", [True, False])
@pytest.mark.parametrize("end", ["dies", "is stopped"])
async def test_a_session_that_ends_within_a_call(
    start: Start, write_agent: Callable[[str], Path], stateless: bool, end: str
) -> None:
    emulator = start(write_agent(BLOCKING.replace("STATELESS", str(stateless))))
    blocked = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        blocked.set()

    async with connected(emulator) as client:
        assert await call(client, "count") == 1
        [session] = emulator.sessions()
        blocking = asyncio.create_task(client.call_tool("block", progress_callback=on_progress))
        await blocked.wait()
        if end == "dies":
            await asyncio.to_thread(emulator.kill_session, session["session_id"])
        else:
            runtime = emulator.client("bedrock-agentcore")
            members = {"agentRuntimeArn": emulator.arn, "runtimeSessionId": session["session_id"]}
            await asyncio.to_thread(lambda: runtime.stop_runtime_session(**members))
        with pytest.raises(MCPError) as raised:
            await blocking
        assert raised.value.error.code == CONNECTION_CLOSED
        if stateless:
            assert await call(client, "count") == 1
        else:
            with pytest.raises(MCPError) as raised:
                await call(client, "count")
            assert raised.value.error.code == RUNTIME_ERROR
    async with connected(emulator, headers={SESSION: session["session_id"]}) as client:
        assert await call(client, "count") == (2 if stateless else 1)


@pytest.mark.parametrize("server", ["server.py", "stateful.py"])
def test_boto3(start: Start, server: str) -> None:
    emulator = start(EXAMPLE / server)
    client = emulator.client("bedrock-agentcore")
    ids: dict[str, str] = {}

    def send(message: dict[str, Any]) -> Any:
        # A runtime session id is added by boto3, another one each time; the other leads.
        answer = client.invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            contentType="application/json",
            accept="application/json, text/event-stream",
            mcpProtocolVersion="2025-06-18",
            mcpMethod=message["method"],
            payload=json.dumps({"jsonrpc": "2.0", **message}),
            **ids,
        )
        ids["mcpSessionId"] = answer["mcpSessionId"]
        body = answer["response"].read().decode()
        data = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
        return answer["statusCode"], json.loads(data[-1])["result"] if data else body

    start_up = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    status, result = send({"id": 1, "method": "initialize", "params": start_up})
    assert (status, result["serverInfo"]["name"]) == (200, "notebook")
    first = dict(ids)
    assert send({"method": "notifications/initialized"}) == (202, "")
    arguments = {"name": "add_note", "arguments": {"text": "a"}}
    counts = [send({"id": n, "method": "tools/call", "params": arguments})[1] for n in (2, 3)]
    assert [count["structuredContent"] for count in counts] == [{"result": 1}, {"result": 2}]
    assert ids == first
    assert len(emulator.sessions()) == 1


async def test_a_server_that_minds_the_host(start: Start, write_agent: Callable[[str], Path]) -> None:
    # By default MCPServer takes requests for this machine alone, and AgentCore's name something else.
    emulator = start(write_agent(BLOCKING.replace('host="0.0.0.0", stateless_http=STATELESS', "stateless_http=True")))
    refused = pytest.RaisesExc(MCPError, check=lambda error: error.error.code == RUNTIME_ERROR)
    with pytest.RaisesGroup(pytest.RaisesGroup(refused)):
        async with connected(emulator):
            pytest.fail("connected")
    assert "the agent answered 421: Invalid Host header" in emulator.log
