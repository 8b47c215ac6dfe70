"""Operations that AWS documents and botocore does not model, in the form of botocore's models.

With them a WebSocket has a route, is validated and can be named by a fault as any other operation. Sources: AWS
developer guide, "Get started with bidirectional streaming using WebSocket", "Interactive shells" and "Authenticate and
authorize with Inbound Auth"; names: the IAM actions, where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["with_unmodelled"]

_ARN: Final = {"shape": "String", "location": "uri", "locationName": "agentRuntimeArn"}
_QUALIFIER: Final = {"shape": "String", "location": "querystring", "locationName": "qualifier"}
_SESSION: Final = {
    "shape": "SessionType",
    "location": "header",
    "locationName": "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id",
}

_RUNTIME: Final = {"agentRuntimeArn": _ARN, "qualifier": _QUALIFIER}

_SHAPES: Final[Mapping[str, Any]] = {
    "InvokeAgentRuntimeWithWebSocketStreamRequest": {
        "type": "structure",
        "required": ["agentRuntimeArn"],
        "members": {**_RUNTIME, "runtimeSessionId": _SESSION},
    },
    "InvokeAgentRuntimeCommandShellRequest": {
        "type": "structure",
        "required": ["agentRuntimeArn"],
        "members": {
            **_RUNTIME,
            "runtimeSessionId": _SESSION,
            "shellId": {"shape": "String", "location": "querystring", "locationName": "shellId"},
        },
    },
    "GetRuntimeProtectedResourceMetadataRequest": {
        "type": "structure",
        "required": ["agentRuntimeArn"],
        "members": _RUNTIME,
    },
}

_PATHS: Final = {
    "InvokeAgentRuntimeWithWebSocketStream": "/ws",
    "InvokeAgentRuntimeCommandShell": "/ws/shells",
    "GetRuntimeProtectedResourceMetadata": "/invocations/.well-known/oauth-protected-resource",
}


def with_unmodelled(service: str, model: Mapping[str, Any]) -> Mapping[str, Any]:
    """botocore's model of a service, and what it lacks."""
    if service != "bedrock-agentcore":
        return model
    operations = {
        name: {
            "name": name,
            "http": {"method": "GET", "requestUri": "/runtimes/{agentRuntimeArn}" + path},
            "input": {"shape": f"{name}Request"},
            "errors": model["operations"]["GetAgentCard"]["errors"],
        }
        for name, path in _PATHS.items()
    }
    return {
        **model,
        "operations": {**model["operations"], **operations},
        "shapes": {**model["shapes"], **_SHAPES},
    }
