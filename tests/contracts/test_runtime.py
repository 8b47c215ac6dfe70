from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Literal

import boto3
import pytest
from botocore.response import StreamingBody
from websockets.exceptions import InvalidStatus

from agentcore_contracts import target
from agentcore_contracts.runtime import AgentCore, Answer, Stream
from agentcore_emulator.testing import EmulatorProcess

ARN = "arn:aws:bedrock-agentcore:eu-central-1:123456789012:runtime/probe-0123456789"


def stream(body: bytes, length: int | None = None) -> Stream:
    return Stream(
        "session", "text/event-stream", StreamingBody(io.BytesIO(body), len(body) if length is None else length)
    )


@contextmanager
def runtime_on_aws() -> Iterator[AgentCore]:
    """Nothing is called: it leaves its sessions to themselves."""
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    with closing(AgentCore(session, ARN, lasting=False)) as runtime:
        yield runtime


def test_an_answer_is_decoded_once() -> None:
    assert Answer(b'"{}"', "application/json", "session").json == "{}"


def test_events() -> None:
    with stream(b'data: 1\n\ndata: {"a": "\\n"}\n\n') as events:
        assert next(events) == 1
        assert next(events) == {"a": "\n"}
        with pytest.raises(StopIteration):
            next(events)


@pytest.mark.parametrize("body", [b"data: 1\n", b"da"])
def test_an_event_that_is_cut(body: bytes) -> None:
    with pytest.raises(ValueError, match="ended within an event"):
        next(stream(body))


@pytest.mark.parametrize("body", [b"event: x\ndata: 1\n\n", b"{}\n\n", b"\n\n"])
def test_something_else_than_events(body: bytes) -> None:
    with pytest.raises(ValueError, match="not an event with data"):
        next(stream(body))


def test_the_rest_of_a_stream_that_breaks_off() -> None:
    """botocore raises when a body is shorter than its Content-Length said."""
    assert stream(b"data: 1\n\ndata: 2\n\n", 1000).rest() == [1, 2]


def test_aws_is_aws_although_the_shell_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4747")
    with runtime_on_aws() as runtime, closing(runtime.control()) as control:
        assert runtime.is_aws
        assert runtime.client.meta.endpoint_url == "https://bedrock-agentcore.eu-central-1.amazonaws.com"
        assert control.meta.endpoint_url == "https://bedrock-agentcore-control.eu-central-1.amazonaws.com"


def test_session_ids_are_new_and_of_an_allowed_length() -> None:
    with runtime_on_aws() as runtime:
        ids = {runtime.new_session() for _ in range(100)}
    assert len(ids) == 100
    assert {len(session) for session in ids} == {45}


@pytest.fixture(scope="module")
def strict() -> Iterator[AgentCore]:
    """The probe at an emulator that looks at signatures, as AWS does."""
    options = [*target.probe_options("off", alone=True), "--verify-signatures"]
    with (
        EmulatorProcess(target.PROBE / "agent.py", *options) as emulator,
        closing(target.of_emulator(emulator.info, emulator.arn)) as runtime,
    ):
        yield runtime


@pytest.mark.parametrize("auth", ["query", "headers"])
def test_connections_are_signed(strict: AgentCore, auth: Literal["query", "headers"]) -> None:
    session = strict.new_session()
    with strict.connect(session, auth=auth, query={"qualifier": "DEFAULT"}, headers={"X-Any": "x"}) as connection:
        connection.send(json.dumps({"do": "count"}))
        assert json.loads(connection.recv())["session"] == session


def test_a_connection_without_credentials(strict: AgentCore) -> None:
    with pytest.raises(InvalidStatus) as refused:
        strict.connect(strict.new_session(), auth="none")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("operation", ["invocations", "invocations?qualifier=DEFAULT"])
def test_what_is_sent_is_signed(strict: AgentCore, operation: str) -> None:
    headers = {"content-type": "application/json"}
    assert strict.send("POST", operation, headers=headers, body=b'{"do": "count"}').status == 200
    assert strict.send("POST", operation, headers=headers, body=b"{}", signed=False).status == 403


def test_sessions_of_connections_end_with_a_runtime_that_outlives_the_run() -> None:
    options = target.probe_options("off", alone=True)
    with EmulatorProcess(target.PROBE / "agent.py", *options) as emulator:
        with (
            closing(target.of_emulator(emulator.info, emulator.arn)) as runtime,
            runtime.connect(runtime.new_session()),
        ):
            assert len(emulator.sessions()) == 1
        assert emulator.sessions() == []
