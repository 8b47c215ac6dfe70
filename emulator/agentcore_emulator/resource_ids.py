"""Identifiers of what the control planes create, and the digests under which client tokens are remembered."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from typing import Any

__all__ = ["new_resource_id", "token_digest"]

_ALPHANUMERIC = string.ascii_letters + string.digits


def new_resource_id(name: str) -> str:
    """`<name>-<10 letters and digits>`, of a memory, a strategy, an agent runtime or an endpoint.

    The SDK's `create_or_get_memory` finds a memory by this prefix.
    """
    return f"{name}-{''.join(secrets.choice(_ALPHANUMERIC) for _ in range(10))}"


def token_digest(given: Mapping[str, Any]) -> str | None:
    """What the request's clientToken is remembered by, whatever its length; None without one."""
    token: str = given.get("clientToken", "")
    return hashlib.sha256(token.encode()).hexdigest() if token else None
