"""MCP: which session a message reaches, and what the server sees of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract, profiles
from agentcore_contracts.contracts.mcp_messages import ACCEPT, GUIDE, MCP, SESSION, call, do, message, post
from agentcore_contracts.runtime import AgentCore

_CUSTOM = "x-amzn-bedrock-agentcore-runtime-custom-"


@pytest.fixture(scope="module")
def runtime(mcp: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return mcp


@contract(
    "MC-010",
    title="To a client without an id the platform gives one, which the server sees and which leads back",
    evidence="aws-docs",
    source=f"{GUIDE}, stateless servers: the platform adds Mcp-Session-Id",
)
def test_the_platform_makes_an_id(mcp: AgentCore) -> None:
    """The server has never issued it."""
    answer = post(mcp, call({"do": "headers"}))
    given_id = answer.headers[MCP]
    assert json.loads(answer.body)["result"]["structuredContent"]["value"][MCP] == given_id
    counts = []
    for _ in range(2):
        again = post(mcp, call({"do": "count"}), {MCP: given_id})
        assert again.headers[MCP] == given_id
        counts.append(json.loads(again.body)["result"]["structuredContent"]["value"]["count"])
    assert counts == [1, 2]
    mcp.stop(answer.headers[SESSION])


@contract(
    "MC-011",
    title="Mcp-Session-Id leads a message to its session: one process per id, and to each its own globals",
    evidence="aws-docs",
    source=f"{GUIDE}; 'Use isolated sessions for agents'",
)
def test_an_id_is_a_session(mcp: AgentCore) -> None:
    """Interleaved, so that a process shared by both would count on."""
    one, other = mcp.new_session(), mcp.new_session()
    answers = [do(mcp, session, {"do": "count"}) for session in (one, other, one, other)]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert answers[0]["module"] == answers[2]["module"] != answers[1]["module"] == answers[3]["module"]


@contract(
    "MC-012",
    title="An id that the client names reaches the server as it is, and stands in the answer",
    evidence="aws-docs",
    source=f"{GUIDE}; botocore 1.44 bedrock-agentcore model, SessionId",
)
@profiles.of_histories()
@given(tail=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", max_size=55))
def test_any_session_id(mcp: AgentCore, tail: str) -> None:
    """Of 45 to 100 characters. Each example starts a session, so there are fewer."""
    session = mcp.new_session()
    answer = post(mcp, call({"do": "headers"}), {MCP: session + tail, SESSION: session + tail})
    assert json.loads(answer.body)["result"]["structuredContent"]["value"][MCP] == session + tail
    assert answer.headers[MCP] == session + tail
    mcp.stop(session + tail)


@contract(
    "MC-013",
    title="A stateful server issues its id in the answer to initialize, and messages with it lead to that server",
    evidence="aws-docs",
    source=f"{GUIDE}, stateful servers",
)
def test_a_stateful_server(mcp: AgentCore) -> None:
    """Among them a second client, whose server knows nothing of the first."""
    issued = {}
    for _ in range(2):
        answer = post(mcp, message("initialize", {"clientInfo": {"name": "stateful"}}))
        assert answer.status == 200
        issued[answer.headers[MCP]] = json.loads(answer.body)["result"]["serverInfo"]["version"]
    assert len(set(issued.values())) == 2
    for session, module in issued.items():
        counted = [post(mcp, call({"do": "count"}), {MCP: session}) for _ in range(2)]
        assert [answer.headers[MCP] for answer in counted] == [session, session]
        found = [json.loads(answer.body)["result"]["structuredContent"]["value"] for answer in counted]
        assert [each["count"] for each in found] == [1, 2]
        assert {each["module"] for each in found} == {module}
        mcp.stop(counted[0].headers[SESSION])


@contract(
    "MC-014",
    title="boto3 names the session of MCP by mcpSessionId, and is told of it in the answer",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, InvokeAgentRuntime, mcpSessionId of the request and of the response",
)
def test_boto3(mcp: AgentCore, session: str) -> None:
    """Beside the runtime's session, which boto3 always names."""
    response = mcp.client.invoke_agent_runtime(
        agentRuntimeArn=mcp.arn,
        runtimeSessionId=session,
        mcpSessionId=session,
        mcpProtocolVersion="2025-06-18",
        accept=ACCEPT,
        contentType="application/json",
        payload=json.dumps(call({"do": "headers"})),
    )
    seen = json.loads(response["response"].read())["result"]["structuredContent"]["value"]
    assert response["mcpSessionId"] == seen[MCP] == session
    assert seen["mcp-protocol-version"] == "2025-06-18"


@contract(
    "MC-015",
    title="A stopped session is gone: the next message with its id reaches a new process",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session'",
)
def test_stop(mcp: AgentCore, session: str) -> None:
    """By StopRuntimeSession, as for any protocol."""
    before = do(mcp, session, {"do": "count"})
    assert mcp.stop(session) == 200
    after = do(mcp, session, {"do": "count"})
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
    headers = {f"{_CUSTOM}probe": "allowed", f"{_CUSTOM}other": "dropped", "x-other": "dropped", MCP: session}
    answer = post(mcp, call({"do": "headers"}), {**headers, SESSION: session})
    seen = json.loads(answer.body)["result"]["structuredContent"]["value"]
    assert seen[f"{_CUSTOM}probe"] == "allowed"
    assert "dropped" not in seen.values()
    assert "authorization" not in seen
    assert seen["host"].partition(":")[0] not in ("", "localhost", "127.0.0.1")
    assert seen["accept"] == ACCEPT
