"""`GetRuntimeProtectedResourceMetadata`: how a client without a token learns who issues them (RFC 9728).

AWS developer guide, "Authenticate and authorize with Inbound Auth"; what is advertised: botocore's
`bedrock-agentcore-control` model, `advertisedScopeMapping`.
"""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import quote

from starlette.types import Scope

from agentcore_emulator.call import Call
from agentcore_emulator.errors import ResourceNotFoundException, UnauthorizedException
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.wire.request import Answer

__all__ = ["base_url", "get_runtime_protected_resource_metadata", "unauthorized"]

_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]_-]+")


def base_url(scope: Scope) -> str:
    """The emulator's URL as the client of a request has addressed it, which is one that this client can reach."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not _HOST.fullmatch(host):
        address, port = scope["server"]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{scope['scheme']}://{host}"


def unauthorized(runtime: AgentRuntime, call: Call, message: str) -> UnauthorizedException:
    """The error that sends a client to this runtime's metadata."""
    qualifier = quote(call.parameter("qualifier") or "DEFAULT", safe="")
    location = f"{_resource(runtime, call)}/.well-known/oauth-protected-resource?qualifier={qualifier}"
    challenge = f'Bearer resource_metadata="{location}"'
    scopes = runtime.authorizer.advertised_scopes if runtime.authorizer is not None else []
    if scopes:
        challenge += f', scope="{" ".join(scopes)}"'
    return UnauthorizedException(message, headers=[("WWW-Authenticate", challenge)])


async def get_runtime_protected_resource_metadata(runtime: AgentRuntime, call: Call) -> None:
    """Answer with the document; it takes no credentials.

    Raises `ResourceNotFoundException` for a runtime that takes signatures.
    """
    if runtime.authorizer is None:
        raise ResourceNotFoundException(f"No OAuth configuration found for agent {runtime.arn}")
    document = {
        "resource": _resource(runtime, call),
        "authorization_servers": [runtime.authorizer.issuer],
        "scopes_supported": runtime.authorizer.advertised_scopes,
        "bearer_methods_supported": ["header"],
    }
    headers = [("content-type", "application/json"), ("x-amzn-RequestId", call.request_id)]
    await call.reply(Answer(200, headers, json.dumps(document).encode()))


def _resource(runtime: AgentRuntime, call: Call) -> str:
    return f"{base_url(call.scope)}/runtimes/{quote(runtime.arn, safe='')}/invocations"
