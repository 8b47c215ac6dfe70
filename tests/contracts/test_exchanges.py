"""What is told of the exchanges with a real emulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from agentcore_contracts.exchanges import Exchange, listening
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.target import PROBE, of_emulator, probe_options
from agentcore_emulator.testing import EmulatorProcess

_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"

Heard = list[Exchange]


@pytest.fixture(scope="module")
def probe() -> Iterator[EmulatorProcess]:
    with EmulatorProcess(PROBE, *probe_options("off")) as emulator:
        yield emulator


@pytest.fixture
def heard() -> Iterator[Heard]:
    exchanges: Heard = []
    with listening(exchanges.append):
        yield exchanges


@pytest.fixture
def agentcore(probe: EmulatorProcess, heard: Heard) -> Iterator[AgentCore]:
    with closing(of_emulator(probe.info, probe.arn, lasting=False)) as runtime:
        yield runtime


def body(exchange: Exchange) -> tuple[bytes, str]:
    assert exchange.body is not None
    return bytes(exchange.body.data), exchange.body.end


def test_an_invocation(agentcore: AgentCore, heard: Heard) -> None:
    session = agentcore.new_session()
    answer = agentcore.invoke({"do": "echo", "value": 17}, session)
    (exchange,) = heard
    assert exchange.operation == "InvokeAgentRuntime"
    assert exchange.request == {
        "agentRuntimeArn": agentcore.arn,
        "runtimeSessionId": session,
        "payload": b'{"do": "echo", "value": 17}',
        "contentType": "application/json",
    }
    assert exchange.status == 200
    assert exchange.headers.keys() == {"content-type", "x-amzn-requestid", _SESSION}
    assert exchange.output["runtimeSessionId"] == session
    assert "response" not in exchange.output
    assert answer.raw == b"17"
    assert body(exchange) == (b"17", "whole")


def test_ids_that_boto3_fills_in(agentcore: AgentCore, heard: Heard) -> None:
    answer = agentcore.client.invoke_agent_runtime(agentRuntimeArn=agentcore.arn, payload=b"1")
    assert heard[0].request["runtimeSessionId"] == answer["runtimeSessionId"]
    assert body(heard[0]) == (b"", "left")
    answer["response"].close()


def test_errors(agentcore: AgentCore, heard: Heard) -> None:
    with pytest.raises(ClientError):
        agentcore.invoke({"do": "fail", "message": "out of ink"})
    with pytest.raises(ParamValidationError):
        agentcore.invoke({}, "x")
    (exchange,) = heard
    assert exchange.status == 424
    assert exchange.error["Error"]["Code"] == "RuntimeClientError"
    assert "ResponseMetadata" not in exchange.error


def test_nobody_there(agentcore: AgentCore, heard: Heard) -> None:
    nobody = of_emulator({"url": "http://127.0.0.1:9"}, agentcore.arn, lasting=False)
    with closing(nobody), pytest.raises(EndpointConnectionError):
        nobody.invoke({})
    assert [(exchange.status, exchange.error) for exchange in heard] == [(None, "EndpointConnectionError")]


def test_streams_as_far_as_they_are_read(agentcore: AgentCore, heard: Heard) -> None:
    ask = {"do": "stream", "values": [1, 2]}
    with agentcore.stream(ask) as events:
        assert list(events) == [1, 2]
    with agentcore.stream(ask) as events:
        assert next(events) == 1
    with agentcore.stream({**ask, "exit": 3}) as events:
        assert events.rest() == [1, 2]
    both = b"data: 1\n\ndata: 2\n\n"
    assert [body(exchange) for exchange in heard] == [(both, "whole"), (b"data: 1\n\n", "left"), (both, "broken")]


@pytest.mark.parametrize("read", [lambda body: list(body.iter_lines()), lambda body: body.readinto(bytearray(2))])
def test_other_ways_to_read(agentcore: AgentCore, heard: Heard, read: Callable[[Any], object]) -> None:
    answer = agentcore.client.invoke_agent_runtime(agentRuntimeArn=agentcore.arn, payload=b"17")
    with closing(answer["response"]) as stream:
        read(stream)
    assert body(heard[0])[0] == b"17"


def test_commands(agentcore: AgentCore, heard: Heard) -> None:
    answer = agentcore.client.invoke_agent_runtime_command(
        agentRuntimeArn=agentcore.arn, body={"command": "echo hello"}
    )
    events = list(answer["stream"])
    assert heard[0].body is not None
    assert (heard[0].body.events, heard[0].body.end) == (events, "whole")
    assert "stream" not in heard[0].output


def test_posts(agentcore: AgentCore, heard: Heard) -> None:
    answer = agentcore.post("invocations", headers={"content-type": "application/json"}, body=b"17")
    (exchange,) = heard
    assert exchange.operation == "POST invocations"
    assert exchange.request == {"headers": {"content-type": "application/json"}, "body": b"17"}
    assert (exchange.status, exchange.headers[_SESSION]) == (200, answer.headers[_SESSION])
    assert body(exchange) == (b"17", "whole")


def test_websockets(agentcore: AgentCore, heard: Heard) -> None:
    session = agentcore.new_session()
    with agentcore.connect(session) as connection:
        connection.send(json.dumps({"do": "count"}))
        assert json.loads(connection.recv())["count"] == 1
    handshake, said, answered = heard
    assert (handshake.operation, handshake.status) == ("WebSocket ws", 101)
    assert handshake.request == {"query": {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": session}}
    assert said.output == {"connection": session, "text": b'{"do": "count"}'}
    assert json.loads(answered.output["text"])["count"] == 1


def test_websockets_that_are_refused(agentcore: AgentCore, heard: Heard) -> None:
    with pytest.raises(Exception, match="HTTP 400"):
        agentcore.connect("x")
    assert (heard[0].status, heard[0].headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_other_observations_and_threads(agentcore: AgentCore, heard: Heard) -> None:
    value = {"a": [bytearray(b"1")]}
    agentcore.observed("something", value)
    value["a"].clear()
    thread = threading.Thread(target=agentcore.observed, args=("beside", 1))
    thread.start()
    thread.join()
    assert [(each.operation, each.output, each.beside) for each in heard] == [
        ("observed something", {"a": [b"1"]}, False),
        ("observed beside", 1, True),
    ]


def test_nobody_listens(probe: EmulatorProcess) -> None:
    """A client is then as boto3 makes it."""
    with closing(of_emulator(probe.info, probe.arn, lasting=False)) as runtime:
        answer = runtime.client.invoke_agent_runtime(agentRuntimeArn=runtime.arn, payload=b"17")
        with closing(answer["response"]) as stream:
            assert type(stream._raw_stream).__module__.startswith("urllib3")


def test_sessions_that_are_none_are_left(probe: EmulatorProcess, tmp_path: Path) -> None:
    """An id that boto3 does not send ends no session, and no run with an error."""
    runtime = of_emulator(probe.info, probe.arn)
    with pytest.raises(ParamValidationError):
        runtime.invoke({}, "x")
    session = runtime.new_session()
    runtime.invoke(1, session)
    runtime.close()
    assert session not in {each["session_id"] for each in probe.sessions()}
