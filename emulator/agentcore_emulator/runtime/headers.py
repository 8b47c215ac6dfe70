"""The headers that an agent sees: what the platform adds, and the callers' that are on the runtime's allow-list.

Names and forms: an echo agent's report from a deployed runtime; rules: AWS developer guide, "Pass custom headers to
AgentCore Runtime", and the members of `InvokeAgentRuntime` in botocore's model.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence

from agentcore_emulator.errors import ValidationException

__all__ = ["SESSION_HEADER", "container_headers", "from_query", "new_trace_id"]

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

# What deployed agents see as Host. No local name on purpose: a server with DNS-rebinding protection refuses it there
# too.
_HOST = "cell01.us-east-1.prod.arp.kepler-analytics.aws.dev"

_CUSTOM_PREFIX = "x-amzn-bedrock-agentcore-runtime-custom-"
_NAME = re.compile(r"[a-z0-9_-]{1,256}")

# Members of the operation that the container gets as they came.
_MODELLED = ("content-type", "accept", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name")


def new_trace_id(now: float) -> str:
    """An X-Ray root id for a request that brought none: `1-<epoch seconds>-<24 hex digits>`."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def from_query(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that a browser's WebSocket brings as query parameters, with lower-case names.

    AWS developer guide, "Get started with bidirectional streaming using WebSocket": the session's id, and custom ones.
    Raises `ValidationException` for what cannot be a header.
    """
    found: dict[str, str] = {}
    for name, value in query:
        lower = name.lower()
        if lower == SESSION_HEADER.lower() or lower.startswith(_CUSTOM_PREFIX):
            if not (_NAME.fullmatch(lower) and value.isascii() and value.isprintable()):
                raise ValidationException(f"The query parameter {name[:100]!r} cannot be passed on as a header")
            found.setdefault(lower, value)
    return found


def container_headers(
    caller: Mapping[str, str],
    *,
    session_id: str,
    request_id: str,
    port: int,
    allowed: Iterable[str],
    now: float,
    identity: Sequence[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """The header lines for the agent.

    `caller` has lower-case names; `allowed` is the runtime's allow-list in lower case; `port` is the contract's;
    `identity` are the lines that tell who calls. Anything else of the caller's is dropped silently, as AWS does.
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
        *((name.lower(), value) for name, value in identity),
    ]
    present = {name for name, _ in headers}
    names = [*_MODELLED, *sorted(set(allowed) - set(_MODELLED))]
    headers += [(name, caller[name]) for name in names if name in caller and name not in present]
    return headers
