"""Errors: what a client is told when the agent fails, and when there is no agent."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_TROUBLE = "AWS developer guide, 'Troubleshoot AgentCore Runtime'"


@contract(
    "RT-060",
    title="An exception in the entrypoint is answered with 424 RuntimeClientError, and the session lives on",
    evidence="aws-docs",
    source=_TROUBLE,
)
def test_exceptions(agentcore: AgentCore, session: str) -> None:
    """The SDK answers 500, which the platform does not pass on."""
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError) as raised:
        agentcore.invoke({"do": "fail", "message": "out of ink"}, session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "RT-061",
    title="A 424 names the agent's status and CloudWatch; what the agent said does not leave the platform",
    evidence="field-report",
    source="Users' reports of the message, in issues of awslabs/agentcore-samples and aws/bedrock-agentcore-sdk-python",
)
def test_what_a_424_says(agentcore: AgentCore, session: str) -> None:
    """Looked for in the whole HTTP answer."""
    headers = {"content-type": "application/json", "x-amzn-bedrock-agentcore-runtime-session-id": session}
    answer = agentcore.post("invocations", headers=headers, body=b'{"do": "fail", "message": "out of ink"}')
    assert answer.status == 424
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "RuntimeClientError"
    assert json.loads(answer.body)["message"] == (
        "Received error (500) from runtime. Please check your CloudWatch logs for more information."
    )
    assert "out of ink" not in f"{answer.headers}"


@contract(
    "RT-062",
    title="Whatever status of failure the agent answers with, the client gets 424",
    evidence="aws-docs",
    source=_TROUBLE,
    since="1.4.4",
)
@pytest.mark.parametrize("status", [400, 404, 409, 429, 503])
def test_statuses_of_the_agents_own(agentcore: AgentCore, session: str, status: int) -> None:
    """So that no answer of an agent's is taken for one of the platform's."""
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke({"do": "answer", "status": status, "type": "text/plain", "body": "no"}, session)


@contract(
    "RT-063",
    title="A crash of the agent is answered with 424, and the next call starts cold",
    evidence="aws-docs",
    source=f"{_TROUBLE} and 'Use isolated sessions for agents'",
)
@pytest.mark.parametrize("status", [0, 1], ids=["exit 0", "exit 1"])
def test_crashes(agentcore: AgentCore, session: str, status: int) -> None:
    """Whatever its exit status says."""
    before = agentcore.invoke({"do": "count"}, session).json
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke({"do": "crash", "status": status}, session)
    after = agentcore.invoke({"do": "count"}, session).json
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "RT-064",
    title="An agent runtime or endpoint that does not exist is 404 ResourceNotFoundException; DEFAULT exists",
    evidence="aws-docs",
    source=_TROUBLE,
)
def test_what_is_not_there(agentcore: AgentCore, session: str) -> None:
    """An id that differs in its last characters, and a qualifier that nobody made."""
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException) as raised:
        agentcore.invoke({"do": "count"}, session, agentRuntimeArn=f"{agentcore.arn[:-10]}0000000000")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException):
        agentcore.invoke({"do": "count"}, session, qualifier="nobody_made_this")
    assert agentcore.invoke({"do": "count"}, session, qualifier="DEFAULT").json["count"] == 1


@contract(
    "RT-065",
    title="An agent runtime is found by its ARN, and by its id beside the account's; both lead to the same session",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, InvokeAgentRuntimeRequest.agentRuntimeArn and accountId",
)
def test_names_of_a_runtime(agentcore: AgentCore, session: str) -> None:
    """The id alone is not enough, and neither is it beside an account that is not the runtime's."""
    *_, account, resource = agentcore.arn.split(":")
    runtime_id = resource.partition("/")[2]
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    by_id = agentcore.invoke({"do": "count"}, session, agentRuntimeArn=runtime_id, accountId=account)
    assert by_id.json["count"] == 2
    with pytest.raises(agentcore.client.exceptions.ValidationException):
        agentcore.invoke({"do": "count"}, session, agentRuntimeArn=runtime_id)
    other = f"{(int(account) + 1) % 10**12:012d}"
    with pytest.raises(ClientError) as raised:
        agentcore.invoke({"do": "count"}, session, agentRuntimeArn=runtime_id, accountId=other)
    # Whether that is told as missing or as forbidden, nobody says.
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404)
