"""Session ids of any form, and what a repeated stop is."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given

from agentcore_contracts import contract, profiles
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import invalid_session_ids, session_ids

_MODEL = "botocore 1.44 bedrock-agentcore model"
_SESSION_HEADER = "x-amzn-bedrock-agentcore-runtime-session-id"


@contract(
    "RT-015",
    title="Any id of 33 to 100 letters, digits, dashes and underscores names a session: the answer has it, the agent"
    " sees it, and a stop finds it",
    evidence="aws-model",
    source=f"{_MODEL}, SessionType and SessionId",
)
@profiles.of_histories()  # Each example starts a microVM, as a step of a history may.
@given(wanted=session_ids())
def test_any_id(agentcore: AgentCore, wanted: str) -> None:
    """Cold each time, as each example ends its session."""
    answer = agentcore.invoke({"do": "count"}, wanted)
    assert answer.session == answer.json["session"] == wanted
    assert answer.json["count"] == 1
    assert agentcore.stop(wanted) == 200


@contract(
    "RT-016",
    title="Whatever the id's other letters are, one that is too short or too long is refused with 400"
    " ValidationException, and starts nothing",
    evidence="aws-model",
    source=f"{_MODEL}, SessionType and ValidationException",
)
@given(wrong=invalid_session_ids())
def test_any_invalid_id(agentcore: AgentCore, wrong: str) -> None:
    """By three operations."""
    headers = {"content-type": "application/json", _SESSION_HEADER: wrong}
    for operation, body in (("invocations", b'{"do": "count"}'), ("commands", b'{"command": "true"}')):
        answer = agentcore.post(operation, headers=headers, body=body)
        assert answer.status == 400
        assert answer.headers["x-amzn-errortype"].partition(":")[0] == "ValidationException"


@contract(
    "RT-083",
    title="A stop that is repeated with its clientToken is the same stop, and succeeds as it did",
    evidence="aws-model",
    source=f"{_MODEL}, StopRuntimeSession: idempotent, with an idempotency token",
)
def test_a_stop_that_is_repeated(agentcore: AgentCore, session: str) -> None:
    """With another token it is another stop, of what is not there."""
    agentcore.invoke({"do": "count"}, session)
    stop = {"agentRuntimeArn": agentcore.arn, "runtimeSessionId": session, "clientToken": f"{uuid.uuid4()}"}
    first, second = (agentcore.client.stop_runtime_session(**stop) for _ in range(2))
    assert first["statusCode"] == second["statusCode"] == 200
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException):
        agentcore.client.stop_runtime_session(**{**stop, "clientToken": f"{uuid.uuid4()}"})


@contract(
    "RT-084",
    title="The answer to a stop names the session",
    evidence="aws-model",
    source=f"{_MODEL}, StopRuntimeSessionResponse",
)
def test_what_a_stop_answers(agentcore: AgentCore, session: str) -> None:
    """In the header that every call of a session has."""
    agentcore.invoke({"do": "count"}, session)
    response = agentcore.client.stop_runtime_session(agentRuntimeArn=agentcore.arn, runtimeSessionId=session)
    assert response["runtimeSessionId"] == session
    assert response["ResponseMetadata"]["HTTPHeaders"][_SESSION_HEADER] == session


@contract(
    "RT-085",
    title="A clientToken of less than 33 characters is refused with 400 ValidationException, and stops nothing",
    evidence="aws-model",
    source=f"{_MODEL}, ClientToken",
)
@pytest.mark.parametrize("token", ["short", " " * 40], ids=["short", "blank"])
def test_wrong_tokens(agentcore: AgentCore, session: str, token: str) -> None:
    """Over plain HTTP: boto3 itself would not send the short one."""
    agentcore.invoke({"do": "count"}, session)
    headers = {"content-type": "application/json", _SESSION_HEADER: session}
    answer = agentcore.post("stopruntimesession", headers=headers, body=b'{"clientToken": "%s"}' % token.encode())
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "ValidationException"
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2
