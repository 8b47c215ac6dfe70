"""What a client sees of the service's own errors, which only an emulator has when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

if TYPE_CHECKING:
    from agentcore_emulator.testing import Faults

_MODEL = "botocore 1.44 bedrock-agentcore model, the errors of InvokeAgentRuntime"
_RETRIES = "botocore 1.44 retries/standard.py, with the `retryable` traits of the model"

# The fault, and what becomes of it: name, status, whether boto3 tries again.
_ERRORS = [
    ("throttle", "ThrottlingException", 429, True),
    ("quota", "ServiceQuotaExceededException", 402, False),
    ("conflict", "RetryableConflictException", 409, True),
    ("internal", "InternalServerException", 500, True),
]


@pytest.fixture
def persistent(agentcore: AgentCore, faults: Faults) -> Iterator[Any]:
    """A boto3 client with the standard mode of retries, of an emulator: without one, `faults` has skipped the test."""
    session = boto3.session.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator")  # noqa: S106 - no secret
    client = session.client(
        "bedrock-agentcore",
        region_name=agentcore.region,
        endpoint_url=agentcore.endpoint,
        config=Config(retries={"mode": "standard"}, proxies={}),
    )
    yield client
    client.close()


@contract(
    "RT-090",
    title="Errors of the service are boto3's modelled exceptions, with their documented statuses",
    evidence="aws-model",
    source=_MODEL,
)
@pytest.mark.parametrize(
    ("fault", "name", "status"), [error[:3] for error in _ERRORS], ids=[each[0] for each in _ERRORS]
)
def test_errors(agentcore: AgentCore, faults: Faults, session: str, fault: str, name: str, status: int) -> None:
    """Before anything is started: the next call is the session's first."""
    faults.add(fault, operation="InvokeAgentRuntime", session=session)
    with pytest.raises(getattr(agentcore.client.exceptions, name)) as raised:
        agentcore.invoke({"do": "count"}, session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert raised.value.response["Error"]["Code"] == name
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1


@contract(
    "RT-091",
    title="boto3 tries again after 409, 429 and 500, so that its caller sees the answer; after 402 it does not",
    evidence="sdk-source",
    source=_RETRIES,
)
def test_retries(agentcore: AgentCore, faults: Faults, persistent: Any) -> None:
    """All at once, as boto3 waits between its attempts."""
    sessions = {fault: agentcore.new_session() for fault, *_ in _ERRORS}
    for fault, session in sessions.items():
        faults.add(fault, operation="InvokeAgentRuntime", session=session)

    def call(session: str) -> int | str:
        try:
            response = persistent.invoke_agent_runtime(
                agentRuntimeArn=agentcore.arn, runtimeSessionId=session, payload=b'{"do": "count"}'
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        assert json.loads(response["response"].read())["count"] == 1
        return int(response["ResponseMetadata"]["RetryAttempts"])

    with ThreadPoolExecutor(len(_ERRORS)) as threads:
        found = dict(zip(sessions, threads.map(call, sessions.values()), strict=True))
    assert found == {fault: 1 if again else name for fault, name, _, again in _ERRORS}


@contract(
    "RT-092",
    title="boto3 gives up after three attempts",
    evidence="sdk-source",
    source=f"{_RETRIES}: DEFAULT_MAX_ATTEMPTS",
)
def test_the_last_attempt(agentcore: AgentCore, faults: Faults, persistent: Any, session: str) -> None:
    """A fourth is not made."""
    faults.add("throttle", operation="InvokeAgentRuntime", session=session, times=5)
    with pytest.raises(persistent.exceptions.ThrottlingException) as raised:
        persistent.invoke_agent_runtime(
            agentRuntimeArn=agentcore.arn, runtimeSessionId=session, payload=b'{"do": "count"}'
        )
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 2
    assert [fault["used"] for fault in faults] == [3]


@contract(
    "RT-093",
    title="What came before a microVM dies arrives, nothing follows it, and the next call starts cold",
    evidence="aws-docs",
    source="AWS developer guide, 'HTTP protocol contract', streaming responses, and 'Use isolated sessions for agents'",
)
def test_death_amid_a_stream(agentcore: AgentCore, faults: Faults, session: str) -> None:
    """After two events of three, which are the client's."""
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    faults.add("kill", session=session, after_bytes=len(b"data: 1\n\ndata: 2\n\n"))
    with agentcore.stream({"do": "stream", "values": [1, 2, 3]}, session) as events:
        assert events.rest() == [1, 2]
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1


@contract(
    "RT-094",
    title="After 424 boto3 does not try again: the agent has worked once",
    evidence="sdk-source",
    source=f"{_RETRIES}: RuntimeClientError has none",
)
def test_no_second_attempt(agentcore: AgentCore, persistent: Any, session: str) -> None:
    """By the entrypoint's counter."""
    with pytest.raises(persistent.exceptions.RuntimeClientError) as raised:
        persistent.invoke_agent_runtime(
            agentRuntimeArn=agentcore.arn, runtimeSessionId=session, payload=b'{"do": "fail", "message": "no"}'
        )
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2
