"""MCP: what becomes of messages on their way to a server and back, and which session they reach.

The probe's MCP server is written on bare HTTP, so that nothing but the platform is between a contract and the wire.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract, profiles
from agentcore_contracts.runtime import AgentCore, Raw
from agentcore_contracts.strategies import json_values, texts
from agentcore_emulator.testing import Faults

_GUIDE = "AWS developer guide, 'MCP protocol contract'"
_ERRORS = f"{_GUIDE}, error handling"
_MODEL = "botocore 1.44 bedrock-agentcore model, InvokeAgentRuntime"

_MCP = "mcp-session-id"
_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
_CUSTOM = "x-amzn-bedrock-agentcore-runtime-custom-"
_ACCEPT = "application/json, text/event-stream"


def _message(method: str, params: Any = None, message_id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message_id, "method": method, **({} if params is None else {"params": params})}


def _order(order: dict[str, Any], message_id: Any = 1) -> dict[str, Any]:
    return _message("tools/call", {"name": "do", "arguments": order}, message_id)


def _post(mcp: AgentCore, message: Any, headers: dict[str, str] | None = None, query: str = "") -> Raw:
    """Over plain HTTP, as a client of MCP does it: without a session, unless the headers name one."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    lines = {"content-type": "application/json", "accept": _ACCEPT, **(headers or {})}
    return mcp.post(f"invocations{query}", headers=lines, body=body)


def _do(mcp: AgentCore, session: str, order: dict[str, Any]) -> Any:
    """What the probe's tool has for an order, by boto3."""
    answer = mcp.invoke(_order(order), session, accept=_ACCEPT, mcpSessionId=session)
    return answer.json["result"]["structuredContent"]["value"]


def _error(answer: Raw) -> tuple[int, int]:
    """The HTTP status and the code of an error of JSON-RPC."""
    message = json.loads(answer.body)
    assert message["jsonrpc"] == "2.0"
    assert message["error"]["message"]
    return answer.status, message["error"]["code"]


@pytest.fixture
def session(mcp: AgentCore) -> str:
    """A session id that nobody has used."""
    return mcp.new_session()


@pytest.fixture(scope="module")
def warm_session(mcp: AgentCore) -> str:
    """A session for the many examples of a property that leaves nothing behind in it."""
    return mcp.new_session()


# Messages


@contract(
    "MC-001",
    title="Messages to the path of invocations reach the server's /mcp: initialize, ping, tools/list, tools/call",
    evidence="aws-docs",
    source=f"{_GUIDE}; 'Deploy MCP servers in AgentCore Runtime'",
)
def test_a_conversation(mcp: AgentCore, session: str) -> None:
    """In the order of a client."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "contracts", "version": "1"}}
    asked = [
        _message("initialize", hello),
        _message("ping"),
        _message("tools/list"),
        _order({"do": "echo", "value": 7}),
    ]
    answers = [mcp.invoke(each, session, accept=_ACCEPT, mcpSessionId=session) for each in asked]
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
    source=f"{_GUIDE}: messages are passed through",
)
@given(value=json_values())
def test_any_value(mcp: AgentCore, warm_session: str, value: Any) -> None:
    """Integers of any size, doubles to the bit, text to the character."""
    assert json.dumps(_do(mcp, warm_session, {"do": "echo", "value": value})) == json.dumps(value)


@contract(
    "MC-003",
    title="The id of a message is that of its answer, a text or a number",
    evidence="aws-docs",
    source=f"{_GUIDE}: messages are passed through",
)
@given(message_id=st.integers() | texts())
def test_any_id(mcp: AgentCore, warm_session: str, message_id: int | str) -> None:
    """JSON-RPC 2.0, section 4."""
    answer = mcp.invoke(
        _message("ping", message_id=message_id), warm_session, accept=_ACCEPT, mcpSessionId=warm_session
    )
    assert answer.json == {"jsonrpc": "2.0", "id": message_id, "result": {}}


@contract(
    "MC-004",
    title="A notification is answered with the server's 202 and nothing else",
    evidence="aws-docs",
    source=f"{_GUIDE}: streamable HTTP, passed through",
)
def test_a_notification(mcp: AgentCore, session: str) -> None:
    """Which clients of MCP insist on."""
    message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = _post(mcp, message, {_MCP: session, _SESSION: session})
    assert (answer.status, answer.body) == (202, b"")


@contract(
    "MC-005",
    title="A server may answer by an event stream: its notifications and then the result, as it sent them",
    evidence="aws-docs",
    source=f"{_GUIDE}: application/json and text/event-stream",
)
@given(values=st.lists(json_values(), max_size=5))
def test_streams(mcp: AgentCore, warm_session: str, values: list[Any]) -> None:
    """To the byte, in the form in which the probe writes them."""
    asked = _order({"do": "stream", "values": values}, message_id="s")
    answer = mcp.invoke(asked, warm_session, accept=_ACCEPT, mcpSessionId=warm_session)
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
    source=f"{_GUIDE}: text/event-stream",
)
def test_a_stream_is_not_held_back(mcp: AgentCore, session: str) -> None:
    """The second one is sent only when another call has opened a gate, which is done after the first has come."""
    asked = _order({"do": "stream", "values": ["first", "second"], "gate": "door"})
    with mcp.stream(asked, session, accept=_ACCEPT, mcpSessionId=session) as events:
        assert next(events)["params"]["data"] == "first"
        assert _do(mcp, session, {"do": "release", "gate": "door"}) is True
        second, result = events.rest()
    assert second["params"]["data"] == "second"
    assert result["id"] == 1


@contract(
    "MC-007",
    title="The server's own errors of JSON-RPC, and those of its tools, arrive as it words them",
    evidence="aws-docs",
    source=f"{_GUIDE}: messages are passed through",
)
def test_the_servers_own_errors(mcp: AgentCore, session: str) -> None:
    """They come with the HTTP status 200, which is why they pass."""
    for asked, code, text in (
        (_message("no/such/method"), -32601, "Method not found"),
        (_message("tools/call", {"name": "nothing"}), -32602, "Unknown tool"),
    ):
        answer = mcp.invoke(asked, session, accept=_ACCEPT, mcpSessionId=session)
        assert answer.json == {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}}
    answer = mcp.invoke(_order({"do": "fail", "message": "out of ink"}), session, accept=_ACCEPT, mcpSessionId=session)
    assert answer.json["result"] == {"content": [{"type": "text", "text": "out of ink"}], "isError": True}


# Sessions


@contract(
    "MC-010",
    title="To a client without an id the platform gives one, which the server sees and which leads back",
    evidence="aws-docs",
    source=f"{_GUIDE}, stateless servers: the platform adds Mcp-Session-Id",
)
def test_the_platform_makes_an_id(mcp: AgentCore) -> None:
    """The server has never issued it."""
    answer = _post(mcp, _order({"do": "headers"}))
    given_id = answer.headers[_MCP]
    assert json.loads(answer.body)["result"]["structuredContent"]["value"][_MCP] == given_id
    counts = []
    for _ in range(2):
        again = _post(mcp, _order({"do": "count"}), {_MCP: given_id})
        assert again.headers[_MCP] == given_id
        counts.append(json.loads(again.body)["result"]["structuredContent"]["value"]["count"])
    assert counts == [1, 2]
    mcp.stop(answer.headers[_SESSION])


@contract(
    "MC-011",
    title="Mcp-Session-Id leads a message to its session: one process per id, and to each its own globals",
    evidence="aws-docs",
    source=f"{_GUIDE}; 'Use isolated sessions for agents'",
)
def test_an_id_is_a_session(mcp: AgentCore) -> None:
    """Interleaved, so that a process shared by both would count on."""
    one, other = mcp.new_session(), mcp.new_session()
    answers = [_do(mcp, session, {"do": "count"}) for session in (one, other, one, other)]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert answers[0]["module"] == answers[2]["module"] != answers[1]["module"] == answers[3]["module"]


@contract(
    "MC-012",
    title="An id that the client names reaches the server as it is, and stands in the answer",
    evidence="aws-docs",
    source=f"{_GUIDE}; botocore 1.44 bedrock-agentcore model, SessionId",
)
@profiles.of_histories()
@given(tail=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", max_size=55))
def test_any_session_id(mcp: AgentCore, tail: str) -> None:
    """Of 45 to 100 characters. Each example starts a session, so there are fewer."""
    session = mcp.new_session()
    answer = _post(mcp, _order({"do": "headers"}), {_MCP: session + tail, _SESSION: session + tail})
    assert json.loads(answer.body)["result"]["structuredContent"]["value"][_MCP] == session + tail
    assert answer.headers[_MCP] == session + tail
    mcp.stop(session + tail)


@contract(
    "MC-013",
    title="A stateful server issues its id in the answer to initialize, and messages with it lead to that server",
    evidence="aws-docs",
    source=f"{_GUIDE}, stateful servers",
)
def test_a_stateful_server(mcp: AgentCore) -> None:
    """Among them a second client, whose server knows nothing of the first."""
    issued, modules = [], []
    for _ in range(2):
        answer = _post(mcp, _message("initialize", {"clientInfo": {"name": "stateful"}}))
        assert answer.status == 200
        issued.append(answer.headers[_MCP])
    for session in issued:
        counted = [_post(mcp, _order({"do": "count"}), {_MCP: session}) for _ in range(2)]
        assert [answer.headers[_MCP] for answer in counted] == [session, session]
        found = [json.loads(answer.body)["result"]["structuredContent"]["value"] for answer in counted]
        assert [each["count"] for each in found] == [1, 2]
        modules.append(found[0]["module"])
        mcp.stop(counted[0].headers[_SESSION])
    assert modules[0] != modules[1]


@contract(
    "MC-014",
    title="boto3 names the session of MCP by mcpSessionId, and is told of it in the answer",
    evidence="aws-model",
    source=f"{_MODEL}, mcpSessionId of the request and of the response",
)
def test_boto3(mcp: AgentCore, session: str) -> None:
    """Beside the runtime's session, which boto3 always names."""
    response = mcp.client.invoke_agent_runtime(
        agentRuntimeArn=mcp.arn,
        runtimeSessionId=session,
        mcpSessionId=session,
        mcpProtocolVersion="2025-06-18",
        accept=_ACCEPT,
        contentType="application/json",
        payload=json.dumps(_order({"do": "headers"})),
    )
    seen = json.loads(response["response"].read())["result"]["structuredContent"]["value"]
    assert response["mcpSessionId"] == seen[_MCP] == session
    assert seen["mcp-protocol-version"] == "2025-06-18"


@contract(
    "MC-015",
    title="A stopped session is gone: the next message with its id reaches a new process",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session'",
)
def test_stop(mcp: AgentCore, session: str) -> None:
    """By StopRuntimeSession, as for any protocol."""
    before = _do(mcp, session, {"do": "count"})
    assert mcp.stop(session) == 200
    after = _do(mcp, session, {"do": "count"})
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "MC-016",
    title="Of a caller's own headers those on the allow-list reach the server, and it sees no local name as the host",
    evidence="aws-docs",
    source="AWS developer guide, 'Pass custom headers to AgentCore Runtime'; the host: reports of deployed servers",
)
def test_headers(mcp: AgentCore, session: str) -> None:
    """A server that protects itself against DNS rebinding refuses the host, here as there."""
    headers = {f"{_CUSTOM}probe": "allowed", f"{_CUSTOM}other": "dropped", "x-other": "dropped", _MCP: session}
    answer = _post(mcp, _order({"do": "headers"}), {**headers, _SESSION: session})
    seen = json.loads(answer.body)["result"]["structuredContent"]["value"]
    assert seen[f"{_CUSTOM}probe"] == "allowed"
    assert "dropped" not in seen.values()
    assert "authorization" not in seen
    assert seen["host"].partition(":")[0] not in ("", "localhost", "127.0.0.1")
    assert seen["accept"] == _ACCEPT


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
    answer = _post(mcp, _message("ping"), {"accept": accept, _MCP: session, _SESSION: session})
    assert _error(answer) == (406, -32011)


@contract(
    "MC-021",
    title="Whatever status of failure the server answers with, the client gets 200 with the code -32010",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
@pytest.mark.parametrize("status", [400, 404, 421, 429, 500, 503])
def test_statuses_of_the_servers_own(mcp: AgentCore, warm_session: str, status: int) -> None:
    """What it says beside is thrown away."""
    headers = {_MCP: warm_session, _SESSION: warm_session}
    answer = _post(mcp, _order({"do": "answer", "status": status}, "x"), headers)
    assert _error(answer) == (200, -32010)
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
    before = _do(mcp, warm_session, {"do": "count"})
    assert _error(_post(mcp, body, {_MCP: warm_session, _SESSION: warm_session})) == (200, -32010)
    assert _do(mcp, warm_session, {"do": "count"}) == {**before, "count": before["count"] + 1}


@contract(
    "MC-023",
    title="A crash of the server is answered with -32010, and the next message starts cold",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
def test_a_crash(mcp: AgentCore, session: str) -> None:
    """Under the same id."""
    before = _do(mcp, session, {"do": "count"})
    assert _error(_post(mcp, _order({"do": "crash"}), {_MCP: session, _SESSION: session})) == (200, -32010)
    after = _do(mcp, session, {"do": "count"})
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
    missing = _post(mcp, _message("ping"), {_MCP: session, _SESSION: session}, "?qualifier=nobody_made_this")
    assert _error(missing) == (200, -32004)
    assert _error(_post(mcp, _message("ping"), {_SESSION: "too-short"})) == (200, -32006)


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
    headers = {_MCP: warm_session, _SESSION: warm_session}
    assert _error(_post(mcp, _message("ping"), headers)) == (200, code)
    assert json.loads(_post(mcp, _message("ping"), headers).body)["result"] == {}


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
    answer = _post(mcp, _message("ping", message_id=message_id), {"accept": "application/json"})
    assert json.loads(answer.body)["id"] == message_id
    assert json.loads(_post(mcp, b"no message", {"accept": "application/json"}).body)["id"] is None


@contract(
    "MC-027",
    title="Servers are reached by POST alone: GET and DELETE are refused without reaching them",
    evidence="aws-docs",
    source=f"{_GUIDE}: POST /mcp is the path of the contract",
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_other_methods(mcp: AgentCore, method: str) -> None:
    """With which status, the guide does not say; clients of MCP take 405 for what it is."""
    session = str(uuid.uuid4())
    answer = mcp.send(method, "invocations", headers={"accept": _ACCEPT, _MCP: session, _SESSION: session})
    assert 400 <= answer.status < 500
    with pytest.raises(mcp.client.exceptions.ResourceNotFoundException):
        mcp.stop(session)
