"""Which credentials a request brings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["SUBPROTOCOL", "bearer_token", "is_signed"]

SUBPROTOCOL: Final = "base64UrlBearerAuthorization"
"""The WebSocket subprotocol by which a page, which cannot set headers, brings a token.

AWS developer guide, "Get started with bidirectional streaming using WebSocket".
"""

# SDK, `bedrock_agentcore/runtime/agent_core_runtime_client.py`: characters of such a token, encoded.
_LONGEST: Final = 4096


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token of a request's Authorization header or WebSocket subprotocols, None if it brings none.

    Header names are in lower case. What is said to be a token and cannot be decoded is returned as it is: no token
    either way, but not a missing one.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.strip().partition(" ")
        return (token.strip() or None) if scheme.lower() == "bearer" else None
    prefix = f"{SUBPROTOCOL}.".lower()
    for name in headers.get("sec-websocket-protocol", "").split(","):
        if name.strip().lower().startswith(prefix):
            return _decoded(name.strip()[len(prefix) :])
    return None


def is_signed(headers: Mapping[str, str], query: Iterable[tuple[str, str]]) -> bool:
    """Whether a request has a SigV4 signature, right or wrong, in its headers or its URL."""
    return headers.get("authorization", "").startswith("AWS4-") or any(name == "X-Amz-Signature" for name, _ in query)


def _decoded(text: str) -> str:
    if len(text) <= _LONGEST:
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, UnicodeError):
            pass
    return text
