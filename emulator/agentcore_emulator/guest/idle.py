"""Lets an idle uvicorn sleep.

uvicorn wakes ten times a second to look whether it should exit; three hundred idle microVMs would burn more than half
a core on that. Here the server waits for an event instead, which whatever sets `should_exit` (its signal handler, the
agent's own code) fires.
"""

import asyncio
from typing import Any

_SLOW_TICK = 60.0


def patch(server_class: Any) -> None:
    """Give `uvicorn.Server` a main loop that waits instead of ticking."""
    ticking_loop = server_class.main_loop

    def get_should_exit(self: Any) -> bool:
        return bool(self.__dict__.get("should_exit", False))

    def set_should_exit(self: Any, value: bool) -> None:
        self.__dict__["should_exit"] = value
        wake = self.__dict__.get("_agentcore_wake")
        if value and wake is not None:
            wake()

    async def main_loop(self: Any) -> None:
        # These two options count on the tick.
        if self.config.limit_max_requests is not None or self.config.callback_notify is not None:
            await ticking_loop(self)
            return
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        # Signal handlers run between two bytecodes of the main thread: only the thread-safe call wakes the selector.
        self._agentcore_wake = lambda: loop.call_soon_threadsafe(event.set)
        try:
            while not await self.on_tick(0):
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), _SLOW_TICK)
                except asyncio.TimeoutError:
                    pass
        finally:
            self._agentcore_wake = None  # Whoever asks a server to exit that has done so meets no closed loop.

    server_class.should_exit = property(get_should_exit, set_should_exit)
    server_class.main_loop = main_loop
