"""Work that goes on beside everything else, round after round, as long as there is some.

What has to be done is in the database alone, so that an end at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from agentcore_emulator.clock import Clock, Timer
from agentcore_emulator.memory.tables import milliseconds
from agentcore_emulator.store import StoreError

__all__ = ["Rounds"]

_log = logging.getLogger(__name__)

# Seconds for which the end waits, and until a state file that failed is tried again.
_GRACE: Final = 0.5
_RETRY: Final = 5.0


class Rounds:
    """Calls `work` when it is woken and when something becomes due, one call at a time; not before `start`.

    `work` is given the clock's time and returns when the next round is due, both in milliseconds: the time that it was
    given for at once, None for when somebody wakes it. `what` is the work in words, for the log. `rested` is called
    whenever there are no more rounds for now.
    """

    def __init__(
        self,
        clock: Clock,
        what: str,
        work: Callable[[int], Awaitable[int | None]],
        rested: Callable[[], None] = lambda: None,
    ) -> None:
        self.running = False
        self._clock = clock
        self._what = what
        self._work = work
        self._rested = rested
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._timer: Timer | None = None
        self._due_at = 0

    @property
    def busy(self) -> bool:
        """Whether a round is under way, or about to be."""
        return self._task is not None

    def start(self) -> None:
        """Begin with what an earlier process has left."""
        self.running = True
        self.wake()

    def wake(self) -> None:
        """See whether there is something to do."""
        self._again = True
        if self.running and self._task is None:
            # What time has set off, an advance of the clock waits for.
            self._task = self._clock.in_background(self._go_on())

    async def close(self) -> None:
        """Stop. What is under way is finished if it takes half a second at most; the rest is for the next start."""
        self.running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=_GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _go_on(self) -> None:
        try:
            while self.running:
                self._again = False
                # A timer may ring a hair before the moment that it was set for.
                now = max(milliseconds(self._clock.time()), self._due_at)
                self._due_at = 0
                next_due = await self._work(now)
                if (next_due is None or next_due > now) and not self._again:
                    self._arm(next_due)
                    return
        except StoreError as error:
            _log.error("%s has to wait: %s", self._what, error)
            self._arm_in(_RETRY)
        except Exception:  # noqa: BLE001 - nobody else would hear of it
            _log.exception("%s stopped; it goes on as soon as there is more of it", self._what)
        finally:
            self._task = None
            self._rested()

    def _arm(self, due_at: int | None) -> None:
        if due_at is not None:
            self._arm_in(max(0, due_at - milliseconds(self._clock.time())) / 1000, due_at)

    def _arm_in(self, seconds: float, due_at: int = 0) -> None:
        if self._timer is not None:
            self._timer.cancel()

        async def ring() -> None:
            self._timer = None
            self._due_at = due_at
            self.wake()
            if self._task is not None:
                await asyncio.wait({self._task})

        self._timer = self._clock.call_later(seconds, ring)
