import socket
from collections.abc import Iterator

import boto3
import pytest
from agent_client import AgentClient, AnswerError, explain, new_session_id, region_of
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from agentcore_emulator.testing import EmulatorProcess

ARN = "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/memory_agent-abcdefghij"


def test_the_region_is_the_one_of_the_arn() -> None:
    assert region_of(ARN) == "eu-west-1"


@pytest.mark.parametrize("arn", ["", "memory_agent", "arn:aws:s3:::bucket", "arn:aws:bedrock-agentcore::1:runtime/x"])
def test_what_is_no_arn_is_told(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an agent runtime"):
        AgentClient(arn)


def test_session_ids_are_new_and_long_enough() -> None:
    ids = {new_session_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(33 <= len(session_id) <= 100 for session_id in ids)


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        (
            "RuntimeClientError",
            424,
            "The agent failed (HTTP 424); the emulator's log, or CloudWatch Logs on AWS, says why.",
        ),
        (
            "ResourceNotFoundException",
            404,
            "There is no such agent (HTTP 404: Why); check AGENTCORE_RUNTIME_ARN or --arn.",
        ),
        ("ThrottlingException", 429, "The call was refused (HTTP 429, ThrottlingException): Why"),
    ],
)
def test_errors_become_sentences(code: str, status: int, sentence: str) -> None:
    response = {"Error": {"Code": code, "Message": "Why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert explain(ClientError(response, "InvokeAgentRuntime")) == sentence  # type: ignore[arg-type]


def test_nobody_listening_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        once = Config(retries={"mode": "standard", "total_max_attempts": 1})
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        boto = boto3.client("bedrock-agentcore", region_name="eu-west-1", endpoint_url=url, config=once)
        with pytest.raises(EndpointConnectionError) as failure:
            AgentClient(ARN, client=boto).ping()
    assert url in explain(failure.value)
    assert "Is the emulator running, and does AWS_ENDPOINT_URL name it?" in explain(failure.value)


# An agent that does, under the name of a prompt, what the reference agent never would.
ODD_AGENT = """
import os
import threading
from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
asked = threading.Event()

def waits():
    yield "first"
    yield "second" if asked.wait(20) else "nobody asked"

def strings():
    yield "one "
    yield "two"
    yield {"three": "\\u00e9"}

def breaks():
    yield {"type": "text", "text": "so far"}
    raise RuntimeError("the lamp went out")

def dies():
    yield {"type": "text", "text": "so far"}
    os._exit(1)

@app.entrypoint
def invoke(payload):
    prompt = payload.get("prompt")
    if prompt == "go on":
        asked.set()
        return "so be it"
    if prompt in ("strings", "breaks", "dies", "waits"):
        return globals()[prompt]()
    if prompt == "raises":
        raise RuntimeError("the lamp went out")
    if prompt == "object":
        return {"answer": "\\u00e9"}
    return "x" * 3000

app.run()
"""


@pytest.fixture(scope="module")
def odd_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    file = tmp_path_factory.mktemp("odd") / "odd_agent.py"
    file.write_text(ODD_AGENT, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "strict") as emulator:
        yield emulator


@pytest.fixture
def odd(odd_emulator: EmulatorProcess) -> AgentClient:
    return AgentClient(odd_emulator.arn, client=odd_emulator.client("bedrock-agentcore"))


def test_other_agents_are_understood_too(odd: AgentClient) -> None:
    events = list(odd.stream("strings"))
    assert [(event.kind, event.text) for event in events] == [
        ("text", "one "),
        ("text", "two"),
        ("text", '{"three": "é"}'),
    ]
    assert odd.chat("object").text == '{"answer": "é"}'


def test_words_are_there_as_soon_as_they_are_said(odd: AgentClient) -> None:
    events = odd.stream("waits")
    assert next(events).text == "first"
    odd.chat("go on")
    assert [event.text for event in events] == ["second"]


def test_an_agent_that_fails_is_told(odd: AgentClient) -> None:
    with pytest.raises(ClientError) as failure:
        odd.chat("raises")
    assert explain(failure.value).startswith("The agent failed (HTTP 424)")
    reply = odd.chat("breaks", stream=True)
    assert (reply.text, reply.error) == ("so far", "the lamp went out")


def test_an_answer_that_breaks_off_is_told(odd: AgentClient) -> None:
    events = odd.stream("dies")
    assert next(events).text == "so far"
    with pytest.raises(HTTPClientError) as failure:
        next(events)
    assert explain(failure.value).startswith("The connection broke off")


def test_an_answer_that_was_cut_is_told(odd: AgentClient) -> None:
    with pytest.raises(AnswerError, match=r"^The answer of 1,024 bytes is not JSON; it was cut at 1,024 bytes\.$"):
        odd.chat("long")


def test_an_agent_that_is_not_there_is_told(odd: AgentClient) -> None:
    odd.arn = odd.arn[:-10] + "0123456789"
    with pytest.raises(ClientError) as failure:
        odd.ping()
    assert explain(failure.value).startswith("There is no such agent (HTTP 404")
