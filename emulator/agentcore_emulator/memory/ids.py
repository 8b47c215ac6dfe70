"""Identifiers of memories and events."""

from __future__ import annotations

import re
import secrets

from agentcore_emulator.errors import ValidationException

__all__ = ["check_memory_id", "new_event_id"]

# botocore model, `MemoryId` of bedrock-agentcore. The control plane's has no ARN.
_MEMORY_ID = re.compile(
    r"(arn:(aws|aws-cn|aws-us-gov):bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:memory/)?"
    r"[a-zA-Z][a-zA-Z0-9_-]{0,99}-[a-zA-Z0-9]{10}"
)


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
