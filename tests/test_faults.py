from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator import errors
from agentcore_emulator.faults import ErrorFault, FaultError, Faults, Hang, Kill, read
from agentcore_emulator.testing import EmulatorProcess, new_session

INVOKE = "InvokeAgentRuntime"


def raised(operation: str, **given: Any) -> errors.AWSError:
    faults = Faults()
    faults.add([read({"operation": operation, **given})])
    with pytest.raises(errors.AWSError) as caught:
        faults.check(operation, None)
    return caught.value


def struck(given: Mapping[str, Any], calls: int, session: str | None = None) -> list[bool]:
    faults = Faults()
    faults.add([read(given)])
    return [faults.strike(ErrorFault, INVOKE, session) is not None for _ in range(calls)]


@pytest.mark.parametrize(
    ("fault", "operation", "code", "status"),
    [
        ("throttle", INVOKE, "ThrottlingException", 429),
        ("throttle", "StopRuntimeSession", "ThrottlingException", 429),
        ("throttle", "Converse", "ThrottlingException", 429),
        ("throttle", "CreateEvent", "ThrottledException", 429),
        ("throttle", "CreateMemory", "ThrottledException", 429),
        ("throttle", "CreateAgentRuntime", "ThrottlingException", 429),
        ("quota", INVOKE, "ServiceQuotaExceededException", 402),
        ("quota", "ListEvents", "ServiceQuotaExceededException", 402),
        ("conflict", INVOKE, "RetryableConflictException", 409),
        ("conflict", "CreateEvent", "RetryableConflictException", 409),
        ("agent-error", INVOKE, "RuntimeClientError", 424),
        ("internal", INVOKE, "InternalServerException", 500),
        ("internal", "ConverseStream", "InternalServerException", 500),
        ("internal", "ListSessions", "ServiceException", 500),
    ],
)
def test_each_plane_has_its_own_name_for_an_error(fault: str, operation: str, code: str, status: int) -> None:
    error = raised(operation, fault=fault)
    assert (error.code, error.status) == (code, status)


def test_the_words_are_those_of_aws() -> None:
    assert raised(INVOKE, fault="conflict").message == "Session operation in progress, please retry"
    assert raised(INVOKE, fault="agent-error").message == (
        "Received error (500) from runtime. Please check your CloudWatch logs for more information."
    )


def test_the_next_calls_and_then_none() -> None:
    assert struck({"fault": "throttle", "operation": INVOKE, "times": 2}, 4) == [True, True, False, False]
    assert struck({"fault": "agent-error"}, 2) == [True, False]


def test_a_rate_with_a_seed_strikes_the_same_calls_each_time() -> None:
    given = {"fault": "throttle", "operation": INVOKE, "rate": 0.5, "seed": 7}
    first = struck(given, 200)
    assert 60 < first.count(True) < 140
    assert struck(given, 200) == first
    assert struck({**given, "seed": 8}, 200) != first


def test_the_ends_of_the_rate() -> None:
    given = {"fault": "throttle", "operation": INVOKE}
    assert struck({**given, "rate": 1}, 50) == [True] * 50
    assert struck({**given, "rate": 0.0}, 50) == [False] * 50


def test_calls_of_another_session_or_operation_do_not_count() -> None:
    faults = Faults()
    faults.add([read({"fault": "throttle", "operation": "CreateEvent", "session": "mine"})])
    for operation, session in (("CreateEvent", "yours"), ("CreateEvent", None), ("ListEvents", "mine")):
        faults.check(operation, session)
    with pytest.raises(errors.ThrottledException):
        faults.check("CreateEvent", "mine")
    assert not faults


def test_faults_of_one_kind_make_a_sequence_and_other_kinds_do_not_wait_for_it() -> None:
    faults = Faults()
    faults.add(
        read(each)
        for each in (
            {"fault": "throttle", "operation": INVOKE},
            {"fault": "kill"},
            {"fault": "internal", "operation": INVOKE},
        )
    )
    kinds = []
    for _ in range(3):
        fault = faults.strike(ErrorFault, INVOKE, None)
        kinds.append(fault.name if fault else None)
    assert kinds == ["throttle", "internal", None]
    assert faults.strike(Hang, INVOKE, None) is None
    assert isinstance(faults.strike(Kill, INVOKE, None), Kill)
    assert not faults


def test_what_is_used_up_is_gone_and_the_rest_says_how_often_it_struck() -> None:
    faults = Faults()
    once, always = faults.add(
        [
            read({"fault": "throttle", "operation": INVOKE}),
            read({"fault": "quota", "operation": INVOKE, "rate": 1.0}),
        ]
    )
    assert once != always
    for _ in range(3):
        faults.strike(ErrorFault, INVOKE, None)
    assert [(fault_id, fault.used) for fault_id, fault in faults] == [(always, 2)]
    assert faults.remove(always)
    assert not faults.remove(always)
    assert not faults
    [third] = faults.add([read({"fault": "hang"})])
    assert third not in (once, always)
    faults.clear()
    assert not faults


def test_one_line_says_what_was_done_to_whom(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    faults.add([read({"fault": "throttle", "operation": "ListEvents", "times": 2})])
    for session in ("a\x1b[2Jb", None):
        with pytest.raises(errors.ThrottledException):
            faults.check("ListEvents", session)
    assert [record.getMessage() for record in caplog.records] == [
        "fault 1, throttle, strikes ListEvents of session 'a\\x1b[2Jb'",
        "fault 1, throttle, strikes ListEvents",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


@pytest.mark.parametrize(
    ("given", "field", "what"),
    [
        (None, None, "a fault is a mapping, such as"),
        (["throttle"], None, "a fault is a mapping"),
        ({}, "fault", "is missing; it is one of throttle, quota, conflict, agent-error, internal, kill, hang, slow-"),
        ({"fault": "thrttle"}, "fault", "there is no fault 'thrttle', only throttle"),
        ({"fault": ["kill"]}, "fault", "there is no fault ['kill'], only"),
        ({"fault": "x" * 1000}, "fault", "there is no fault 'xxx"),
        ({"fault": "throttle"}, "operation", "throttle needs one, such as InvokeAgentRuntime or CreateEvent"),
        ({"fault": "throttle", "operation": "Invoke"}, "operation", "AWS has no operation 'Invoke' in bedrock-agentc"),
        ({"fault": "throttle", "operation": 1}, "operation", "1 is not the name of an AWS operation"),
        ({"fault": "quota", "operation": "Converse"}, "operation", "no ServiceQuotaExceededException for Converse"),
        ({"fault": "conflict", "operation": "ListEvents"}, "operation", "no RetryableConflictException for ListEv"),
        ({"fault": "agent-error", "operation": "StopRuntimeSession"}, "operation", "agent-error is a fault of Invoke"),
        ({"fault": "kill", "operation": "CreateEvent"}, "operation", "kill is a fault of InvokeAgentRuntime alone"),
        ({"fault": "kill", "time": 2}, "time", "kill has no such field; did you mean 'times'?"),
        ({"fault": "hang", "xyz": 2}, "xyz", "hang has no such field; it can have fault, operation, rate, seed, sess"),
        ({"fault": "hang", "after_bytes": 2}, "after_bytes", "hang has no such field"),
        ({"fault": "hang", "times": 0}, "times", "0 is not a whole number of calls, 1 or more"),
        ({"fault": "hang", "times": True}, "times", "True is not a whole number of calls"),
        ({"fault": "hang", "times": 1.0}, "times", "1.0 is not a whole number of calls"),
        ({"fault": "hang", "times": None}, "times", "None is not a whole number of calls"),
        ({"fault": "hang", "rate": 1.1}, "rate", "1.1 is not a number from 0.0 to 1.0"),
        ({"fault": "hang", "rate": float("nan")}, "rate", "nan is not a number from 0.0 to 1.0"),
        ({"fault": "hang", "rate": "often"}, "rate", "'often' is not a number"),
        ({"fault": "hang", "rate": 0.5, "times": 2}, "rate", "'times' and 'rate' exclude each other"),
        ({"fault": "hang", "seed": 1}, "seed", "only what has a 'rate' can have one"),
        ({"fault": "hang", "rate": 0.5, "seed": "a"}, "seed", "'a' is not a whole number"),
        ({"fault": "hang", "session": 7}, "session", "7 is not the id of a session"),
        ({"fault": "kill", "after_bytes": -1}, "after_bytes", "-1 is not a whole number of bytes, 0 or more"),
        ({"fault": "slow-first-byte"}, "seconds", "slow-first-byte needs them"),
        ({"fault": "slow-first-byte", "seconds": 901}, "seconds", "901 is not a number of seconds from 0 to 900"),
        ({"fault": "slow-first-byte", "seconds": float("inf")}, "seconds", "inf is not a number of seconds"),
    ],
)
def test_a_fault_that_cannot_be(given: Any, field: str | None, what: str) -> None:
    with pytest.raises(FaultError) as caught:
        read(given)
    assert what in str(caught.value)
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


# Through the one port, to real clients


@pytest.fixture
def order(emulator: EmulatorProcess) -> Iterator[Any]:
    """Orders faults of the shared emulator, which are all taken back."""

    def order(*faults: dict[str, Any]) -> None:
        assert httpx.post(f"{emulator.url}/_emulator/faults", json=list(faults)).status_code == 201

    yield order
    assert httpx.delete(f"{emulator.url}/_emulator/faults").status_code == 204


def invoke(emulator: EmulatorProcess, session: str, **config: Any) -> dict[str, Any]:
    client = emulator.client("bedrock-agentcore", config=Config(**config))
    answer: dict[str, Any] = client.invoke_agent_runtime(
        agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b'{"mode": "ping"}'
    )
    answer["response"].read()
    return answer


@pytest.mark.parametrize("fault", ["throttle", "conflict", "internal"])
def test_boto3_gets_over_what_passes(emulator: EmulatorProcess, order: Any, fault: str) -> None:
    session = new_session()
    order({"fault": fault, "operation": INVOKE, "session": session})
    assert invoke(emulator, session)["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    ("fault", "code", "status", "retries"),
    [
        ("throttle", "ThrottlingException", 429, 1),
        ("quota", "ServiceQuotaExceededException", 402, 0),
        ("agent-error", "RuntimeClientError", 424, 0),
    ],
)
def test_boto3_raises_what_does_not(
    emulator: EmulatorProcess, order: Any, fault: str, code: str, status: int, retries: int
) -> None:
    session = new_session()
    order({"fault": fault, "operation": INVOKE, "session": session, "rate": 1.0})
    with pytest.raises(ClientError) as caught:
        invoke(emulator, session, retries={"total_max_attempts": 2})
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["ResponseMetadata"]["RetryAttempts"] == retries
    assert not [each for each in emulator.sessions() if each["session_id"] == session], "the agent was started"
    invoke(emulator, new_session())


def test_operations_of_memory_and_of_the_model(emulator: EmulatorProcess, order: Any) -> None:
    once = Config(retries={"total_max_attempts": 1})
    memory, model = (emulator.client(name, config=once) for name in ("bedrock-agentcore", "bedrock-runtime"))
    order(
        {"fault": "throttle", "operation": "ListEvents", "session": "mine"},
        {"fault": "internal", "operation": "Converse"},
    )
    with pytest.raises(memory.exceptions.ThrottledException):
        memory.list_events(memoryId="notes-0123456789", actorId="a", sessionId="mine")
    with pytest.raises(memory.exceptions.ResourceNotFoundException):
        memory.list_events(memoryId="notes-0123456789", actorId="a", sessionId="mine")
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    with pytest.raises(model.exceptions.InternalServerException):
        model.converse(modelId="m", messages=messages)
    assert model.converse(modelId="m", messages=messages)["stopReason"] == "end_turn"
    assert "fault" in emulator.log


def test_a_call_that_is_refused_uses_no_fault_up(emulator: EmulatorProcess, order: Any) -> None:
    order({"fault": "throttle", "operation": "Converse"})
    answer = httpx.post(f"{emulator.url}/model/m/converse", json={"messages": 1})
    assert answer.status_code == 400
    assert len(httpx.get(f"{emulator.url}/_emulator/faults").json()["faults"]) == 1
