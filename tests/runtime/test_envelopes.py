from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import httpx
import pytest
from ag_ui.core import RunErrorEvent
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCError

from agentcore_emulator import errors
from agentcore_emulator.config import Protocol
from agentcore_emulator.errors import AWSError
from agentcore_emulator.runtime.envelopes import answer
from agentcore_emulator.testing import EmulatorProcess, new_session
from agentcore_emulator.wire.service import error_answer

REQUEST_ID = "12345678-1234-1234-1234-123456789012"
CHALLENGE = ("WWW-Authenticate", 'Bearer resource_metadata="http://localhost"')

RATE = "Rate limit exceeded - Too many requests"
EXISTS = "Resource conflict - Resource already exists"
BUSY = "Session operation in progress, please retry"
MISSING = "Resource not found - Requested resource does not exist"
INVALID = "Validation error - Invalid request data"
LOGS = "Please check your CloudWatch logs for more information"
ACCEPT = "Accept Header Error - MCP protocol requires Accept header: application/json, text/event-stream"

UNAUTHORIZED = errors.UnauthorizedException("no token")
DENIED = errors.AccessDeniedException("no")
FORGED = errors.InvalidSignatureException("no")
THROTTLED = errors.ThrottlingException("slower")
QUOTA = errors.ServiceQuotaExceededException("too many")
NOT_FOUND = errors.ResourceNotFoundException("no such agent")
CONFLICT = errors.ConflictException("conflict")
RETRYABLE = errors.RetryableConflictException("wait")
VALIDATION = errors.ValidationException("short", fields=[("runtimeSessionId", "too short")])
AGENT = errors.RuntimeClientError("Received error (500) from runtime.")
UNACCEPTABLE = errors.McpRequestUnacceptableException("Accept")
INTERNAL = errors.InternalServerException("bug")
LATE = errors.GatewayTimeout("15 minutes")
UNBUILT = errors.NotImplementedException("Other", "bedrock-agentcore")
UNREACHABLE = errors.ServiceUnavailableException("no AWS")

MCP = [
    (UNAUTHORIZED, -32001, 401, "Authentication error - Invalid credentials"),
    (DENIED, -32002, 403, "Authorization error - Insufficient permissions"),
    (FORGED, -32002, 403, "Authorization error - Insufficient permissions"),
    (THROTTLED, -32003, 200, RATE),
    (QUOTA, -32003, 200, RATE),
    (NOT_FOUND, -32004, 200, MISSING),
    (CONFLICT, -32005, 200, EXISTS),
    (RETRYABLE, -32005, 200, BUSY),
    (VALIDATION, -32006, 200, INVALID),
    (AGENT, -32010, 200, f"Tool execution error - {LOGS}"),
    (UNACCEPTABLE, -32011, 406, ACCEPT),
    *((error, -32603, 200, "Internal error - Server error") for error in (INTERNAL, LATE, UNBUILT, UNREACHABLE)),
]

A2A = [
    (THROTTLED, -32053, 429, RATE),
    (QUOTA, -32053, 429, RATE),
    (NOT_FOUND, -32051, 404, MISSING),
    (CONFLICT, -32054, 409, EXISTS),
    (RETRYABLE, -32054, 409, BUSY),
    (VALIDATION, -32052, 400, INVALID),
    (AGENT, -32055, 424, f"Runtime client error - {LOGS}"),
    *(
        (error, -32603, 500, "Internal error - An unexpected error occurred while processing the request")
        for error in (INTERNAL, LATE, UNBUILT, UNREACHABLE, UNACCEPTABLE)
    ),
]

AGUI = [
    (UNAUTHORIZED, "UNAUTHORIZED", 401, "Authentication required or invalid credentials"),
    (DENIED, "ACCESS_DENIED", 403, "Insufficient permissions for requested operation"),
    (FORGED, "ACCESS_DENIED", 403, "Insufficient permissions for requested operation"),
    (VALIDATION, "VALIDATION_ERROR", 400, "Invalid request data or parameters"),
    (THROTTLED, "RATE_LIMIT_EXCEEDED", 429, "Too many requests from client"),
    (CONFLICT, "SESSION_BUSY", 409, EXISTS),
    (RETRYABLE, "SESSION_BUSY", 409, BUSY),
    (QUOTA, "SERVICE_QUOTA_EXCEEDED", 429, "Service quota exceeded"),
    (AGENT, "AGENT_ERROR", 200, "Agent code failed during execution – check your CloudWatch logs"),
    *(
        (error, "INTERNAL_ERROR", 500, "An internal error occurred while processing the request")
        for error in (INTERNAL, LATE, UNBUILT, UNREACHABLE, UNACCEPTABLE, NOT_FOUND)
    ),
]


def name(value: object) -> str | None:
    return type(value).__name__ if isinstance(value, AWSError) else None


@pytest.mark.parametrize(
    ("protocol", "error", "code", "status", "text"),
    [("MCP", *row) for row in MCP] + [("A2A", *row) for row in A2A],
    ids=name,
)
def test_json_rpc(protocol: Protocol, error: AWSError, code: int, status: int, text: str) -> None:
    found = answer(protocol, error, REQUEST_ID, b'{"jsonrpc": "2.0", "id": "req-001", "method": "initialize"}')
    assert found.status == status
    assert dict(found.headers) == {"Content-Type": "application/json", "x-amzn-RequestId": REQUEST_ID}
    message = JSONRPCError.model_validate_json(found.body)
    assert (message.id, message.error.code, message.error.message) == ("req-001", code, text)


@pytest.mark.parametrize(("error", "code", "status", "text"), AGUI, ids=name)
def test_run_error(error: AWSError, code: str, status: int, text: str) -> None:
    found = answer("AGUI", error, REQUEST_ID, b"{}")
    assert found.status == status
    assert dict(found.headers) == {"Content-Type": "text/event-stream", "x-amzn-RequestId": REQUEST_ID}
    assert found.body.startswith(b"data: ")
    assert found.body.endswith(b"}\n\n")
    event = RunErrorEvent.model_validate_json(found.body.removeprefix(b"data: "))
    assert (event.type, event.code, event.message) == ("RUN_ERROR", code, text)


@pytest.mark.parametrize(
    ("protocol", "error"),
    [("A2A", UNAUTHORIZED), ("A2A", DENIED), ("A2A", FORGED), *(("HTTP", row[0]) for row in MCP)],
    ids=name,
)
def test_awss_own(protocol: Protocol, error: AWSError) -> None:
    assert answer(protocol, error, REQUEST_ID, b'{"id": 1}') == error_answer(error, REQUEST_ID)


@pytest.mark.parametrize("protocol", get_args(Protocol))
def test_an_errors_own_headers_are_kept(protocol: Protocol) -> None:
    error = errors.UnauthorizedException("no token", headers=(CHALLENGE,))
    assert CHALLENGE in answer(protocol, error, REQUEST_ID, b"").headers


@pytest.mark.parametrize(
    ("body", "echoed"),
    [
        (b'{"id": "one"}', "one"),
        (b'{"id": 0}', 0),
        (b'{"id": -5, "params": {"id": 6}}', -5),
        ('{"id": "żółw"}'.encode(), "żółw"),
        (b'{"id": null}', None),
        (b'{"id": true}', None),
        (b'{"id": 1.5}', None),
        (b'{"id": NaN}', None),
        (b'{"id": [1]}', None),
        (b'{"id": {}}', None),
        (b'{"method": "notifications/initialized"}', None),
        (b'{"id": 1, "params": {"na', None),
        (b'[{"id": 1}]', None),
        (b'"id"', None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
        (b'{"id": ' + b"9" * 10_000 + b"}", None),
    ],
)
@pytest.mark.parametrize("protocol", ["MCP", "A2A"])
def test_which_id_is_echoed(protocol: Protocol, body: bytes, echoed: object) -> None:
    message = json.loads(answer(protocol, AGENT, REQUEST_ID, body).body)
    assert message["id"] == echoed


@given(st.binary() | st.text().map(lambda text: json.dumps({"id": text}).encode()))
def test_any_body_is_answered(body: bytes) -> None:
    for protocol in get_args(Protocol):
        assert answer(protocol, AGENT, REQUEST_ID, body).body.decode("utf-8")


def test_an_unpaired_surrogate_is_echoed() -> None:
    found = answer("MCP", AGENT, REQUEST_ID, b'{"id": "\\ud800"}')
    assert json.loads(found.body)["id"] == "\ud800"


# Over the wire; for MCP and A2A in their own modules.


SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[EmulatorProcess]:
    file: Path = tmp_path_factory.mktemp("agui") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--protocol", "AGUI", "--quirks", "off", "--isolation", "plain") as process:
        yield process


def run_error(answer: httpx.Response) -> tuple[int, str | None, str]:
    """The HTTP status, the code and the text."""
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-amzn-requestid"]
    event = RunErrorEvent.model_validate_json(answer.text.removeprefix("data: "))
    return answer.status_code, event.code, event.message


@pytest.mark.parametrize(
    ("query", "session", "code", "expected"),
    [
        ("", "short", "", VALIDATION),
        ("?accountId=1", None, "", VALIDATION),
        ("?qualifier=production", None, "", NOT_FOUND),
        ("", None, "answer('no', status=500)", AGENT),
        ("", None, "os._exit(3)", AGENT),
    ],
)
def test_an_agui_run_that_fails(
    emulator: EmulatorProcess, query: str, session: str | None, code: str, expected: AWSError
) -> None:
    url = f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations{query}"
    answer = httpx.post(url, content=code, headers={SESSION: session or new_session(), "Content-Type": "text/x-python"})
    wording = next((status, code, text) for error, code, status, text in AGUI if error is expected)
    assert run_error(answer) == wording


def test_a_throttled_agui_run(emulator: EmulatorProcess) -> None:
    emulator.faults.add("throttle", operation="InvokeAgentRuntime", times=1)
    answer = httpx.post(f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations")
    assert run_error(answer) == (429, "RATE_LIMIT_EXCEEDED", "Too many requests from client")


GUARDED_AND_OPEN = """
agents:
  {low}_guarded:
    name: {low}_guarded
    entrypoint: agent.py
    aws: {{protocol_configuration: {{server_protocol: {protocol}}}}}
    authorizer_configuration:
      customJWTAuthorizer:
        discoveryUrl: http://127.0.0.1:1/.well-known/openid-configuration
        allowedClients: [shop]
  {low}_open:
    name: {low}_open
    entrypoint: agent.py
    aws: {{protocol_configuration: {{server_protocol: {protocol}}}}}
"""


@pytest.mark.parametrize(
    ("protocol", "unauthorized", "denied"),
    [
        ("MCP", '"code":-32001', '"code":-32002'),
        ("A2A", '"message":"Missing Authentication Token"', '"message":"Missing Authentication Token"'),
        ("AGUI", '"code":"UNAUTHORIZED"', '"code":"ACCESS_DENIED"'),
    ],
)
def test_who_is_not_admitted(tmp_path: Path, puppet: str, protocol: str, unauthorized: str, denied: str) -> None:
    (tmp_path / "agent.py").write_text(puppet, encoding="utf-8")
    text = GUARDED_AND_OPEN.format(low=protocol.lower(), protocol=protocol)
    (tmp_path / ".bedrock_agentcore.yaml").write_text(text, encoding="utf-8")
    with EmulatorProcess(tmp_path, "--verify-signatures", "--isolation", "plain") as emulator:
        guarded, unguarded = (
            httpx.post(
                f"{emulator.url}/runtimes/{quote(arn, safe='')}/invocations",
                json={"jsonrpc": "2.0", "id": "req-001"},
                headers={"Accept": "application/json, text/event-stream"},
            )
            for arn in emulator.arns.values()
        )
        assert emulator.sessions() == []
    assert guarded.status_code == 401
    assert guarded.headers["WWW-Authenticate"].startswith("Bearer resource_metadata=")
    assert unauthorized in guarded.text
    assert unguarded.status_code == 403
    assert "WWW-Authenticate" not in unguarded.headers
    assert denied in unguarded.text
    for refusal in (guarded, unguarded):
        assert ('"id":"req-001"' in refusal.text) == (protocol == "MCP")
        assert refusal.headers["x-amzn-requestid"]


def test_signed_messages(tmp_path: Path, puppet: str) -> None:
    agent = tmp_path / "agent.py"
    agent.write_text(puppet.replace("8080", "8000"), encoding="utf-8")
    with EmulatorProcess(agent, "--protocol", "MCP", "--verify-signatures", "--isolation", "plain") as emulator:
        client = emulator.client("bedrock-agentcore")
        answer = client.invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            accept="application/json, text/event-stream",
            contentType="application/json",
            mcpName="answer({'id': self.headers['mcp-session-id'], 'body': self.body().decode()})",
            payload=b'{"method": "initialize"}',
        )
        assert json.load(answer["response"]) == {"id": None, "body": '{"method": "initialize"}'}
