"""Time, as the rest of the emulator sees it.

Idle time-outs, event expiry and time stamps all ask a `Clock` that was handed to them, so that a test can put eight
hours between two lines without waiting for them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """The system's time. Nothing else in the emulator reads the wall clock."""

    def time(self) -> float:
        """Seconds since the epoch (UTC), with a fraction."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never runs backwards, so it is what deadlines are measured with."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; other tasks run meanwhile."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Have `callback` called after `seconds`, unless the handle is cancelled before."""
        return asyncio.get_running_loop().call_later(seconds, callback)
