"""Passing through, with real boto3 before the emulator and a stub of AWS behind it, all of them over sockets."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
import uvicorn
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from agentcore_emulator.app import make_app
from agentcore_emulator.aws import passthrough
from agentcore_emulator.aws.passthrough import Passthrough

SECRET = "developers-secret"
REGION = "eu-central-1"
ANSWER = json.dumps({"output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}}}).encode()

Serve = Callable[[ASGIApp], Awaitable[str]]


@asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **options))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http{'s' if options else ''}://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:
        yield lambda app: stack.enter_async_context(serving(app))


@pytest.fixture
async def emulate(serve: Serve) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Starts an emulator's app that passes bedrock-runtime through, and returns its URL."""
    passing = Passthrough(frozenset({"bedrock-runtime"}))

    async def start() -> str:
        return await serve(
            make_app(planes=[], streaming={}, passthrough=passing, region=REGION, allow_host=[], admin=Starlette())
        )

    yield start
    await passing.close()


@pytest.fixture(autouse=True)
def developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell with keys in its environment, and no way to AWS."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEVELOPER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")


class AWS:
    """Records what reaches it, and answers with `status`, `headers` and `body`."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.status = 200
        self.headers = [(b"content-type", b"application/json")]
        self.body = ANSWER

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        self.scopes.append(scope)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    @property
    def headers_received(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.scopes[-1]["headers"]}

    def verify(self) -> str:
        """Compute the signature anew, as AWS would; returns the access key."""
        scope, headers = self.scopes[-1], self.headers_received
        credential, signed_headers, signature = (
            part.partition("=")[2] for part in headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
        )
        key, date, region, service, _ = credential.split("/")
        url = f"http://{headers['host']}{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
        request = AWSRequest(scope["method"], url, data=self.bodies[-1])
        for name in signed_headers.split(";"):
            request.headers[name] = headers[name]
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(Credentials(key, SECRET), service, region)
        assert (region, service, date) == (REGION, "bedrock", headers["x-amz-date"][:8])
        text = auth.string_to_sign(request, auth.canonical_request(request))
        assert auth.signature(text, request) == signature
        return key


@pytest.fixture
async def aws(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AWS:
    stub = AWS()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", await serve(stub))
    return stub


async def converse(url: str, model: str = "model") -> dict[str, Any]:
    """boto3, with the credentials that the emulator hands out."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        aws_session_token="emulators-token",
        config=Config(retries={"total_max_attempts": 1}),
    )
    message = {"role": "user", "content": [{"text": "Hi. é"}]}
    result: dict[str, Any] = await asyncio.to_thread(client.converse, modelId=model, messages=[message])
    return result


Emulate = Callable[[], Awaitable[str]]


async def test_boto3_reaches_aws_with_the_developers_signature(aws: AWS, emulate: Emulate) -> None:
    result = await converse(await emulate(), "arn:aws:bedrock:eu-central-1:1:inference-profile/a.b:0")
    assert result["output"]["message"]["content"] == [{"text": "Hello."}]
    assert aws.verify() == "AKIDEVELOPER"
    assert json.loads(aws.bodies[0])["messages"][0]["content"] == [{"text": "Hi. é"}]
    assert aws.scopes[0]["raw_path"].startswith(b"/model/arn%3Aaws%3Abedrock")
    assert "x-amz-security-token" not in aws.headers_received
    assert "emulator" not in aws.headers_received["authorization"]


async def test_a_profile_with_a_session_token(
    aws: AWS, emulate: Emulate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", "work")
    keys = f"aws_access_key_id = AKIPROFILE\naws_secret_access_key = {SECRET}\naws_session_token = developers-token\n"
    (tmp_path / "credentials").write_text(f"[work]\n{keys}")
    await raw(await emulate(), b"/model/m/converse", SIGNED)
    assert aws.verify() == "AKIPROFILE"
    assert aws.headers_received["x-amz-security-token"] == "developers-token"
    assert "x-amz-security-token" in aws.headers_received["authorization"]


async def raw(url: str, target: bytes, headers: dict[str, str] | None = None, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(url, headers=headers, extensions={"target": target}, **request)


SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential=emulator/20260101/{REGION}/bedrock/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
}


@pytest.mark.parametrize(
    "target",
    [
        b"/model/arn%3Aaws%2fx/converse",
        b"/model/a%7Eb~c/converse?x=%2F&y=a+b&x=&z",
        b"/model/%C3%A9!$'()*,;=:@|/converse",
        b"/model//./a/converse",
    ],
)
async def test_path_and_query_go_on_as_they_came(aws: AWS, emulate: Emulate, target: bytes) -> None:
    await raw(await emulate(), target, SIGNED)
    scope = aws.scopes[0]
    assert scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"") == target
    assert aws.verify() == "AKIDEVELOPER"


async def test_an_endpoint_with_a_path(
    aws: AWS, emulate: Emulate, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", await serve(aws) + "/proxy/")
    await raw(await emulate(), b"/model/m/converse", SIGNED)
    assert aws.scopes[0]["raw_path"] == b"/proxy/model/m/converse"
    assert aws.verify() == "AKIDEVELOPER"


async def test_headers_of_the_connection_stay_behind(aws: AWS, emulate: Emulate) -> None:
    headers = {
        **SIGNED,
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "TE": "trailers",
        "Proxy-Authorization": "secret",
        "X-Amz-Date": "20200101T000000Z",
        "X-Amz-Content-SHA256": "0",
        "X-Amz-Custom": "a  b",
        "Content-Type": "application/json",
        "X-Other": "c",
        "Accept-Encoding": "identity",
    }
    await raw(await emulate(), b"/model/m/converse", headers, content=b"{}")
    assert aws.verify() == "AKIDEVELOPER"
    received = aws.headers_received
    assert not received.keys() & {"x-hop", "te", "proxy-authorization", "x-amz-content-sha256", "transfer-encoding"}
    assert "X-Hop" not in received.get("connection", "")
    assert received["host"] == urlsplit(f"//{received['host']}").netloc
    assert received["content-length"] == "2"
    assert received["x-other"] == "c"
    assert received["via"] == "1.1 agentcore-emulator"
    signed = received["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert signed.split(";") == ["content-type", "host", "x-amz-custom", "x-amz-date"]


async def test_a_body_in_chunks_is_signed_as_a_whole(aws: AWS, emulate: Emulate) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"a":'
        yield b"1}"

    await raw(await emulate(), b"/model/m/converse", SIGNED, content=pieces())
    assert aws.bodies == [b'{"a":1}']
    assert aws.headers_received["content-length"] == "7"
    assert aws.verify() == "AKIDEVELOPER"


async def test_errors_are_relayed_as_they_are(aws: AWS, emulate: Emulate) -> None:
    aws.status = 429
    aws.headers = [(b"x-amzn-errortype", b"ThrottlingException"), (b"x-amzn-requestid", b"from-aws")]
    aws.body = b'{"message":"Slow down."}'
    with pytest.raises(ClientError) as caught:
        await converse(await emulate())
    assert caught.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Slow down."}
    assert caught.value.response["ResponseMetadata"]["RequestId"] == "from-aws"
    assert len(aws.scopes) == 1


async def test_a_compressed_answer_stays_so(aws: AWS, emulate: Emulate) -> None:
    aws.body = gzip.compress(ANSWER)
    aws.headers = [(b"content-encoding", b"gzip"), (b"content-length", str(len(aws.body)).encode())]
    async with httpx.AsyncClient() as client:
        request = client.build_request("POST", await emulate() + "/model/m/converse", headers=SIGNED)
        response = await client.send(request, stream=True)
        assert b"".join([piece async for piece in response.aiter_raw()]) == aws.body
    assert len(response.headers.get_list("date")) == 1


async def test_a_stream_arrives_while_aws_still_produces(
    serve: Serve, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = asyncio.Event()

    async def stub(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await arrived.wait()
        await send({"type": "http.response.body", "body": b"second"})

    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", await serve(stub))
    url = await emulate() + "/model/m/converse-stream"
    async with httpx.AsyncClient() as client, client.stream("POST", url, headers=SIGNED) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        arrived.set()
        assert [piece async for piece in pieces] == [b"second"]


async def test_a_client_that_goes_away_ends_the_call(
    serve: Serve, emulate: Emulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def stub(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        ended.set()

    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", await serve(stub))
    url = await emulate() + "/model/m/converse-stream"
    async with httpx.AsyncClient() as client, client.stream("POST", url, headers=SIGNED) as response:
        assert await anext(response.aiter_raw()) == b"first"
    await ended.wait()


async def test_an_answer_that_aws_cuts_off_is_cut_off(
    serve: Serve, emulate: Emulate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stub(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})

    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", await serve(stub))
    url = await emulate() + "/model/m/converse-stream"
    with caplog.at_level(logging.ERROR), pytest.raises(httpx.RemoteProtocolError):
        await raw(url, b"/model/m/converse-stream", SIGNED)
    assert "the answer of bedrock-runtime was cut off" in caplog.text


async def refusal(url: str) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        await converse(url)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


async def test_no_credentials(aws: AWS, emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    status, code, message = await refusal(await emulate())
    assert (status, code) == (403, "AccessDeniedException")
    assert message == (
        "bedrock-runtime cannot be passed through to AWS with the settings of the shell that started the emulator: "
        "Unable to locate credentials; set AWS_PROFILE or keys there, or leave out --passthrough bedrock-runtime"
    )
    assert aws.scopes == []


async def test_credentials_that_come_later_are_found(
    aws: AWS, emulate: Emulate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    url = await emulate()
    assert (await refusal(url))[0] == 403
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = AKILATER\naws_secret_access_key = {SECRET}\n"
    )
    await converse(url)
    assert aws.verify() == "AKILATER"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_PROFILE", "nonesuch", "The config profile (nonesuch) could not be found"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "not a URL", "Invalid endpoint: not a URL"),
        ("AWS_CA_BUNDLE", "/nonesuch.pem", "No such file or directory"),
    ],
)
async def test_settings_that_botocore_refuses(
    emulate: Emulate, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    url = await emulate()
    monkeypatch.setenv(name, value)
    response = await raw(url, b"/model/m/converse", SIGNED)
    assert response.status_code == 403
    assert f"{said}; set AWS_PROFILE" in response.json()["message"]


async def test_aws_cannot_be_reached(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", f"http://127.0.0.1:{port}")
    status, code, message = await refusal(await emulate())
    assert (status, code) == (503, "ServiceUnavailableException")
    assert message.startswith("bedrock-runtime cannot be reached at 127.0.0.1 (")
    assert message.endswith("; check the network, or leave out --passthrough bedrock-runtime")


async def test_an_endpoint_that_is_the_emulator_itself(emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await emulate()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
    status, code, message = await refusal(url)
    assert (status, code) == (403, "AccessDeniedException")
    assert message == (
        f"bedrock-runtime is passed through to {url}, which is this emulator itself; "
        "unset AWS_ENDPOINT_URL and HTTPS_PROXY in the shell that starts it"
    )


async def test_a_body_that_is_too_large(aws: AWS, emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passthrough, "LARGEST_BODY", 10)
    url = await emulate()
    assert (await raw(url, b"/model/m/converse", SIGNED, content=b"x" * 11)).status_code == 400
    assert (await raw(url, b"/model/m/converse", SIGNED, content=b"x" * 10)).status_code == 200
    assert aws.bodies == [b"x" * 10]


async def test_nothing_else_goes_to_aws(aws: AWS, emulate: Emulate) -> None:
    headers = {"Authorization": SIGNED["Authorization"].replace("/bedrock/", "/bedrock-agentcore/")}
    response = await raw(await emulate(), b"/memories/create", headers)
    assert response.status_code == 501
    assert aws.scopes == []


async def test_a_bedrock_api_key_over_tls(tmp_path: Path, emulate: Emulate, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    self_signed(key, certificate)
    aws = AWS()
    # Left open, TLS would make the stub wait at its end for a goodbye.
    aws.headers = [(b"connection", b"close")]
    async with serving(aws, ssl_keyfile=str(key), ssl_certfile=str(certificate)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "developers-key")
        response = await raw(await emulate(), b"/model/m/converse", {"Authorization": "Bearer emulator"})
    assert response.content == ANSWER
    assert aws.headers_received["authorization"] == "Bearer developers-key"


def self_signed(key_file: Path, certificate_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stub")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    key_file.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    certificate_file.write_bytes(certificate.public_bytes(encoding))


def test_membership() -> None:
    passing = Passthrough(frozenset({"s3"}))
    assert "s3" in passing
    assert "bedrock-runtime" not in passing
