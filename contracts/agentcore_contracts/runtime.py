"""The fixture `agentcore`: one agent runtime, wherever it is, as its clients see it."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.httpsession import URLLib3Session
from botocore.response import StreamingBody
from botocore.utils import get_environ_proxies
from websockets.sync.client import ClientConnection

from agentcore_contracts import exchanges
from agentcore_contracts.conversation import converse

__all__ = ["AgentCore", "Answer", "Raw", "Stream", "listed"]

_Service = Literal["bedrock-agentcore", "bedrock-agentcore-control", "kinesis", "s3", "sns", "sqs"]

# Longer than the probe waits for anything, so that a contract fails with what the agent said.
_TIMEOUT_SECONDS = 90

_SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

# AWS developer guide, "Get started with bidirectional streaming using WebSocket": no presigned URL holds longer.
_PRESIGNED_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What one invocation answered, read to its end. `session` is the id that the answer names."""

    raw: bytes
    content_type: str
    session: str

    @property
    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` if it is none."""
        return json.loads(self.raw)


class Raw(NamedTuple):
    """An HTTP answer as it came, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stream(Iterator[Any]):
    """The events of a streamed answer, each as soon as it has come: the JSON after `data: `, decoded.

    Use it in a `with` block; leaving that before the end is a client that hangs up. Raises `ValueError` for an answer
    that is no stream of such events, and what botocore raises when the stream breaks off.
    """

    def __init__(self, session: str, content_type: str, body: StreamingBody) -> None:
        self.session = session
        self.content_type = content_type
        self._body = body

    def __next__(self) -> Any:
        event = bytearray()
        # Byte by byte: botocore's `read` of more waits until it has got that much.
        while not event.endswith(b"\n\n"):
            byte = self._body.read(1)
            if not byte:
                if event:
                    raise ValueError(f"the stream ended within an event: {bytes(event)!r}")
                raise StopIteration
            event += byte
        if not event.startswith(b"data: "):
            raise ValueError(f"not an event with data: {bytes(event)!r}")
        return json.loads(event[6:])

    def rest(self) -> list[Any]:
        """The events up to the end of the stream, be that clean or a break."""
        events = []
        with contextlib.suppress(BotoCoreError):
            for event in self:
                events.append(event)  # noqa: PERF402 - what came before a break counts
        return events

    def close(self) -> None:
        """Hang up."""
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AgentCore:
    """One agent runtime.

    `client` is a boto3 client of `bedrock-agentcore`, `control` makes one of `bedrock-agentcore-control`. Errors of the
    service are botocore's, modelled ones as `client.exceptions.NAME`. Nothing is tried twice. `is_aws` tells the
    deployed service from an emulator, whose URL is `endpoint`; `log()` is what an emulator that was started for the run
    has printed so far. `versions` is what the agent runs on, once it was asked.
    """

    def __init__(
        self,
        session: boto3.session.Session,
        arn: str,
        *,
        endpoint: str | None = None,
        lasting: bool = True,
        log: Callable[[], str] = str,
    ) -> None:
        self.arn = arn
        self.region = arn.split(":")[3]
        self.is_aws = endpoint is None
        self.endpoint = endpoint
        self.log = log
        self.versions: dict[str, str] = {}
        self._session = session
        # Whether the runtime outlives the run, so that sessions must not be left behind.
        self._lasting = lasting
        self._used: dict[str, None] = {}
        self.client = self._client("bedrock-agentcore")

    def __repr__(self) -> str:
        """Short, as Hypothesis shows it with every example."""
        return f"<{self.arn.rpartition('/')[2]}>"

    def _client(self, service: Literal["bedrock-agentcore", "bedrock-agentcore-control"]) -> Any:
        client = self.beside(service)
        exchanges.watch(client)
        return client

    def beside(self, service: _Service) -> Any:
        """A client of another service of the same target, for the caller to close. Nobody listens to it."""
        options: dict[str, Any] = {
            # AWS is to mean AWS also in a shell whose AWS_ENDPOINT_URL is an emulator's.
            "ignore_configured_endpoint_urls": True,
            # A proxy that the developer has set is for the world outside.
            "proxies": None if self.is_aws else {},
            "read_timeout": _TIMEOUT_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": 1},
        }
        return self._session.client(
            service, region_name=self.region, endpoint_url=self.endpoint, config=Config(**options)
        )

    def control(self) -> Any:
        """A client of the control plane, for the caller to close."""
        return self._client("bedrock-agentcore-control")

    @cached_property
    def arns(self) -> dict[str, str]:
        """The ARNs of the target's agent runtimes by name, as they were listed when they were first asked for."""
        with closing(self.control()) as control:
            return listed(control)

    def named(self, name: str) -> AgentCore:
        """Another agent runtime of the same target, for the caller to close. Raises `LookupError` if there is none."""
        if name not in self.arns:
            raise LookupError(f"there is no agent runtime {name}; `agentcore-contracts deploy` makes it")
        return AgentCore(self._session, self.arns[name], endpoint=self.endpoint, lasting=self._lasting, log=self.log)

    def new_session(self) -> str:
        """A session id that nobody else has, of 45 characters."""
        session = f"contract-{uuid.uuid4()}"
        self._used[session] = None
        return session

    def invoke(self, payload: Any, session: str | None = None, **members: Any) -> Answer:
        """Invoke the agent and read its answer whole.

        `payload` is sent as JSON, or as it is if it is bytes. Without `session`, in a new one. `members` are further
        members of `InvokeAgentRuntime`.
        """
        response = self._invoke(payload, session, members)
        with closing(response["response"]) as body:
            return Answer(body.read(), response["contentType"], response["runtimeSessionId"])

    def stream(self, payload: Any, session: str | None = None, **members: Any) -> Stream:
        """Invoke the agent and give its events as they come. Raises `ValueError` if the answer is no event stream."""
        response = self._invoke(payload, session, members)
        kind = response["contentType"]
        if kind.partition(";")[0] != "text/event-stream":
            response["response"].close()
            raise ValueError(f"the answer is {kind}, not an event stream")
        return Stream(response["runtimeSessionId"], kind, response["response"])

    def stop(self, session: str) -> int:
        """End a session; the HTTP status of success."""
        response = self.client.stop_runtime_session(agentRuntimeArn=self.arn, runtimeSessionId=session)
        self._used.pop(session, None)
        return int(response["ResponseMetadata"]["HTTPStatusCode"])

    def connect(
        self,
        session: str | None = None,
        *,
        auth: Literal["query", "headers", "none"] = "query",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ClientConnection:
        """Open a WebSocket to the agent's `/ws`, to be used in a `with` block.

        By a presigned URL that names the session, as a page does it, or with both in headers, as the SDK does it, or
        with neither. `query` and `headers` are further ones, `options` those of the client of `websockets`, which also
        raises its `InvalidStatus` for a refusal.
        """
        parameters, lines = dict(query or {}), dict(headers or {})
        if session is not None:
            self._used[session] = None
            (parameters if auth == "query" else lines)[_SESSION] = session
        told = dict(parameters), dict(lines)
        url = f"{self._url('ws')}?{urlencode(parameters, quote_via=quote)}"
        request = AWSRequest("GET", url)
        if auth == "query":
            SigV4QueryAuth(*self._signing(), expires=_PRESIGNED_SECONDS).add_auth(request)
        elif auth == "headers":
            SigV4Auth(*self._signing()).add_auth(request)
            lines |= dict(request.headers.items())
        return converse(
            f"ws{str(request.url).removeprefix('http')}",
            session,
            *told,
            additional_headers=lines,
            # A proxy that the developer has set is for the world outside.
            proxy=True if self.is_aws else None,
            open_timeout=_TIMEOUT_SECONDS,
            **options,
        )

    def post(self, operation: str, *, headers: Mapping[str, str], body: bytes) -> Raw:
        """POST to `/runtimes/ARN/OPERATION`, signed, with no headers but these and what HTTP and the signature need.

        For what no SDK sends.
        """
        return self.send("POST", operation, headers=headers, body=body)

    def send(
        self, method: str, operation: str, *, headers: Mapping[str, str], body: bytes = b"", signed: bool = True
    ) -> Raw:
        """As `post`, by another method, or without a signature."""
        url = self._url(operation)
        request = AWSRequest(method, url, data=body, headers=dict(headers))
        if signed:
            SigV4Auth(*self._signing()).add_auth(request)
        connection = URLLib3Session(timeout=_TIMEOUT_SECONDS, proxies=get_environ_proxies(url) if self.is_aws else {})
        exchange = exchanges.sent(method, operation, headers, body)
        try:
            response = connection.send(request.prepare())
            answer = response.content
            exchanges.answered(exchange, response.status_code, response.headers, answer)
            return Raw(response.status_code, {name.lower(): value for name, value in response.headers.items()}, answer)
        finally:
            connection.close()

    def _url(self, operation: str) -> str:
        return f"{self.client.meta.endpoint_url}/runtimes/{quote(self.arn, safe='')}/{operation}"

    def _signing(self) -> tuple[Any, str, str]:
        credentials = self._session.get_credentials()
        assert credentials is not None, "a target without credentials is not called"
        return credentials, "bedrock-agentcore", self.region

    def observed(self, name: str, value: Any) -> None:
        """Have `value` recorded and compared too: for what is said on a connection that no method here makes.

        `value` is anything of JSON, with bytes and times in it. Say it in an order that is always the same.
        """
        exchanges.observed(name, value)

    def close(self) -> None:
        """End the sessions that were made here or invoked from here, unless they end with the runtime."""
        if self._lasting:
            for session in list(self._used):
                # It may have ended before, or its id may be none that boto3 sends.
                with contextlib.suppress(ClientError, ParamValidationError):
                    self.stop(session)
        self.client.close()

    def _invoke(self, payload: Any, session: str | None, members: Mapping[str, Any]) -> Any:
        session = session or self.new_session()
        self._used[session] = None
        request = {
            "agentRuntimeArn": self.arn,
            "runtimeSessionId": session,
            "payload": payload if isinstance(payload, bytes) else json.dumps(payload).encode("ascii"),
            "contentType": "application/json",
        }
        return self.client.invoke_agent_runtime(**{**request, **members})


def listed(control: Any) -> dict[str, str]:
    """The ARNs of all agent runtimes by name; `control` is a boto3 client of `bedrock-agentcore-control`."""
    pages = control.get_paginator("list_agent_runtimes").paginate()
    return {each["agentRuntimeName"]: each["agentRuntimeArn"] for page in pages for each in page["agentRuntimes"]}
