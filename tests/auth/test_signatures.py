"""`--verify-signatures`, with requests that botocore has signed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

from .conftest import AUTHORIZER, write_project

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
WRONG = "The request signature we calculated does not match the signature you provided."
GOOD = Credentials("emulator", "emulator")


@pytest.fixture(scope="module")
def checking(tmp_path_factory: pytest.TempPathFactory, puppet: str, make_caller: Any) -> Iterator[Any]:
    """A caller of an emulator that checks signatures, with the agents `open` and `guarded`."""
    project = write_project(tmp_path_factory.mktemp("checking"), puppet, {"open": None, "guarded": AUTHORIZER})
    with EmulatorProcess(project, "--verify-signatures", "--quirks", "off", "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        yield caller
        caller.no_secret_is_logged()


def client(caller: Any, service: str = "bedrock-agentcore", **options: Any) -> Any:
    return caller.emulator.client(service, config=Config(retries={"total_max_attempts": 1}), **options)


def refused(failure: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = failure.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["x-amzn-errortype"], answer.json()["message"]


class _At:
    """A signer of botocore's whose requests have the time stamp `time`."""

    time = datetime.now(UTC)

    def add_auth(self, request: AWSRequest) -> None:
        signer: Any = self
        request.context["timestamp"] = self.time.strftime("%Y%m%dT%H%M%SZ")
        signer._modify_request_before_signing(request)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signer._inject_signature_to_request(request, signer.signature(text, request))


class HeadersAt(_At, SigV4Auth):
    pass


class QueryAt(_At, SigV4QueryAuth):
    pass


def signed(
    caller: Any,
    *,
    ago: float = 0,
    method: str = "POST",
    below: str = "invocations",
    body: bytes = b"answer({})",
    headers: Mapping[str, str] | None = None,
    credentials: Credentials = GOOD,
    presigned: int | None = None,
    host: str | None = None,
) -> Any:
    """A request to the agent `open` as botocore signs it, with its headers or for so many seconds in its URL."""
    url = caller.emulator.url + caller.path("open", below)
    request = AWSRequest(method, url, data=body, headers={**({"host": host} if host else {}), **(headers or {})})
    signer: Any
    if presigned is None:
        signer = HeadersAt(credentials, "bedrock-agentcore", "us-east-1")
    else:
        signer = QueryAt(credentials, "bedrock-agentcore", "us-east-1", expires=presigned)
    signer.time = datetime.now(UTC) - timedelta(seconds=ago)
    signer.add_auth(request)
    return request


def send(request: Any, body: bytes | None = None, headers: Mapping[str, str] = {}) -> httpx.Response:
    content = request.body if body is None else body
    lines = {**dict(request.headers.items()), "content-type": "text/x-python", SESSION: new_session(), **headers}
    return httpx.request(request.method, request.url, content=content or None, headers=lines)


# boto3


def test_boto3_with_the_emulators_keys_is_let_in(checking: Any) -> None:
    runtime, arn = client(checking), checking.emulator.arns["open"]
    session = new_session()
    for payload in (b"", b"answer({})", b"# " + b"x" * 3_000_000 + b"\nanswer({})"):
        answer = runtime.invoke_agent_runtime(
            agentRuntimeArn=arn,
            runtimeSessionId=session,
            payload=payload,
            contentType="text/plain",
            runtimeUserId="ada b",
            qualifier="DEFAULT",
            baggage="a=b",
        )
        assert b'"received": %d' % len(payload) in answer["response"].read()
    runtime.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session)
    memory = client(checking, "bedrock-agentcore-control").create_memory(name="signed", eventExpiryDuration=7)["memory"]
    assert memory["name"] == "signed"
    client(checking, "bedrock-runtime").converse(
        modelId="any.model-v1:0", messages=[{"role": "user", "content": [{"text": "Grüße"}]}]
    )


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "UnrecognizedClientException"),
        ({"aws_session_token": "left over from elsewhere"}, "UnrecognizedClientException"),
    ],
)
def test_boto3_with_other_keys_is_refused_by_every_plane(checking: Any, keys: dict[str, str], code: str) -> None:
    arn = checking.emulator.arns["open"]
    calls: list[Callable[[], Any]] = [
        lambda: client(checking, **keys).invoke_agent_runtime(agentRuntimeArn=arn, payload=b"{}"),
        lambda: client(checking, **keys).stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=new_session()),
        lambda: client(checking, **keys).get_agent_card(agentRuntimeArn=arn),
        lambda: client(checking, **keys).list_actors(memoryId="memory-0123456789"),
        lambda: client(checking, "bedrock-agentcore-control", **keys).list_memories(),
        lambda: client(checking, "bedrock-runtime", **keys).converse(
            modelId="any", messages=[{"role": "user", "content": [{"text": "hi"}]}]
        ),
        lambda: client(checking, "s3", **keys).list_buckets(),
    ]
    for call in calls:
        with pytest.raises(ClientError) as failure:
            call()
        # S3 reads errors from XML alone.
        assert refused(failure) in ((403, code), (403, "403"))


def test_an_agent_itself_signs_with_the_emulators_keys(checking: Any) -> None:
    code = b"import boto3; answer(len(boto3.client('bedrock-agentcore-control').list_memories()['memories']))"
    assert send(signed(checking, body=code)).status_code == 200


# What is not signed


def test_an_unsigned_request_is_refused_unless_it_needs_no_signature(checking: Any) -> None:
    missing = (403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    assert refusal(checking.ask(agent="open")) == missing
    assert refusal(checking.ask(agent="open", below="stopruntimesession", code="{}")) == missing
    assert refusal(httpx.post(f"{checking.emulator.url}/memories/create", json={})) == missing
    assert refusal(httpx.get(f"{checking.emulator.url}/nothing/here")) == missing
    assert refusal(checking.ask("token", agent="open"))[:2] == (403, "AccessDeniedException")
    assert checking.emulator.admin.get("info")["version"]


def test_an_agent_that_asks_for_tokens_is_called_without_a_signature(checking: Any) -> None:
    assert checking.ask(checking.token(agent="guarded")).status_code == 200
    assert refusal(checking.ask())[:2] == (401, "UnauthorizedException")
    below = "invocations/.well-known/oauth-protected-resource"
    assert checking.ask(below=below, method="GET").status_code == 200


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("AWS4-HMAC-SHA256", "Authorization header requires 'Credential' parameter."),
        ("AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host", "Authorization header requires 'Signature' parameter."),
        ("AWS4-HMAC-SHA256 Credential=x, Signature=x", "Authorization header requires 'SignedHeaders' parameter."),
        ("AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=x", "Credential must have exactly 5"),
        ("AWS4-ECDSA-P256-SHA256 Credential=x", "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'."),
        ("Basic dXNlcjpwYXNz", "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'."),
    ],
)
def test_a_signature_of_which_something_is_missing(checking: Any, authorization: str, message: str) -> None:
    headers = {"authorization": authorization, "x-amz-date": "20260101T000000Z"}
    status, code, text = refusal(checking.ask(agent="open", headers=headers))
    assert (status, code) == (403, "IncompleteSignatureException")
    assert text.startswith(message)


def test_without_a_date_or_with_none_that_is_one(checking: Any) -> None:
    request = signed(checking)
    for date, message in ((None, "Authorization header requires existence of 'X-Amz-Date'."), ("now", "Date must be")):
        del request.headers["X-Amz-Date"]
        if date:
            request.headers["X-Amz-Date"] = date
        status, code, text = refusal(send(request))
        assert (status, code) == (403, "IncompleteSignatureException")
        assert text.startswith(message)
        request.headers["X-Amz-Date"] = ""


# What is signed, and what is not


def test_the_host_must_be_signed(checking: Any) -> None:
    request = signed(checking)
    request.headers["Authorization"] = request.headers["Authorization"].replace("=host;", "=")
    assert refusal(send(request))[1:] == (
        "InvalidSignatureException",
        "'Host' must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_what_has_been_signed_cannot_be_changed(checking: Any) -> None:
    def change(**what: Any) -> tuple[int, str]:
        request = signed(checking, headers={"x-amzn-trace-id": "unsigned", "x-custom": "signed"})
        assert send(request).status_code == 200
        request = signed(checking, headers={"x-custom": "signed"})
        for name, value in what.get("headers", {}).items():
            request.headers.replace_header(name, value)
        request.url += what.get("query", "")
        answer = send(request, what.get("body"))
        return answer.status_code, answer.json().get("message", "")[: len(WRONG)]

    assert change(headers={"x-custom": "changed"}) == (403, WRONG)
    assert change(query="?qualifier=DEFAULT") == (403, WRONG)
    assert change(body=b"answer({}) #") == (403, WRONG)
    assert change(body=b"") == (403, WRONG)
    assert change() == (200, "")


def test_a_header_that_is_added_is_not_covered(checking: Any) -> None:
    # As the SDK does with a WebSocket's session.
    assert send(signed(checking), headers={"x-amzn-bedrock-agentcore-runtime-user-id": "ada"}).status_code == 200


def test_a_hash_that_is_sent_must_be_the_bodys(checking: Any) -> None:
    body = b"answer({})"
    for claimed, status in ((hashlib.sha256(body).hexdigest(), 200), ("0" * 64, 403), ("STREAMING", 403)):
        answer = send(signed(checking, body=body, headers={"X-Amz-Content-SHA256": claimed}))
        assert answer.status_code == status


def test_an_unsigned_payload_is_not_checked(checking: Any) -> None:
    request = signed(checking, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert send(request, b"answer({'changed': True})").json() == {"changed": True}


def test_a_host_may_be_signed_without_its_port(checking: Any) -> None:
    assert urlsplit(checking.emulator.url).port
    request = signed(checking, host="127.0.0.1")
    del request.headers["host"]
    assert send(request).status_code == 200
    other = signed(checking, host="localhost")
    del other.headers["host"]
    assert send(other).status_code == 403


# Time


def test_a_signature_holds_for_five_minutes(checking: Any) -> None:
    assert send(signed(checking, ago=290)).status_code == 200
    assert send(signed(checking, ago=-290)).status_code == 200
    status, code, message = refusal(send(signed(checking, ago=310)))
    assert (status, code) == (403, "InvalidSignatureException")
    assert message.startswith("Signature expired: ")
    assert message.endswith(" - 5 min.)")
    status, code, message = refusal(send(signed(checking, ago=-310)))
    assert message.startswith("Signature not yet current: ")
    assert message.endswith(" + 5 min.)")


def test_a_presigned_url_holds_for_as_long_as_it_says(checking: Any) -> None:
    def ask(ago: float, seconds: int) -> int:
        request = signed(checking, ago=ago, method="GET", below="ws", body=b"", presigned=seconds)
        upgrade = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        # 424: let in, and refused by the agent, which has no /ws.
        return send(request, headers=upgrade).status_code

    assert ask(0, 60) == 424
    assert ask(50, 60) == 424
    assert ask(70, 60) == 403
    assert ask(290, 300) == 424
    # Longer than the SDK allows.
    assert ask(310, 3600) == 403


def test_a_presigned_url_cannot_be_changed(checking: Any) -> None:
    request = signed(checking, method="GET", below="ws", body=b"", presigned=60, host="127.0.0.1")
    assert httpx.get(request.url).status_code == 400, "let in, but no WebSocket"
    for changed in (
        request.url + "&x=y",
        request.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
        request.url[:-1] + ("0" if request.url[-1] != "0" else "1"),
    ):
        assert refusal(httpx.get(changed))[1] == "InvalidSignatureException"
    for broken in ("X-Amz-Expires=60", "X-Amz-Algorithm=AWS4-HMAC-SHA256"):
        assert refusal(httpx.get(request.url.replace(broken, "x=")))[1] == "IncompleteSignatureException"


@pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning")
def test_a_websocket_is_opened_by_what_the_sdk_has_signed(
    talkers: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulator")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    sdk = AgentCoreRuntimeClient(region="us-east-1")
    url = talkers.websocket_url(agent="open").replace("ws:", "https:")
    # Its public methods take the host of AWS alone, and all come down to these two.
    presigned = sdk._presign(url, 60).replace("wss:", "ws:")
    with connect(presigned) as connection:
        assert "workloadaccesstoken" not in json.loads(connection.recv())
    headers = sdk._sigv4_sign(url)
    del headers["Host"]
    with connect(url.replace("https:", "ws:"), additional_headers=headers) as connection:
        connection.recv()
    for refused in (presigned + "&x=y", talkers.websocket_url(agent="open")):
        with pytest.raises(InvalidStatus) as refusal:
            connect(refused)
        assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("clock", ["system", "virtual"])
def test_clients_sign_in_real_time_whatever_the_clock_shows(
    clock: str, tmp_path: Path, puppet: str, make_caller: Any
) -> None:
    project = write_project(tmp_path / "project", puppet, {"open": None})
    options = ("--verify-signatures", "--clock", clock, "--quirks", "off", "--isolation", "plain")
    with EmulatorProcess(project, *options) as emulator:
        caller = make_caller(emulator)
        before = signed(caller, ago=2, body=b"answer({})")
        assert send(before).status_code == 200
        emulator.clock.advance(8 * 3600)
        assert send(signed(caller)).status_code == 200
        client(caller).invoke_agent_runtime(agentRuntimeArn=emulator.arn, payload=b"{}")
        # An agent under --guest-time signs by the emulator's clock.
        assert send(signed(caller, ago=-8 * 3600)).status_code == 200
        # For what was signed before, eight hours have passed.
        assert refusal(send(before))[2].startswith("Signature expired: ")


# Anything


_TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.dictionaries(
        st.sampled_from(["Credential", "SignedHeaders", "Signature", "X"]),
        _TEXT | st.just("emulator/20260101/us-east-1/bedrock-agentcore/aws4_request") | st.just("host;x-amz-date"),
    ),
    date=_TEXT | st.just("20260101T000000Z") | st.just("99991231T235959Z") | st.just("00010101T000000Z"),
    in_url=st.booleans(),
)
def test_no_signature_is_a_fault(checking: Any, parts: dict[str, str], date: str, in_url: bool) -> None:
    url = checking.emulator.url + checking.path("open")
    if in_url:
        query = {f"X-Amz-{name}": value for name, value in parts.items()}
        common = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Date": date, "X-Amz-Expires": "60"}
        answer = httpx.post(url, params={**common, **query}, headers={SESSION: new_session()})
    else:
        text = ", ".join(f"{name}={value}" for name, value in parts.items())
        lines = {"authorization": f"AWS4-HMAC-SHA256 {text}", "x-amz-date": date, SESSION: new_session()}
        headers = {name.encode(): value.strip().encode("latin-1") for name, value in lines.items()}
        answer = httpx.post(url, headers=headers)
    assert answer.status_code == 403


def test_nothing_of_a_signature_is_logged(
    tmp_path: Path, puppet: str, make_caller: Any, caplog: pytest.LogCaptureFixture
) -> None:
    project = write_project(tmp_path / "project", puppet, {"open": None, "guarded": AUTHORIZER})
    with (
        caplog.at_level(logging.DEBUG),
        EmulatorThread(project, "--verify-signatures", "--isolation", "plain") as emulator,
    ):
        caller = make_caller(emulator)
        token = emulator.token(agent="guarded", scopes=[])
        request = signed(caller, body=b"answer({})")
        signature = request.headers["Authorization"].rpartition("=")[2]
        caplog.clear()
        assert send(request).status_code == 200
        assert send(request, b"other").status_code == 403
        assert caller.ask(token).status_code == 401
        assert caller.ask(token + "x").status_code in (401, 403)
        for record in caplog.records:
            if not record.name.startswith(("httpx", "httpcore")):  # those of the test's own client
                assert signature not in record.getMessage()
                assert not any(part in record.getMessage() for part in token.split("."))
        assert any("the token of a call" in record.getMessage() for record in caplog.records)
