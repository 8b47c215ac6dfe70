"""What an agent sees beside its payload: the request's headers and its environment."""

from __future__ import annotations

import json

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_CUSTOM = "x-amzn-bedrock-agentcore-runtime-custom-"


@contract(
    "RT-070",
    title="Of a caller's own headers those on the runtime's allow-list reach the agent, the others are dropped",
    evidence="aws-docs",
    source="AWS developer guide, 'Pass custom headers to AgentCore Runtime'",
    since="1.1.0",
)
def test_headers_of_the_caller(agentcore: AgentCore, session: str) -> None:
    """The probe's configuration allows the first of these."""
    headers = {
        "content-type": "application/json",
        "x-amzn-bedrock-agentcore-runtime-session-id": session,
        f"{_CUSTOM}probe": "allowed",
        f"{_CUSTOM}other": "dropped",
        "x-other": "dropped",
    }
    answer = agentcore.post("invocations", headers=headers, body=b'{"do": "headers"}')
    seen = json.loads(answer.body)
    assert seen["request"][f"{_CUSTOM}probe"] == seen["context"][f"{_CUSTOM}probe"] == "allowed"
    assert "dropped" not in seen["request"].values()


@contract(
    "RT-071",
    title="The agent sees its session's id and the payload's type as headers, and no local name as the host",
    evidence="field-report",
    source="An echo agent's report of the headers of a deployed runtime",
    since="1.1.0",
)
def test_headers_of_the_platform(agentcore: AgentCore, session: str) -> None:
    """A server that checks Host against DNS rebinding refuses it, here as there."""
    seen = agentcore.invoke({"do": "headers"}, session).json["request"]
    assert seen["x-amzn-bedrock-agentcore-runtime-session-id"] == session
    assert seen["content-type"] == "application/json"
    assert seen["host"].partition(":")[0] not in ("", "localhost", "127.0.0.1")
    assert "authorization" not in seen


@contract(
    "RT-072",
    title="The agent finds the ARN of its runtime in OTEL_RESOURCE_ATTRIBUTES",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _parse_runtime_arn",
)
def test_the_agent_knows_its_runtime(agentcore: AgentCore, session: str) -> None:
    """`cloud.resource_id` may be the endpoint's ARN, which begins with the runtime's."""
    found = agentcore.invoke({"do": "resource_attributes"}, session).json
    attributes = dict(pair.split("=", 1) for pair in found.split(","))
    assert attributes["cloud.resource_id"].partition("/runtime-endpoint/")[0] == agentcore.arn
