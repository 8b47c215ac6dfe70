"""The members of InvokeAgentRuntime beside payload and session: what the agent sees of them, and their limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore model, InvokeAgentRuntimeRequest"
_ECHO = "An echo agent's report of the headers of a deployed runtime"
_ALLOWED = "AWS developer guide, 'Pass custom headers to AgentCore Runtime'"

_PROBE_HEADER = "x-amzn-bedrock-agentcore-runtime-custom-probe"
_ROOT = "1-5759e988-bd862e3fe1be46a994272793"
_TRACE_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

# What HTTP takes for a header's value as it is: no spaces around it.
_VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1).map(str.strip).filter(bool)


def seen(agentcore: AgentCore, session: str, **members: Any) -> dict[str, str]:
    """The request's headers as the agent sees them."""
    found: dict[str, str] = agentcore.invoke({"do": "headers"}, session, **members).json["request"]
    return found


def sent(agentcore: AgentCore, session: str, **headers: str) -> dict[str, str]:
    """As `seen`, of a request with these headers."""
    lines = {"content-type": "application/json", "x-amzn-bedrock-agentcore-runtime-session-id": session, **headers}
    answer = agentcore.post("invocations", headers=lines, body=b'{"do": "headers"}')
    assert answer.status == 200
    found: dict[str, str] = json.loads(answer.body)["request"]
    return found


@contract(
    "RT-073",
    title="The value of a header on the allow-list reaches the agent as it is",
    evidence="aws-docs",
    source=_ALLOWED,
    since="1.1.0",
)
@given(value=_VALUES)
def test_any_value(agentcore: AgentCore, warm_session: str, value: str) -> None:
    """Whatever printable ASCII it is."""
    assert sent(agentcore, warm_session, **{_PROBE_HEADER: value})[_PROBE_HEADER] == value


@contract(
    "RT-074",
    title="Letters of either case name the same header of the allow-list",
    evidence="aws-docs",
    source=f"{_ALLOWED}: names are case-insensitive",
    since="1.1.0",
)
@pytest.mark.parametrize("name", [_PROBE_HEADER.upper(), _PROBE_HEADER.title()], ids=["upper", "title"])
def test_either_case(agentcore: AgentCore, warm_session: str, name: str) -> None:
    """As with every header of HTTP."""
    assert sent(agentcore, warm_session, **{name: "here"})[_PROBE_HEADER] == "here"


@contract(
    "RT-075",
    title="A header value of 4,096 bytes reaches the agent",
    evidence="aws-docs",
    source=f"{_ALLOWED}: values have 4 KB at most",
    since="1.1.0",
)
def test_long_values(agentcore: AgentCore, warm_session: str) -> None:
    """What comes of a longer one, no source says."""
    assert sent(agentcore, warm_session, **{_PROBE_HEADER: "v" * 4096})[_PROBE_HEADER] == "v" * 4096


@contract(
    "RT-076",
    title="The caller's baggage reaches the agent, beside the session's id",
    evidence="field-report",
    source=f"{_ECHO}; and bedrock-agentcore 1.25 runtime/app.py, _extract_baggage, which looks for callers' keys",
    since="1.1.0",
)
def test_baggage(agentcore: AgentCore, warm_session: str) -> None:
    """As a member of one list."""
    baggage = seen(agentcore, warm_session, baggage="tenant=blue,tier=2")["baggage"].split(",")
    assert {f"session.id={warm_session}", "tenant=blue", "tier=2"} <= set(baggage)
    assert f"session.id={warm_session}" in seen(agentcore, warm_session)["baggage"].split(",")


@contract(
    "RT-077",
    title="The agent sees an X-Ray trace: the caller's root where there is one, else a new one for each call",
    evidence="field-report",
    source=_ECHO,
    since="1.1.0",
)
def test_traces(agentcore: AgentCore, warm_session: str) -> None:
    """`Root=…;Parent=…;Sampled=…`."""
    given_root = seen(agentcore, warm_session, traceId=f"Root={_ROOT};Sampled=1")["x-amzn-trace-id"]
    assert f"Root={_ROOT}" in given_root.split(";")
    first, second = (seen(agentcore, warm_session)["x-amzn-trace-id"] for _ in range(2))
    assert first.startswith("Root=1-")
    assert first.partition(";")[0] != second.partition(";")[0]


@contract(
    "RT-078",
    title="traceparent, User-Agent and Cookie do not reach an agent that has not allowed them",
    evidence="field-report",
    source=f"{_ECHO}; users report that traceparent had to be allowed",
    since="1.1.0",
)
def test_what_is_dropped(agentcore: AgentCore, warm_session: str) -> None:
    """Although traceparent is a member of the operation."""
    assert "traceparent" not in seen(agentcore, warm_session, traceParent=_TRACE_PARENT, traceState="a=b")
    found = sent(agentcore, warm_session, **{"user-agent": "contracts", "cookie": "a=b", "x-api-key": "k"})
    assert not {"cookie", "x-api-key"} & found.keys()
    assert found.get("user-agent") != "contracts"


@contract(
    "RT-079",
    title="With a runtimeUserId the agent gets a workload access token, and without none",
    evidence="aws-docs",
    source="AWS developer guide, 'Authenticate and authorize with inbound auth and outbound auth':"
    " GetWorkloadAccessTokenForUserId",
    since="1.1.0",
)
def test_users(agentcore: AgentCore, warm_session: str) -> None:
    """The id itself is not passed on."""
    found = seen(agentcore, warm_session, runtimeUserId="user-7")
    assert found["workloadaccesstoken"]
    assert "x-amzn-bedrock-agentcore-runtime-user-id" not in found
    assert "workloadaccesstoken" not in seen(agentcore, warm_session)


@contract(
    "RT-086",
    title="contentType and accept reach the agent as they are",
    evidence="aws-model",
    source=f"{_MODEL}.contentType and accept: any text of 1 to 256 characters",
    since="1.1.0",
)
@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/vnd.contracts+json", "x" * 256])
def test_media_types(agentcore: AgentCore, warm_session: str, kind: str) -> None:
    """The SDK reads the payload as JSON whatever they say."""
    found = seen(agentcore, warm_session, contentType=kind, accept=kind)
    assert (found["content-type"], found["accept"]) == (kind, kind)


@contract(
    "RT-087",
    title="Members that are longer than the model allows are refused with 400 ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}: the limits of its members",
)
@pytest.mark.parametrize(
    ("member", "longest"),
    [
        ("contentType", 256),
        ("accept", 256),
        ("runtimeUserId", 1024),
        ("traceId", 128),
        ("traceParent", 128),
        ("traceState", 512),
        ("baggage", 8192),
    ],
)
def test_limits(agentcore: AgentCore, warm_session: str, member: str, longest: int) -> None:
    """boto3 looks at what is too short alone."""
    with pytest.raises(agentcore.client.exceptions.ValidationException) as raised:
        agentcore.invoke({"do": "headers"}, warm_session, **{member: "x" * (longest + 1)})
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@contract(
    "RT-088",
    title="An accountId is 12 digits, and is refused with 400 ValidationException otherwise",
    evidence="aws-model",
    source=f"{_MODEL}.accountId",
)
@pytest.mark.parametrize("account", ["12345678901", "1234567890123", "12345678901x"])
def test_accounts(agentcore: AgentCore, warm_session: str, account: str) -> None:
    """Beside an ARN too."""
    with pytest.raises(agentcore.client.exceptions.ValidationException):
        agentcore.invoke({"do": "count"}, warm_session, accountId=account)


@contract(
    "RT-089",
    title="OTEL_RESOURCE_ATTRIBUTES also names the service, its type and the log group of the runtime's endpoint",
    evidence="field-report",
    source="Users' dumps of the environment in deployed agents",
)
def test_resource_attributes(agentcore: AgentCore, warm_session: str) -> None:
    """What an observability tool finds an agent by."""
    found = agentcore.invoke({"do": "resource_attributes"}, warm_session).json
    attributes = dict(pair.split("=", 1) for pair in found.split(","))
    runtime_id = agentcore.arn.rpartition("/")[2]
    assert attributes["service.name"] == f"{runtime_id.rpartition('-')[0]}.DEFAULT"
    assert attributes["aws.service.type"] == "gen_ai_agent"
    assert attributes["aws.log.group.names"] == f"/aws/bedrock-agentcore/runtimes/{runtime_id}-DEFAULT"


@contract(
    "RT-095",
    title="An agent finds AWS credentials, without any configuration of its own",
    evidence="aws-docs",
    source="AWS developer guide, 'Security best practices': the execution role's, by a metadata service",
)
def test_credentials(agentcore: AgentCore, warm_session: str) -> None:
    """boto3's usual search is enough."""
    assert agentcore.invoke({"do": "credentials"}, warm_session).json is True
