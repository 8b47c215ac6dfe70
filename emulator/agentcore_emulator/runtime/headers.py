"""The headers that an agent sees: what the platform adds, and the callers' that are on the runtime's allow-list.

Names and forms: an echo agent's report from a deployed runtime; rules: AWS developer guide, "Pass custom headers to
AgentCore Runtime", and the members of `InvokeAgentRuntime` in botocore's model.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

__all__ = ["SESSION_HEADER", "container_headers", "new_trace_id"]

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

# What deployed agents see as Host. No local name on purpose: a server with DNS-rebinding protection refuses it there
# too.
_HOST = "cell01.us-east-1.prod.arp.kepler-analytics.aws.dev"

# Members of the operation that the container gets as they came.
_MODELLED = ("content-type", "accept", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name")


def new_trace_id(now: float) -> str:
    """An X-Ray root id for a request that brought none: `1-<epoch seconds>-<24 hex digits>`."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def container_headers(
    caller: Mapping[str, str], *, session_id: str, request_id: str, port: int, allowed: Iterable[str], now: float
) -> list[tuple[str, str]]:
    """The header lines for the agent.

    `caller` has lower-case names; `allowed` is the runtime's allow-list in lower case; `port` is the contract's.
    Anything else of the caller's is dropped silently, as AWS does.
    """
    fields = dict(part.split("=", 1) for part in caller.get("x-amzn-trace-id", "").split(";") if "=" in part)
    root = fields.get("Root") or new_trace_id(now)
    parent = fields.get("Parent") or secrets.token_hex(8)
    own = new_trace_id(now)
    baggage = [f"Self={own}", f"session.id={session_id}"]
    if caller.get("baggage"):
        baggage.append(caller["baggage"])
    headers = [
        ("host", _HOST),
        (SESSION_HEADER.lower(), session_id),
        ("x-amzn-requestid", request_id),
        ("x-amzn-trace-id", f"Root={root};Parent={parent};Sampled={fields.get('Sampled', '1')};Self={own}"),
        ("baggage", ",".join(baggage)),
        ("x-aws-proxy-port", str(port)),
    ]
    present = {name for name, _ in headers}
    names = [*_MODELLED, *sorted(set(allowed) - set(_MODELLED))]
    headers += [(name, caller[name]) for name in names if name in caller and name not in present]
    return headers
