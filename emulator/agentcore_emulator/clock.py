"""Time, as the rest of the emulator sees it, and the way to move it.

Idle timeouts, lifetimes, event expiry and time stamps all ask a `Clock` that was handed to them, so that a test can put
eight hours between two lines without waiting for them. Guests are programs of their own and live in real time: `at`
tells what the clock showed when a guest took a time stamp.
"""

from __future__ import annotations

import asyncio
import bisect
import math
import struct
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

__all__ = ["LONGEST_ADVANCE", "Clock", "Timer"]

LONGEST_ADVANCE: Final = 10 * 365 * 86_400.0
"""Seconds by which one advance may move the clock; the longest that AWS keeps anything is a memory's ten years."""

# Far more jumps than the stamps of sessions that live can lie behind.
_JUMPS_KEPT = 10_000


class Timer:
    """A callback that is due at some moment, until it has been called or `cancel` is."""

    def __init__(self, clock: Clock, when: float, callback: Callable[[], Awaitable[None] | None]) -> None:
        self.when = when
        self.callback = callback
        self.handle: asyncio.TimerHandle | None = None
        self._clock = clock

    def cancel(self) -> None:
        """Never call back; nothing happens if it has called already."""
        self._clock._forget(self)


class Clock:
    """The system's time, or with `frozen` one that stands still; `advance` moves either ahead.

    Nothing else in the emulator reads the wall clock. What a person feels (`sleep`) or what is measured (`monotonic`)
    is real time on every clock.
    """

    def __init__(self, *, frozen: bool = False) -> None:
        self.frozen = frozen
        now = time.time()
        # When the clock was moved, in real time, and what it showed right after.
        self._jumps: list[tuple[float, float]] = [(now, now)]
        self._shift = 0.0
        self._timers: dict[Timer, None] = {}
        self._one_at_a_time = asyncio.Lock()
        self._advancing = False
        self._background: set[asyncio.Task[Any]] = set()
        self._on_jump: Callable[[], None] | None = None

    def time(self) -> float:
        """Seconds since the epoch (UTC), with a fraction."""
        real, shown = self._jumps[-1]
        return shown if self.frozen else shown + time.time() - real

    def real(self) -> float:
        """Seconds since the epoch (UTC) for programs that know of no emulator, as those that look at a certificate."""
        return time.time()

    def at(self, moment: float) -> float:
        """What this clock showed at a moment of real time, both in seconds since the epoch."""
        index = max(0, bisect.bisect_right(self._jumps, (moment, math.inf)) - 1)
        real, shown = self._jumps[index]
        return shown if self.frozen and moment >= real else shown + moment - real

    def monotonic(self) -> float:
        """Seconds since some fixed moment, for measuring how long something took; no advance is in it."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Pause for `seconds` of real time; other tasks run meanwhile."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], Awaitable[None] | None]) -> Timer:
        """Have `callback` called once the clock has moved on by `seconds`, unless the timer is cancelled before.

        What an asynchronous callback does is awaited by the advance that makes it due, before the clock moves on.
        """
        timer = Timer(self, self._position() + seconds, callback)
        self._timers[timer] = None
        self._arm(timer)
        return timer

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that time has set off, and that an advance must not overtake."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def advance(self, seconds: float) -> None:
        """Move the clock ahead, from deadline to deadline, and return when all that became due has been done.

        Raises `ValueError` for what is no number of seconds from 0 to `LONGEST_ADVANCE`.
        """
        if not 0 <= seconds <= LONGEST_ADVANCE:
            raise ValueError(f"a clock moves ahead by 0 to {LONGEST_ADVANCE:.0f} seconds, not by {seconds}")
        async with self._one_at_a_time:
            await self._settled()
            self._advancing = True
            for timer in self._timers:
                self._disarm(timer)
            target = self._position() + seconds
            try:
                while due := [timer for timer in self._timers if timer.when <= target]:
                    first = min(due, key=lambda timer: timer.when)
                    self._jump(first.when)
                    await self._call(first)
                self._jump(target)
            finally:
                self._advancing = False
                for timer in self._timers:
                    self._arm(timer)
            await self._settled()

    async def _settled(self) -> None:
        await asyncio.gather(*self._background, return_exceptions=True)

    def publish(self, file: Path) -> None:
        """Keep the time that a frozen clock shows, or by how much another is ahead, in a file, as a native double.

        Guests read it from memory, and so see an advance as soon as it has been made.
        """

        def write() -> None:
            real, shown = self._jumps[-1]
            with file.open("r+b") as opened:
                opened.write(struct.pack("d", shown if self.frozen else shown - real))

        file.write_bytes(bytes(8))
        write()
        self._on_jump = write

    def _position(self) -> float:
        """Where the clock stands, as timers count."""
        return self._shift if self.frozen else time.monotonic() + self._shift

    def _jump(self, position: float) -> None:
        by = position - self._position()
        if by <= 0:
            return
        now = time.time()
        self._jumps.append((now, self.time() + by))
        del self._jumps[:-_JUMPS_KEPT]
        self._shift += by
        if self._on_jump is not None:
            self._on_jump()

    def _arm(self, timer: Timer) -> None:
        if not self.frozen and not self._advancing:
            loop = asyncio.get_running_loop()
            timer.handle = loop.call_later(max(0.0, timer.when - self._position()), self._ring, timer)

    def _disarm(self, timer: Timer) -> None:
        if timer.handle is not None:
            timer.handle.cancel()
            timer.handle = None

    def _ring(self, timer: Timer) -> None:
        self.in_background(self._call(timer))

    async def _call(self, timer: Timer) -> None:
        self._forget(timer)
        result = timer.callback()
        if result is not None:
            await result

    def _forget(self, timer: Timer) -> None:
        self._disarm(timer)
        self._timers.pop(timer, None)
