from __future__ import annotations

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.faults import read
from agentcore_emulator.wire.request import Request
from agentcore_emulator.wire.service import load
from agentcore_emulator.wire.unmodelled import with_unmodelled

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/ws", "InvokeAgentRuntimeWithWebSocketStream"),
        ("/ws/shells", "InvokeAgentRuntimeCommandShell"),
        ("/invocations/.well-known/oauth-protected-resource", "GetRuntimeProtectedResourceMetadata"),
    ],
)
def test_they_are_operations_as_others(path: str, name: str) -> None:
    found = load("bedrock-agentcore").match("GET", b"/runtimes/arn%3Aa%2Fb" + path.encode())
    assert found is not None
    operation, labels = found
    assert (operation.name, labels) == (name, {"agentRuntimeArn": "arn:a/b"})
    assert operation.parse(Request(labels, [("qualifier", "prod")], {}, b"")) == {
        "agentRuntimeArn": "arn:a/b",
        "qualifier": "prod",
    }
    assert "ThrottlingException" in operation.errors
    read({"fault": "throttle", "operation": name})


@pytest.mark.parametrize("session", ["s" * 32, "s" * 257])
def test_sessions_have_the_length_that_they_have_elsewhere(session: str) -> None:
    operation = load("bedrock-agentcore").operation("InvokeAgentRuntimeWithWebSocketStream")
    with pytest.raises(ValidationException, match="runtimeSessionId"):
        operation.parse(Request({"agentRuntimeArn": "a"}, [], {SESSION: session}, b""))


def test_other_services_are_as_botocore_has_them() -> None:
    model: dict[str, object] = {"operations": {}}
    assert with_unmodelled("bedrock-runtime", model) is model
