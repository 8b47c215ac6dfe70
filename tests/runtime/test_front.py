from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.runtime.conftest import Caller

OPERATIONS: dict[str, Callable[[Any, str, str], Any]] = {
    "GetAgentCard": lambda client, arn, session: client.get_agent_card(agentRuntimeArn=arn, runtimeSessionId=session),
    "InvokeAgentRuntime": lambda client, arn, session: client.invoke_agent_runtime(
        agentRuntimeArn=arn, runtimeSessionId=session, payload=b""
    ),
    "InvokeAgentRuntimeCommand": lambda client, arn, session: client.invoke_agent_runtime_command(
        agentRuntimeArn=arn, runtimeSessionId=session, body={"command": "true"}
    ),
    "StopRuntimeSession": lambda client, arn, session: client.stop_runtime_session(
        agentRuntimeArn=arn, runtimeSessionId=session
    ),
}


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failure.value.response["Error"]["Code"])


def test_faults_strike_every_operation_by_its_name(caller: Caller, session: str, operation: str) -> None:
    caller.emulator.faults.add("throttle", operation=operation, session=session)
    with pytest.raises(ClientError) as failure:
        OPERATIONS[operation](caller.client, caller.arn, session)
    assert code_of(failure) == "ThrottlingException"
    assert list(caller.emulator.faults) == []


def test_no_operation_finds_an_agent_that_is_not_there(caller: Caller, session: str, operation: str) -> None:
    with pytest.raises(ClientError) as failure:
        OPERATIONS[operation](caller.client, caller.arn + "x", session)
    assert code_of(failure) == "ResourceNotFoundException"


def test_every_operation_checks_its_input(caller: Caller, operation: str) -> None:
    with pytest.raises(ClientError) as failure:
        OPERATIONS[operation](caller.client, caller.arn, "s" * 257)
    assert code_of(failure) == "ValidationException"
    assert failure.value.response["ResponseMetadata"]["RequestId"]
