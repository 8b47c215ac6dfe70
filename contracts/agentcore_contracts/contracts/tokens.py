"""Tokens of an emulator's issuer and forged ones, and calls with them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from agentcore_contracts.runtime import AgentCore, Raw
from agentcore_emulator.testing import Admin

__all__ = [
    "AUTHORIZER",
    "INBOUND",
    "REFUSED",
    "REPORTS",
    "SESSION",
    "Issuer",
    "decoded",
    "encoded",
    "forged",
    "invoke",
    "parts",
]

INBOUND = "AWS developer guide, 'Authenticate and authorize with Inbound Auth'"
AUTHORIZER = "AWS developer guide, 'Configure inbound JWT authorizer'"
REPORTS = "Reports of what deployed runtimes answer"

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"

REFUSED = (401, 403)
"""AWS's guide says that a bad token is refused, and not by which of these; reports have both."""


class Issuer:
    """The emulator's issuer."""

    def __init__(self, runtime: AgentCore) -> None:
        assert runtime.endpoint is not None
        self._admin = Admin(runtime.endpoint)

    def token(self, **asked: Any) -> str:
        """One that the probe's authorizer takes, but for what is asked."""
        return str(self._admin.post("issuer/token", {"runtime": "contracts_jwt", **asked})["access_token"])

    def key(self) -> dict[str, Any]:
        """A public key of its."""
        return dict(self._admin.get("issuer/jwks.json")["keys"][0])


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    """The reverse of `encoded`."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and its claims."""
    header, claims, _ = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(claims))


def forged(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that the issuer has not made."""
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(sign(text.encode()))}"


def invoke(jwt: AgentCore, session: str, token: str | None, payload: Any = None, query: str = "") -> Raw:
    """Invoke the agent by a token alone, without a signature; with None by nothing."""
    headers = {"content-type": "application/json", SESSION: session}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps(payload or {"do": "count"}).encode()
    return jwt.send("POST", f"invocations{query}", headers=headers, body=body, signed=False)
