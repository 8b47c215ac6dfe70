"""MCP: what becomes of messages on their way to a server and back, and the platform's errors.

The probe's MCP server is written on bare HTTP, so that nothing but the platform is between a contract and the wire.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.contracts.mcp_messages import ACCEPT, GUIDE, MCP, SESSION, call, do, error, message, post
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values, texts
from agentcore_emulator.testing import Faults

_ERRORS = f"{GUIDE}, error handling"


@pytest.fixture(scope="module")
def runtime(mcp: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return mcp


# Messages


@contract(
    "MC-001",
    title="Messages to the path of invocations reach the server's /mcp: initialize, ping, tools/list, tools/call",
    evidence="aws-docs",
    source=f"{GUIDE}; 'Deploy MCP servers in AgentCore Runtime'",
)
def test_a_conversation(mcp: AgentCore, session: str) -> None:
    """In the order of a client."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "contracts", "version": "1"}}
    asked = [
        message("initialize", hello),
        message("ping"),
        message("tools/list"),
        call({"do": "echo", "value": 7}),
    ]
    answers = [mcp.invoke(each, session, accept=ACCEPT, mcpSessionId=session) for each in asked]
    assert {answer.content_type.partition(";")[0] for answer in answers} == {"application/json"}
    first, second, third, fourth = (answer.json["result"] for answer in answers)
    assert first["protocolVersion"] == "2025-06-18"
    assert second == {}
    assert [tool["name"] for tool in third["tools"]] == ["do"]
    assert fourth["structuredContent"] == {"value": 7}


@contract(
    "MC-002",
    title="The platform hands on messages as they are: any JSON value in the arguments comes back from the tool",
    evidence="aws-docs",
    source=f"{GUIDE}: messages are passed through",
)
@given(value=json_values())
def test_any_value(mcp: AgentCore, warm_session: str, value: Any) -> None:
    """Integers of any size, doubles to the bit, text to the character."""
    assert json.dumps(do(mcp, warm_session, {"do": "echo", "value": value})) == json.dumps(value)


@contract(
    "MC-003",
    title="The id of a message is that of its answer, a text or a number",
    evidence="aws-docs",
    source=f"{GUIDE}: messages are passed through",
)
@given(message_id=st.integers() | texts())
def test_any_id(mcp: AgentCore, warm_session: str, message_id: int | str) -> None:
    """JSON-RPC 2.0, section 4."""
    answer = mcp.invoke(message("ping", message_id=message_id), warm_session, accept=ACCEPT, mcpSessionId=warm_session)
    assert answer.json == {"jsonrpc": "2.0", "id": message_id, "result": {}}


@contract(
    "MC-004",
    title="A notification is answered with the server's 202 and nothing else",
    evidence="aws-docs",
    source=f"{GUIDE}: streamable HTTP, passed through",
)
def test_a_notification(mcp: AgentCore, session: str) -> None:
    """Which clients of MCP insist on."""
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = post(mcp, note, {MCP: session, SESSION: session})
    assert (answer.status, answer.body) == (202, b"")


@contract(
    "MC-005",
    title="A server may answer by an event stream: its notifications and then the result, as it sent them",
    evidence="aws-docs",
    source=f"{GUIDE}: application/json and text/event-stream",
)
@given(values=st.lists(json_values(), max_size=5))
def test_streams(mcp: AgentCore, warm_session: str, values: list[Any]) -> None:
    """To the byte, in the form in which the probe writes them."""
    asked = call({"do": "stream", "values": values}, message_id="s")
    answer = mcp.invoke(asked, warm_session, accept=ACCEPT, mcpSessionId=warm_session)
    notes = [
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": value}}
        for value in values
    ]
    result = {"jsonrpc": "2.0", "id": "s", "result": {"content": [], "isError": False}}
    assert answer.content_type.partition(";")[0] == "text/event-stream"
    assert answer.raw.decode() == "".join(f"data: {json.dumps(each)}\n\n" for each in [*notes, result])


@contract(
    "MC-006",
    title="A notification in a stream arrives while the tool is still at work, and the session takes other calls",
    evidence="aws-docs",
    source=f"{GUIDE}: text/event-stream",
)
def test_a_stream_is_not_held_back(mcp: AgentCore, session: str) -> None:
    """The second one is sent only when another call has opened a gate, which is done after the first has come."""
    asked = call({"do": "stream", "values": ["first", "second"], "gate": "door"})
    with mcp.stream(asked, session, accept=ACCEPT, mcpSessionId=session) as events:
        assert next(events)["params"]["data"] == "first"
        assert do(mcp, session, {"do": "release", "gate": "door"}) is True
        second, result = events.rest()
    assert second["params"]["data"] == "second"
    assert result["id"] == 1


@contract(
    "MC-007",
    title="The server's own errors of JSON-RPC, and those of its tools, arrive as it words them",
    evidence="aws-docs",
    source=f"{GUIDE}: messages are passed through",
)
def test_the_servers_own_errors(mcp: AgentCore, session: str) -> None:
    """They come with the HTTP status 200, which is why they pass."""
    for asked, code, text in (
        (message("no/such/method"), -32601, "Method not found"),
        (message("tools/call", {"name": "nothing"}), -32602, "Unknown tool"),
    ):
        answer = mcp.invoke(asked, session, accept=ACCEPT, mcpSessionId=session)
        assert answer.json == {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}
    answer = mcp.invoke(call({"do": "fail", "message": "out of ink"}), session, accept=ACCEPT, mcpSessionId=session)
    assert answer.json["result"] == {"content": [{"type": "text", "text": "out of ink"}], "isError": True}


# Errors of the platform


@contract(
    "MC-020",
    title="A client that does not accept both JSON and event streams gets 406 with the code -32011",
    evidence="aws-docs",
    source=_ERRORS,
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html"])
def test_accept(mcp: AgentCore, session: str, accept: str) -> None:
    """Either alone is not enough."""
    answer = post(mcp, message("ping"), {"accept": accept, MCP: session, SESSION: session})
    assert error(answer) == (406, -32011)


@contract(
    "MC-021",
    title="Whatever status of failure the server answers with, the client gets 200 with the code -32010",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
@pytest.mark.parametrize("status", [400, 404, 421, 429, 500, 503])
def test_statuses_of_the_servers_own(mcp: AgentCore, warm_session: str, status: int) -> None:
    """What it says beside is thrown away."""
    headers = {MCP: warm_session, SESSION: warm_session}
    answer = post(mcp, call({"do": "answer", "status": status}, "x"), headers)
    assert error(answer) == (200, -32010)
    assert json.loads(answer.body)["id"] == "x"
    assert b"as you wish" not in answer.body


@contract(
    "MC-022",
    title="What is no message is the server's to refuse, so that the client gets 200 with -32010",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error; messages are passed through",
)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"jsonrpc": "2.0", "id": 1}'])
def test_malformed(mcp: AgentCore, warm_session: str, body: bytes) -> None:
    """The probe answers 400, as MCP servers do; and the session takes the next message."""
    before = do(mcp, warm_session, {"do": "count"})
    assert error(post(mcp, body, {MCP: warm_session, SESSION: warm_session})) == (200, -32010)
    assert do(mcp, warm_session, {"do": "count"}) == {**before, "count": before["count"] + 1}


@contract(
    "MC-023",
    title="A crash of the server is answered with -32010, and the next message starts cold",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
def test_a_crash(mcp: AgentCore, session: str) -> None:
    """Under the same id."""
    before = do(mcp, session, {"do": "count"})
    assert error(post(mcp, call({"do": "crash"}), {MCP: session, SESSION: session})) == (200, -32010)
    after = do(mcp, session, {"do": "count"})
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "MC-024",
    title="An endpoint that does not exist is -32004, a session id that is too short -32006, both with the status 200",
    evidence="aws-docs",
    source=_ERRORS,
)
def test_not_found_and_not_valid(mcp: AgentCore, session: str) -> None:
    """The session's id is the runtime's, of 33 characters or more."""
    missing = post(mcp, message("ping"), {MCP: session, SESSION: session}, "?qualifier=nobody_made_this")
    assert error(missing) == (200, -32004)
    assert error(post(mcp, message("ping"), {SESSION: "too-short"})) == (200, -32006)


@contract(
    "MC-025",
    title="Throttling and quotas are -32003, a session in transition is -32005, what fails within AWS -32603; all with"
    " the status 200",
    evidence="aws-docs",
    source=_ERRORS,
)
@pytest.mark.parametrize(
    ("fault", "code"), [("throttle", -32003), ("quota", -32003), ("conflict", -32005), ("internal", -32603)]
)
def test_errors_to_order(mcp: AgentCore, faults: Faults, warm_session: str, fault: str, code: int) -> None:
    """Once, and then no more."""
    faults.add(fault, operation="InvokeAgentRuntime")
    headers = {MCP: warm_session, SESSION: warm_session}
    assert error(post(mcp, message("ping"), headers)) == (200, code)
    assert json.loads(post(mcp, message("ping"), headers).body)["result"] == {}


@contract(
    "MC-026",
    title="An error of the platform's carries the id of the message that it answers, null if there is none",
    evidence="aws-docs",
    source=_ERRORS,
)
@given(message_id=st.integers() | texts())
@example(message_id=0)
@example(message_id="")
def test_ids_of_errors(mcp: AgentCore, message_id: int | str) -> None:
    """Refused before a server is reached."""
    answer = post(mcp, message("ping", message_id=message_id), {"accept": "application/json"})
    assert json.loads(answer.body)["id"] == message_id
    assert json.loads(post(mcp, b"no message", {"accept": "application/json"}).body)["id"] is None


@contract(
    "MC-027",
    title="Servers are reached by POST alone: GET and DELETE are refused without reaching them",
    evidence="aws-docs",
    source=f"{GUIDE}: POST /mcp is the path of the contract",
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_other_methods(mcp: AgentCore, method: str) -> None:
    """With which status, the guide does not say; clients of MCP take 405 for what it is."""
    session = str(uuid.uuid4())
    answer = mcp.send(method, "invocations", headers={"accept": ACCEPT, MCP: session, SESSION: session})
    assert 400 <= answer.status < 500
    with pytest.raises(mcp.client.exceptions.ResourceNotFoundException):
        mcp.stop(session)
