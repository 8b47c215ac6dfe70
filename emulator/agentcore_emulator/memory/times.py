"""Moments that a caller names."""

from __future__ import annotations

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.tables import milliseconds

__all__ = ["moment"]

# The year 10000, which neither Python nor ISO 8601 can write.
_END_OF_TIME = 253_402_300_800


def moment(member: str, seconds: float) -> int:
    """Milliseconds since the epoch. Raises ValidationException, naming `member`, for a time that cannot be shown."""
    if not 0 <= seconds < _END_OF_TIME:
        raise ValidationException(f"Invalid {member}: must be between the years 1970 and 9999")
    return milliseconds(seconds)
