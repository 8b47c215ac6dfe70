"""A client of the agent on plain boto3: `InvokeAgentRuntime`, and what to make of its two kinds of answer.

Where it goes is in the environment: `AWS_ENDPOINT_URL` for an emulator, nothing for AWS.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
)
from metadata import WIRE_LIMIT, parse
from sse import Decoder

# AgentCore gives a synchronous invocation up to 15 minutes (AWS, AgentCore quotas); botocore would give up after one.
READ_TIMEOUT = 900


class AnswerError(Exception):
    """The agent's answer cannot be read; the text is one sentence."""


@dataclass(frozen=True)
class Event:
    """A piece of an answer: some text, the metadata, or one sentence about an error of the agent.

    `seconds` have passed since the request was sent.
    """

    kind: Literal["text", "meta", "error"]
    seconds: float
    text: str = ""
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """A whole answer. `error` is empty if there was none; both times are in seconds since the request was sent."""

    text: str
    meta: dict[str, str]
    error: str
    seconds: float
    first_token: float


class RuntimeClient(Protocol):
    """What is used of boto3's `bedrock-agentcore` client."""

    def invoke_agent_runtime(self, **parameters: Any) -> dict[str, Any]: ...  # noqa: D102 - boto3's own


class AgentClient:
    """Talks to one agent as one user, in one runtime session at a time; all four attributes may be changed.

    Calls raise botocore's ClientError or BotoCoreError, or AnswerError; `explain` puts either into a sentence.
    """

    def __init__(
        self,
        arn: str,
        *,
        user_id: str = "anonymous",
        session_id: str | None = None,
        memory_session_id: str | None = None,
        client: RuntimeClient | None = None,
    ) -> None:
        self.arn = arn
        self.user_id = user_id
        self.session_id = session_id or new_session_id()
        self.memory_session_id = memory_session_id
        self._client = client or runtime_client(arn)

    def new_session(self) -> str:
        """Goes on in a new runtime session, hence in a new microVM, and returns its id."""
        self.session_id = new_session_id()
        return self.session_id

    def ping(self) -> Reply:
        """Asks the agent for its state only; no model is called."""
        return collect(self.invoke("ping"))

    def chat(self, prompt: str, *, stream: bool = False) -> Reply:
        """Says `prompt` and waits for the whole answer, which takes a path of its own on the wire when streamed."""
        return collect(self.invoke("chat", prompt, stream=stream))

    def stream(self, prompt: str) -> Generator[Event, None, None]:
        """Says `prompt` and yields the events of the answer as they arrive; closing the generator hangs up."""
        return self.invoke("chat", prompt, stream=True)

    def memory_query(self) -> Reply:
        """Asks what AgentCore Memory holds of the conversation; no model is called."""
        return collect(self.invoke("memory_query"))

    def forget(self) -> Reply:
        """Has everything forgotten that the user said in this memory session."""
        return collect(self.invoke("forget"))

    def invoke(self, mode: str, prompt: str | None = None, *, stream: bool = False) -> Generator[Event, None, None]:
        """One invocation. The request is sent when the first event is asked for; closing the generator hangs up."""
        payload: dict[str, Any] = {"mode": mode, "user_id": self.user_id, "stream": stream}
        if prompt is not None:
            payload["prompt"] = prompt
        if self.memory_session_id is not None:
            payload["memory_session_id"] = self.memory_session_id
        started = time.perf_counter()
        answer = self._client.invoke_agent_runtime(
            agentRuntimeArn=self.arn,
            runtimeSessionId=self.session_id,
            contentType="application/json",
            accept="application/json, text/event-stream",
            payload=json.dumps(payload).encode(),
        )
        with closing(answer["response"]) as body:
            # Which of the two it is, the agent decides: one without this payload's `stream` may do as it likes.
            streamed = answer.get("contentType", "").startswith("text/event-stream")
            for kind, text, meta in _streamed(body) if streamed else _whole(body.read()):
                yield Event(kind, time.perf_counter() - started, text, meta)


Part = tuple[Literal["text", "meta", "error"], str, dict[str, str]]


def collect(events: Iterator[Event]) -> Reply:
    """Reads an answer to its end."""
    started = time.perf_counter()
    read = list(events)
    seconds = time.perf_counter() - started
    return Reply(
        text="".join(event.text for event in read if event.kind == "text"),
        meta={key: value for event in read for key, value in event.meta.items()},
        error=" ".join(event.text.strip() for event in read if event.kind == "error"),
        seconds=seconds,
        first_token=next((event.seconds for event in read if event.kind == "text"), seconds),
    )


def new_session_id() -> str:
    """A runtime session id: at least 33 characters (botocore model), for which AWS recommends a UUID."""
    return str(uuid.uuid4())


def runtime_client(arn: str) -> RuntimeClient:
    """boto3's client for the region that the ARN names."""
    client: RuntimeClient = boto3.client(
        "bedrock-agentcore", region_name=region_of(arn), config=Config(read_timeout=READ_TIMEOUT)
    )
    return client


def region_of(arn: str) -> str:
    """The region in an agent runtime's ARN. Raises ValueError if it is none."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "bedrock-agentcore" or not parts[3]:
        raise ValueError(
            f"{arn!r} is not the ARN of an agent runtime (arn:aws:bedrock-agentcore:<region>:<account>:runtime/<id>)."
        )
    return parts[3]


def explain(error: Exception) -> str:
    """One sentence for a failed call: what happened, and what to do."""
    if isinstance(error, ClientError):
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == "RuntimeClientError":
            return f"The agent failed (HTTP {status}); the emulator's log, or CloudWatch Logs on AWS, says why."
        if code == "ResourceNotFoundException":
            return f"There is no such agent (HTTP {status}: {message}); check AGENTCORE_RUNTIME_ARN or --arn."
        return f"The call was refused (HTTP {status}, {code}): {message}"
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return f"{error} Is the emulator running, and does AWS_ENDPOINT_URL name it?"
    if isinstance(error, NoCredentialsError):
        return (
            "There are no AWS credentials; for the emulator, take the environment that `agentcore-emulator env` prints."
        )
    if isinstance(error, HTTPClientError):
        return f"The connection broke off ({error}); the session may have ended, and the next message starts it again."
    return str(error)


def _whole(body: bytes) -> Iterator[Part]:
    # One level of JSON: the SDK encodes the agent's string once, and that is what arrives.
    try:
        answer = json.loads(body)
    except ValueError:
        cause = f"it was cut at {WIRE_LIMIT:,} bytes" if len(body) == WIRE_LIMIT else "is this the reference agent?"
        raise AnswerError(f"The answer of {len(body):,} bytes is not JSON; {cause}.") from None
    if not isinstance(answer, str):
        yield "text", json.dumps(answer, ensure_ascii=False), {}
        return
    text, meta = parse(answer)
    yield "error" if "error" in meta else "text", text, {}
    yield "meta", "", meta


def _streamed(body: Any) -> Iterator[Part]:
    decoder = Decoder()
    # Byte by byte: asked for more, urllib3 waits until it has it, and the first words would come with the last.
    for piece in body.iter_chunks(1):
        for data in decoder.feed(piece):
            yield _part(data)


def _part(data: str) -> Part:
    try:
        value = json.loads(data)
    except ValueError:
        return "text", data, {}
    match value:
        case {"type": "text" | "error" as kind, "text": str() as text}:
            return kind, text, {}
        case {"type": "meta", **meta}:
            return "meta", "", {str(key): str(item) for key, item in meta.items()}
        case {"error": str() as text, "error_type": str(), "message": str()}:
            return "error", text, {}  # what the SDK sends when a generator raises
        case str():
            return "text", value, {}
    return "text", data, {}
