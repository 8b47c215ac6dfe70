"""Identifiers: of memories, strategies and events, and the digests under which client tokens are remembered."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

from agentcore_emulator.errors import ValidationException

__all__ = ["check_memory_id", "new_event_id", "new_resource_id", "token_digest"]

_ALPHANUMERIC = string.ascii_letters + string.digits
# botocore model, `MemoryId` of bedrock-agentcore. The control plane's has no ARN.
_MEMORY_ID = re.compile(
    r"(arn:(aws|aws-cn|aws-us-gov):bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:memory/)?"
    r"[a-zA-Z][a-zA-Z0-9_-]{0,99}-[a-zA-Z0-9]{10}"
)


def new_resource_id(name: str) -> str:
    """`<name>-<10 letters and digits>`, of a memory or a strategy.

    The SDK's `create_or_get_memory` finds a memory by this prefix.
    """
    return f"{name}-{''.join(secrets.choice(_ALPHANUMERIC) for _ in range(10))}"


def new_event_id(timestamp: int) -> str:
    """19 digits of the event's own time stamp in milliseconds, `#`, 8 hexadecimal digits.

    So ids sort as text by event time. Observed on the live service: `0000001756147154000#ffa53e54` (floci-io/floci
    pull request 3556). How AWS chooses the digits after `#` is unknown; here they are random.
    """
    return f"{timestamp:019d}#{secrets.token_hex(4)}"


def check_memory_id(given: str) -> None:
    """Raise ValidationException unless `given` has the form of a memory's id or ARN.

    The words are the live service's (observed, floci-io/floci pull request 3556).
    """
    if not _MEMORY_ID.fullmatch(given):
        raise ValidationException("Invalid memoryId: not a valid memory ID or ARN")


def token_digest(given: Mapping[str, Any]) -> str | None:
    """What the request's clientToken is remembered by, whatever its length; None without one."""
    token: str = given.get("clientToken", "")
    return hashlib.sha256(token.encode()).hexdigest() if token else None
