"""What the platform does with requests to A2A agents, whatever the server is."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from agentcore_emulator.testing import EmulatorProcess, new_session

if TYPE_CHECKING:
    from tests.runtime.conftest import Caller

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

ECHO = '''
"""Answers any request with what it was; the header X-Order is Python to do instead."""
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

state = {"count": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self.echo

    def echo(self):
        if self.path == "/ping":
            return self.answer({"status": "Healthy"})
        state["count"] += 1
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        if self.headers["x-order"]:
            return exec(self.headers["x-order"], {**globals(), "self": self})
        # send_error and its like leave alone what the path is.
        target = self.requestline.split(" ")[1]
        seen = {"method": self.command, "target": target, "count": state["count"], "body": body.decode("latin-1")}
        self.answer({**seen, "headers": {name.lower(): value for name, value in self.headers.items()}})

    def answer(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
'''

CONFIGURATION = """
agents:
  echo:
    name: echo
    entrypoint: agent.py
    aws:
      protocol_configuration:
        server_protocol: A2A
    request_header_configuration:
      requestHeaderAllowlist: [X-Order]
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    project: Path = tmp_path_factory.mktemp("a2a")
    (project / "agent.py").write_text(ECHO, encoding="utf-8")
    (project / ".bedrock_agentcore.yaml").write_text(CONFIGURATION, encoding="utf-8")
    with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as process:
        yield process


@pytest.fixture(scope="module")
def path(emulator: EmulatorProcess) -> str:
    return f"/runtimes/{quote(emulator.arn, safe='')}/invocations"


Send = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@pytest.fixture
def send(emulator: EmulatorProcess, path: str) -> Send:
    """Sends a request whose path is left as it is, below that of the invocations."""

    def send(method: str, below: str, body: bytes = b"", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path + below, body, given)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    return send


@pytest.mark.parametrize("below", ["", "/", "?qualifier=DEFAULT", "/?qualifier=DEFAULT&accountId=123456789012"])
def test_a_message_goes_to_the_root(send: Send, below: str) -> None:
    response, content = send("POST", below, b'{"jsonrpc": "2.0"}', Content_Type="application/json")
    seen = json.loads(content)
    assert (response.status, seen["method"], seen["target"]) == (200, "POST", "/")
    assert seen["body"] == '{"jsonrpc": "2.0"}'
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["x-aws-proxy-port"] == "9000"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_method(send: Send, method: str) -> None:
    response, content = send(method, "/tasks/1")
    seen = json.loads(content)
    assert (response.status, seen["method"], seen["target"]) == (200, method, "/tasks/1")


def test_a_head_alone(send: Send) -> None:
    response, content = send("HEAD", "/tasks/1")
    assert (response.status, content) == (200, b"")
    assert int(response.headers["content-length"]) > 0
    assert response.headers[SESSION]


@pytest.mark.parametrize(
    "below",
    [
        "/..",
        "/../../stopruntimesession",
        "/../../../../_emulator/sessions",
        "/./x",
        "/%2e%2e/%2E%2E/commands",
        "/..%2f..%2Fws",
        "/%2F%2Fother.example/",
        "//",
        "//other.example/x",
        "///x",
        "/http://other.example/x",
        "/@other.example",
        "/:80/",
        "/\\other.example",
        "/a%20b/%C3%A9/%FF/%00",
        "/a;b=c/d,e!f*g'(h)",
        "/%0d%0aX-Injected:%201",
        "/.well-known/agent-card.json/",
        "/.well-known/%61gent-card.json",
        "/.well-known/oauth-protected-resource/x",
        "/" + "x" * 8000,
    ],
)
def test_a_path_is_relayed_as_it_came(send: Send, below: str) -> None:
    response, content = send("GET", below)
    seen = json.loads(content)
    assert (response.status, seen["target"]) == (200, below)
    assert "x-injected" not in seen["headers"]


@pytest.mark.parametrize(
    ("query", "relayed"),
    [
        ("historyLength=1", "?historyLength=1"),
        ("a=1&qualifier=DEFAULT&b=%20+%C3%A9&a=2", "?a=1&b=%20+%C3%A9&a=2"),
        ("qualifier=DEFAULT", ""),
        ("X-Amz-Signature=0&x-amz-date=1&page=2&accountId=123456789012", "?page=2"),
        ("%71ualifier=DEFAULT&flag", "?flag"),
        ("&&a==b&&", "?a==b"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("below", ["/tasks", "/"])
def test_the_agents_part_of_a_query(send: Send, below: str, query: str, relayed: str) -> None:
    _, content = send("GET", f"{below}?{query}")
    assert json.loads(content)["target"] == below + relayed


def test_a_broken_escape_is_no_path_of_an_agent(send: Send) -> None:
    for below in ("/%", "/%2", "/%GG"):
        response, content = send("GET", below)
        assert (response.status, json.loads(content)["target"]) == (200, below)


def test_all_paths_share_the_session(send: Send) -> None:
    session = {SESSION: new_session()}
    counts = [
        json.loads(send(method, below, **session)[1])["count"]
        for method, below in (("POST", ""), ("GET", "/.well-known/agent-card.json"), ("DELETE", "/x"))
    ]
    assert counts == [1, 2, 3]
    response, _ = send("GET", "/x")
    assert str(uuid.UUID(response.headers[SESSION])) == response.headers[SESSION]


# The card


def test_the_card_by_boto3(emulator: EmulatorProcess) -> None:
    client = emulator.client("bedrock-agentcore")
    session = new_session()
    answer = client.get_agent_card(agentRuntimeArn=emulator.arn, runtimeSessionId=session, qualifier="DEFAULT")
    seen = answer["agentCard"]
    assert (seen["method"], seen["target"]) == ("GET", "/.well-known/agent-card.json")
    assert (answer["statusCode"], answer["runtimeSessionId"]) == (200, session)
    assert client.get_agent_card(agentRuntimeArn=emulator.arn, runtimeSessionId=session)["agentCard"]["count"] == 2
    assert len(client.get_agent_card(agentRuntimeArn=emulator.arn)["runtimeSessionId"]) == 36


def test_a_card_that_is_not_there(send: Send, emulator: EmulatorProcess) -> None:
    client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError, match="No endpoint") as raised:
        client.get_agent_card(agentRuntimeArn=emulator.arn, qualifier="production")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
    response, content = send("GET", "/.well-known/agent-card.json", X_Order="self.answer({}, status=404)")
    assert (response.status, response.headers["x-amzn-errortype"]) == (424, "RuntimeClientError")
    assert json.loads(content)["message"].startswith("Received error (404) from runtime.")


# Errors


def error_of(response: http.client.HTTPResponse, content: bytes) -> tuple[int, Any, int, str]:
    """The HTTP status, the id, the code of the error and its text."""
    message = json.loads(content)
    assert response.headers["x-amzn-requestid"]
    return response.status, message["id"], message["error"]["code"], message["error"]["message"]


@pytest.mark.parametrize("order", ["self.answer({}, status=500)", "self.answer({}, status=404)", "os._exit(3)"])
def test_an_agent_that_fails(send: Send, order: str) -> None:
    session = {SESSION: new_session()}
    assert error_of(*send("POST", "/", b'{"id": 7}', X_Order=order, **session)) == (
        424,
        7,
        -32055,
        "Runtime client error - Please check your CloudWatch logs for more information",
    )
    assert error_of(*send("GET", "/tasks", X_Order=order, **session))[1:3] == (None, -32055)


def test_the_callers_faults(send: Send) -> None:
    body = b'{"id": "one"}'
    assert error_of(*send("POST", "?qualifier=production", body)) == (
        404,
        "one",
        -32051,
        "Resource not found - Requested resource does not exist",
    )
    assert error_of(*send("POST", "", body, **{SESSION: "short"})) == (
        400,
        "one",
        -32052,
        "Validation error - Invalid request data",
    )


def test_boto3_invokes(emulator: EmulatorProcess) -> None:
    client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))
    answer = client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, payload=b'{"jsonrpc": "2.0"}')
    assert json.load(answer["response"])["target"] == "/"


def test_other_protocols_have_nothing_below(caller: Caller) -> None:
    url = f"{caller.emulator.url}/runtimes/{quote(caller.arn, safe='')}/invocations/tasks"
    answer = httpx.get(url)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (501, "NotImplemented")
    assert "GET /runtimes/" in answer.json()["message"]
