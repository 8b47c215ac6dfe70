"""Latency profiles: how long AWS takes for what takes no time here.

`observed` are the figures of one agent in one region, so good for seeing where a client waits, not for a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from agentcore_emulator.clock import Clock

__all__ = ["AgentLatency", "Latency", "Platform", "Profile", "profile"]

Platform = Literal["V1", "V2"]
Profile = Literal["none", "observed"]

# V1: "What I Learned Building a Streaming Agent on AWS Bedrock AgentCore Runtime" (2026-02-16), table "Observed
# latencies", a ping without a model: 1.7 s cold, 180 ms warm.
# V2: a sample of awslabs has both platforms, an echo agent in a zip, cold p75 2.85 s on V1 and 1.96 s on V2. V2 here
# stands to the V1 above as they do to each other. Its warm 152 ms is that sample's.
_COLD: Final[Mapping[Platform, float]] = {"V1": 1.7, "V2": 1.7 * 1.96 / 2.85}
_WARM: Final[Mapping[Platform, float]] = {"V1": 0.180, "V2": 0.152}

# The article again, "Memory is a two-tier problem": a read of durable memory adds about 300 ms.
_MEMORY_READ: Final = 0.300
_MEMORY_READS: Final = frozenset(
    {
        "GetEvent",
        "GetMemoryRecord",
        "ListActors",
        "ListEvents",
        "ListMemoryRecords",
        "ListSessions",
        "RetrieveMemoryRecords",
    }
)


class AgentLatency:
    """The delays of one agent runtime. A cold call has both, which together are the cold call that was observed."""

    def __init__(self, clock: Clock, platform: Platform) -> None:
        self._clock = clock
        self._platform: Platform = platform

    async def invocation(self) -> None:
        """Pause as every invocation does."""
        await self._clock.sleep(_WARM[self._platform])

    async def start(self) -> None:
        """Pause as the start of a microVM does."""
        await self._clock.sleep(_COLD[self._platform] - _WARM[self._platform])


class Latency:
    """The profile `observed`, on a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def agent(self, platform: Platform) -> AgentLatency:
        """The delays of an agent runtime on a platform version."""
        return AgentLatency(self._clock, platform)

    async def operation(self, name: str) -> None:
        """Pause before an operation that is slow on AWS: a read of memory."""
        if name in _MEMORY_READS:
            await self._clock.sleep(_MEMORY_READ)


def profile(text: str) -> Profile:
    """The profile of that name; `ValueError` if there is none."""
    for name in get_args(Profile):
        if text == name:
            return name  # type: ignore[no-any-return]
    raise ValueError(f"{text!r} is not one of {', '.join(get_args(Profile))}")
