"""Session ids: who makes them, how long they are, where they show."""

from __future__ import annotations

import json
import uuid

import pytest

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_SESSION_HEADER = "x-amzn-bedrock-agentcore-runtime-session-id"


@contract(
    "RT-010",
    title="Without a session id boto3 sends a new UUID, so that each call has a session of its own",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, InvokeAgentRuntimeRequest.runtimeSessionId: idempotencyToken",
)
def test_boto3_makes_an_id(agentcore: AgentCore) -> None:
    """boto3 fills every idempotency token that its caller leaves out."""
    ids = []
    for _ in range(2):
        response = agentcore.client.invoke_agent_runtime(agentRuntimeArn=agentcore.arn, payload=b'{"do": "count"}')
        assert json.loads(response["response"].read())["count"] == 1
        ids.append(response["runtimeSessionId"])
        agentcore.stop(ids[-1])
    assert [len(session) for session in ids] == [36, 36]
    assert ids[0] != ids[1]


@contract(
    "RT-011",
    title="To a request without a session id the platform gives one, which leads back to the same session",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': the id is returned in the response header",
)
def test_the_platform_makes_an_id(agentcore: AgentCore) -> None:
    """Over plain HTTP, as a client without an AWS SDK does it."""
    headers = {"content-type": "application/json"}
    sessions = [
        agentcore.post("invocations", headers=headers, body=b'{"do": "count"}').headers[_SESSION_HEADER]
        for _ in range(2)
    ]
    assert sessions[0] != sessions[1]
    for session in sessions:
        assert agentcore.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "RT-012",
    title="Session ids of 33 to 100 characters are taken, and the answer names the session",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, SessionType (33 to 256) of the request and SessionId (1 to 100) of"
    " InvokeAgentRuntimeResponse.runtimeSessionId",
)
@pytest.mark.parametrize("length", [33, 100])
def test_lengths_that_are_taken(agentcore: AgentCore, length: int) -> None:
    """The response's shape is narrower than the request's; what lies between, nobody promises."""
    wanted = uuid.uuid4().hex.ljust(length, "x")
    assert agentcore.invoke({"do": "count"}, wanted).session == wanted


@contract(
    "RT-013",
    title="A session id of less than 33 or more than 256 characters is refused with 400 ValidationException",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, SessionType and ValidationException",
)
@pytest.mark.parametrize("length", [1, 32, 257])
@pytest.mark.parametrize("operation", ["invocations", "stopruntimesession"])
def test_lengths_that_are_refused(agentcore: AgentCore, operation: str, length: int) -> None:
    """Over plain HTTP: boto3 itself would not send the short ones."""
    headers = {"content-type": "application/json", _SESSION_HEADER: "x" * length}
    answer = agentcore.post(operation, headers=headers, body=b"{}")
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "ValidationException"
    body = json.loads(answer.body)
    assert body["message"]
    assert body["reason"] in ("CannotParse", "FieldValidationFailed")


@contract(
    "RT-014",
    title="The agent finds its session's id in the SDK's context",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _build_request_context",
)
def test_the_agent_knows_its_session(agentcore: AgentCore, session: str) -> None:
    """`context.session_id`."""
    assert agentcore.invoke({"do": "count"}, session).json["session"] == session
