from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.runtime.headers import SESSION_HEADER, container_headers, from_query, new_trace_id

if TYPE_CHECKING:
    from tests.runtime.conftest import Caller

NOW = 1_700_000_000.0
SESSION = "s" * 33


def headers(caller: dict[str, str], *allowed: str, port: int = 8080) -> dict[str, str]:
    lines = container_headers(caller, session_id=SESSION, request_id="r-1", port=port, allowed=allowed, now=NOW)
    found = dict(lines)
    assert len(found) == len(lines), "each header once"
    return found


def test_what_the_platform_adds() -> None:
    found = headers({})
    trace = found.pop("x-amzn-trace-id")
    own = trace.rpartition("Self=")[2]
    assert found == {
        "host": "cell01.us-east-1.prod.arp.kepler-analytics.aws.dev",
        "x-amzn-bedrock-agentcore-runtime-session-id": SESSION,
        "x-amzn-requestid": "r-1",
        "baggage": f"Self={own},session.id={SESSION}",
        "x-aws-proxy-port": "8080",
    }
    root = r"1-6553f100-[0-9a-f]{24}"  # 0x6553f100 is NOW.
    assert re.fullmatch(f"Root={root};Parent=[0-9a-f]{{16}};Sampled=1;Self={root}", trace)
    assert headers({})["x-amzn-trace-id"] != trace
    assert re.fullmatch(root, new_trace_id(NOW))


def test_what_the_caller_may_say_anyway() -> None:
    modelled = {
        "content-type": "text/plain",
        "accept": "text/event-stream",
        "mcp-session-id": "m",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "add",
    }
    assert modelled.items() <= headers(modelled).items()


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "user-agent",
        "cookie",
        "x-amz-date",
        "traceparent",
        "accept-encoding",
        "x-api-key",
        "connection",
    ],
)
def test_other_headers_are_dropped_unless_allowed(name: str) -> None:
    assert name not in headers({name: "value"})
    assert headers({name: "value"}, name)[name] == "value"
    assert name not in headers({}, name)


@pytest.mark.parametrize("name", ["host", "x-amzn-requestid", "x-aws-proxy-port", "baggage", "content-type"])
def test_no_allow_list_changes_what_is_there(name: str) -> None:
    before, after = headers({name: "v"}), headers({name: "v"}, name)
    assert (before[name] == "v") == (after[name] == "v")


def test_the_callers_trace_goes_on() -> None:
    found = headers({"x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"})
    assert found["x-amzn-trace-id"].startswith(
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Self=1-"
    )
    assert headers({"x-amzn-trace-id": "nonsense;;="})["x-amzn-trace-id"].startswith("Root=1-6553f100-")


def test_the_callers_baggage_goes_on() -> None:
    assert headers({"baggage": "user=7,session.id=forged"})["baggage"].endswith(
        f",session.id={SESSION},user=7,session.id=forged"
    )


def test_the_port_is_that_of_the_protocol() -> None:
    assert headers({}, port=8000)["x-aws-proxy-port"] == "8000"


def test_the_headers_as_an_agent_sees_them(caller: Caller, session: str) -> None:
    found = caller.json(
        session,
        "answer({name.lower(): value for name, value in self.headers.items()})",
        accept="application/json",
        traceId="Root=1-5759e988-bd862e3fe1be46a994272793",
        traceParent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        runtimeUserId="user-7",
    )
    assert uuid.UUID(found.pop("x-amzn-requestid"))
    assert found.pop("x-amzn-trace-id").startswith("Root=1-5759e988-bd862e3fe1be46a994272793;")
    assert found.pop("baggage").endswith(f",session.id={session}")
    # For whom it is called is known.
    assert found.pop("workloadaccesstoken") == found.pop("x-amz-bedrock-agentcore-identity-wat") != ""
    assert found == {
        "host": "cell01.us-east-1.prod.arp.kepler-analytics.aws.dev",
        "x-amzn-bedrock-agentcore-runtime-session-id": session,
        "x-aws-proxy-port": "8080",
        "content-type": "text/x-python",
        "accept": "application/json",
        "content-length": found["content-length"],
        "connection": "close",
    }


# What a browser's WebSocket brings in its query


def test_the_query_may_hold_headers() -> None:
    custom = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant"
    query = [(SESSION_HEADER, "first"), (SESSION_HEADER.lower(), "second"), (custom, "blue"), ("X-Other", "x")]
    assert from_query(query) == {SESSION_HEADER.lower(): "first", custom.lower(): "blue"}


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\x00", "grün", "\ud800"])
def test_what_cannot_be_a_headers_value(value: str) -> None:
    with pytest.raises(ValidationException, match="cannot be passed on as a header"):
        from_query([(SESSION_HEADER, value)])


@pytest.mark.parametrize("name", ["a\r\nx", "a:b", "a b", "ä", "a" * 300])
def test_what_cannot_be_a_headers_name(name: str) -> None:
    with pytest.raises(ValidationException, match="cannot be passed on as a header"):
        from_query([(f"X-Amzn-Bedrock-AgentCore-Runtime-Custom-{name}", "value")])
