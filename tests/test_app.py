from __future__ import annotations

import http.client
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from agentcore_emulator import errors
from agentcore_emulator.app import Handler, make_app
from agentcore_emulator.testing import EmulatorProcess

SIGNED = "AWS4-HMAC-SHA256 Credential=emulator/20261123/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def error_of(failure: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    response = failure.value.response
    return (
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Code"],
        response["Error"]["Message"],
    )


def client(emulator: EmulatorProcess, service: str) -> Any:
    return emulator.client(service, config=Config(retries={"total_max_attempts": 1}))


# What is not built here


def test_an_operation_that_is_modelled_but_not_built(emulator: EmulatorProcess) -> None:
    with pytest.raises(ClientError) as failure:
        client(emulator, "bedrock-agentcore").list_browser_sessions(browserIdentifier="aws.browser.v1")
    assert error_of(failure) == (
        501,
        "NotImplemented",
        "ListBrowserSessions of bedrock-agentcore is not implemented by agentcore-emulator",
    )
    with pytest.raises(ClientError) as failure:
        client(emulator, "bedrock-agentcore-control").list_gateways()
    assert error_of(failure)[:2] == (501, "NotImplemented")


def test_a_service_that_is_not_here(emulator: EmulatorProcess) -> None:
    with pytest.raises(ClientError) as failure:
        client(emulator, "codeconnections").list_hosts()
    assert error_of(failure) == (
        501,
        "NotImplemented",
        "ListHosts of codeconnections is not implemented by agentcore-emulator",
    )


@pytest.mark.parametrize(
    ("method", "path", "scope", "named"),
    [
        ("GET", "/nothing/here", None, "GET /nothing/here of AWS"),
        ("GET", "/nothing/here", "bedrock-agentcore", "GET /nothing/here of bedrock-agentcore"),
        # Signed for one service, a path means nothing of another's.
        ("POST", "/model/x/converse", "bedrock-agentcore", "POST /model/x/converse of bedrock-agentcore"),
    ],
)
def test_a_path_that_means_nothing(
    emulator: EmulatorProcess, method: str, path: str, scope: str | None, named: str
) -> None:
    headers = {"authorization": SIGNED.format(scope)} if scope else {}
    answer = httpx.request(method, emulator.url + path, headers=headers)
    assert answer.status_code == 501
    assert answer.headers["x-amzn-errortype"] == "NotImplemented"
    assert answer.json() == {"message": f"{named} is not implemented by agentcore-emulator"}


# Which operation is meant


def test_the_services_are_told_apart_by_whom_a_request_is_signed_for(emulator: EmulatorProcess) -> None:
    path = "/model/scripted/converse"
    body = {"messages": [{"role": "user", "content": [{"text": "What is 2 + 2?"}]}]}
    for headers in ({}, {"authorization": SIGNED.format("bedrock")}):
        answer = httpx.post(emulator.url + path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    signed_url = f"{path}?X-Amz-Credential={quote('emulator/20261123/us-east-1/bedrock/aws4_request', safe='')}"
    assert httpx.post(emulator.url + signed_url, json=body).status_code == 200


def test_a_path_is_split_before_it_is_decoded(emulator: EmulatorProcess) -> None:
    parts = urlsplit(emulator.url)
    for arn, status in ((quote(emulator.arn, safe=""), 200), (quote(emulator.arn, safe=":"), 200), (emulator.arn, 501)):
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request("POST", f"/runtimes/{arn}/invocations", b'{"prompt": "ping"}')
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        connection.close()


# Requests that are not right


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object(emulator: EmulatorProcess, body: bytes) -> None:
    answer = httpx.post(f"{emulator.url}/model/scripted/converse", content=body)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "ValidationException"


def test_a_body_beyond_all_bounds(emulator: EmulatorProcess) -> None:
    answer = httpx.post(f"{emulator.url}/model/scripted/converse", content=b"{" + b" " * 17 * 1024 * 1024)
    assert answer.status_code == 400
    assert "larger than 16777216 bytes" in answer.json()["message"]


# Faults of a plane's own, in an app of the test's own


class Plane:
    """Answers one operation as a test says."""

    services: Sequence[str] = ("bedrock-runtime",)

    def __init__(self, handler: Handler) -> None:
        self.operations: Mapping[str, Handler] = {"Converse": handler}


async def ask(handler: Handler, path: str = "/model/m/converse", body: Any = None) -> httpx.Response:
    async def get_info(_: Any) -> Response:
        return PlainTextResponse("info")

    app = make_app(
        planes=[Plane(handler)],
        streaming={},
        passthrough=None,
        region="us-east-1",
        allow_host=(),
        admin=Starlette(routes=[Mount("/_emulator", routes=[Route("/info", get_info)])]),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as caller:
        return await caller.post(path, json=body or {}) if path.startswith("/model") else await caller.get(path)


async def test_the_input_by_member_name_and_the_output_by_its_shape() -> None:
    seen: list[dict[str, Any]] = []

    async def converse(request: dict[str, Any]) -> Mapping[str, Any]:
        seen.append(request)
        return {"stopReason": "end_turn", "metrics": {"latencyMs": 7}}

    answer = await ask(converse, "/model/my%2Dmodel/converse", {"inferenceConfig": {"maxTokens": 5}})
    assert seen == [{"modelId": "my-model", "inferenceConfig": {"maxTokens": 5}}]
    assert (answer.status_code, answer.json()) == (200, {"stopReason": "end_turn", "metrics": {"latencyMs": 7}})
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"] == "application/json"


async def test_a_response_of_the_planes_own_gets_its_request_id() -> None:
    async def converse(_: dict[str, Any]) -> Response:
        return PlainTextResponse("streamed")

    answer = await ask(converse)
    assert answer.text == "streamed"
    assert answer.headers["x-amzn-requestid"]


async def test_an_error_of_aws() -> None:
    async def converse(_: dict[str, Any]) -> Mapping[str, Any]:
        raise errors.ThrottlingException("slow down")

    answer = await ask(converse)
    assert (answer.status_code, answer.json()) == (429, {"message": "slow down"})
    assert answer.headers["x-amzn-errortype"] == "ThrottlingException"


async def test_a_fault_of_the_emulator_is_logged_under_the_requests_id(caplog: pytest.LogCaptureFixture) -> None:
    async def converse(_: dict[str, Any]) -> Mapping[str, Any]:
        raise ZeroDivisionError("a bug")

    answer = await ask(converse)
    assert answer.status_code == 500
    assert answer.headers["x-amzn-errortype"] == "InternalServerException"
    request_id = answer.headers["x-amzn-requestid"]
    assert request_id in answer.json()["message"]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert request_id in record.getMessage()
    assert record.exc_info is not None
    assert "a bug" not in answer.text


async def test_the_admin_api_is_apart() -> None:
    async def converse(_: dict[str, Any]) -> Mapping[str, Any]:
        return {}

    assert (await ask(converse, "/_emulator/info")).text == "info"
    assert (await ask(converse, "/_emulator/nothing")).status_code == 404
    assert (await ask(converse, "/_emulator")).status_code == 501
