"""States of a memory that take their time: CREATING, UPDATING and DELETING.

A state follows from the clock's time and what the memory's row says; nothing has to happen for one to end. How long
they last is what `--memory-delays` decides.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from sqlalchemy import Row

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.latency import Profile

__all__ = ["Delays", "delays", "refuse_while_busy", "status"]


class Delays(NamedTuple):
    """Milliseconds for which a memory, and the strategies that are concerned, stay in each state."""

    creating: int = 0
    updating: int = 0
    deleting: int = 0


# A client's log of September 2025: "is now ACTIVE (took 162 seconds)". No figure was found for the others. A strategy
# that is added is taken to need as long as one that is there from the beginning (the starter toolkit says 30 to 180
# seconds of both), and the SDK's own integration test gives a deletion two minutes at most.
_OBSERVED: Final = Delays(creating=162_000, updating=162_000, deleting=60_000)


def delays(profile: Profile) -> Delays:
    """What a profile stands for."""
    return _OBSERVED if profile == "observed" else Delays()


def status(memory: Row[Any], now: int) -> str:
    """The model's `MemoryStatus` at `now`, of a row of tables.memories that is not gone yet."""
    if memory.gone_at is not None:
        return "DELETING"
    return memory.transition if memory.transition is not None and now < memory.ready_at else "ACTIVE"


def refuse_while_busy(
    memory: Row[Any], now: int, operation: str, action: str, allowed: Collection[str] = ("ACTIVE",)
) -> None:
    """Raise ValidationException unless the memory's status is one of `allowed`. `action` is what cannot be done.

    The words are the live service's, as CloudFormation and Terraform report them of UpdateMemory and DeleteMemory
    (hashicorp/terraform-provider-aws, memory strategies).
    """
    state = status(memory, now)
    if state not in allowed:
        text = f"Validation failed during {operation}: Memory is in transitional state {state}. Cannot {action}."
        raise ValidationException(text, reason="ResourceConflict")
