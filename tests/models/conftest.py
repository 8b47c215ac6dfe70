"""Ways to talk to a ModelPlane: through the wire's parser in-process, and over HTTP for unmodified clients."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.eventstream import EventStream
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from botocore.parsers import EventStreamJSONParser
from starlette.applications import Starlette

from agentcore_emulator.app import make_app
from agentcore_emulator.models import ModelPlane
from agentcore_emulator.wire import service
from agentcore_emulator.wire.request import Request

Converse = Callable[[ModelPlane, Mapping[str, Any]], dict[str, Any]]
Stream = Callable[[ModelPlane, Mapping[str, Any]], list[dict[str, Any]]]
Serve = Callable[[ModelPlane], AbstractContextManager[str]]


def _parse(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps(request).encode()
    wired = Request(path={"modelId": "any.model"}, query=(), headers={}, body=body)
    return service.load("bedrock-runtime").operation(operation).parse(wired)


@pytest.fixture(scope="session")
def converse() -> Converse:
    """Converse in-process: takes and gives JSON values as a client sends and gets them."""

    def call(plane: ModelPlane, request: Mapping[str, Any]) -> dict[str, Any]:
        result = asyncio.run(plane.converse(_parse("Converse", request)))
        answer: dict[str, Any] = json.loads(service.load("bedrock-runtime").operation("Converse").answer(result).body)
        return answer

    return call


@pytest.fixture(scope="session")
def stream() -> Stream:
    """ConverseStream in-process: the events as botocore parses them from the frames."""
    model = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    output = model.operation_model("ConverseStream").output_shape
    assert output is not None
    events = output.members["stream"]
    assert isinstance(events, StructureShape)

    async def frames(plane: ModelPlane, request: Mapping[str, Any]) -> list[bytes]:
        response = await plane.converse_stream(_parse("ConverseStream", request))
        assert response.media_type == "application/vnd.amazon.eventstream"
        iterator = response.body_iterator
        assert isinstance(iterator, AsyncIterable)
        return [frame async for frame in iterator if isinstance(frame, bytes)]

    class Raw:
        def __init__(self, chunks: list[bytes]) -> None:
            self.chunks = chunks

        def stream(self) -> Iterator[bytes]:
            return iter(self.chunks)

    def call(plane: ModelPlane, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        raw = Raw(asyncio.run(frames(plane, request)))
        return list(EventStream(raw, events, EventStreamJSONParser(), "ConverseStream"))

    return call


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serves a plane over HTTP, so that boto3 and Strands reach it by nothing but `endpoint_url`."""

    @contextmanager
    def serving(plane: ModelPlane) -> Iterator[str]:
        app = make_app(
            planes=[plane], streaming={}, passthrough=None, region="us-east-1", allow_host=(), admin=Starlette()
        )
        # Listening before the server runs: who connects early waits in the backlog.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join()

    return serving


@pytest.fixture(scope="session")
def url(serve: Serve) -> Iterator[str]:
    """A plane with nothing but the built-in rules, over HTTP."""
    with serve(ModelPlane()) as address:
        yield address


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A boto3 session that knows nothing of the machine's own AWS configuration."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
