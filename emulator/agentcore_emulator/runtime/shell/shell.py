"""One shell: a terminal in a session, which lives on while nobody looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime.microvm.execution import Execution
from agentcore_emulator.runtime.session import Session

__all__ = ["Shell", "Viewer"]

# AWS developer guide: what is replayed to whoever reconnects.
_REPLAYED: Final = 256 * 1024

# How far a shell may be ahead of who looks at it, in bytes; then it has to wait.
_MOST_AHEAD: Final = 64 * 1024

_LARGEST_PIECE: Final = 32 * 1024

# After each piece that nobody looks at: a program that prints without end is not to keep the emulator busy.
_PAUSE_SECONDS: Final = 0.01

# For what hears that its terminal is gone to put its things in order.
_GRACE_SECONDS: Final = 2.0


class Viewer:
    """A client's place in what a shell prints. `on_replaced` is called when a newer client takes over."""

    def __init__(self, at: int, on_replaced: Callable[[], None]) -> None:
        self.at = at
        self.on_replaced = on_replaced


class Shell:
    """One shell. At most one viewer is attached to it. `on_end` is called when it has ended.

    `code` is then its exit code, negative for a signal, or None if it has ended with its microVM.
    """

    def __init__(
        self, shell_id: str, session: Session, execution: Execution, clock: Clock, on_end: Callable[[Shell], None]
    ) -> None:
        self.shell_id = shell_id
        self.session = session
        self.over = False
        self.code: int | None = None
        self._execution = execution
        self._clock = clock
        self._on_end = on_end
        self._recent = bytearray()
        self._printed = 0
        self._viewer: Viewer | None = None
        self._news = asyncio.Event()
        self._moved = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())

    def attach(self, on_replaced: Callable[[], None]) -> Viewer:
        """A viewer, who sees what the shell has printed last, up to 256 KB, and then what it prints."""
        if self._viewer is not None:
            self._viewer.on_replaced()
        self._viewer = Viewer(self._printed - len(self._recent), on_replaced)
        self._moved.set()
        return self._viewer

    def detach(self, viewer: Viewer) -> None:
        """The viewer has gone; the shell lives on."""
        if self._viewer is viewer:
            self._viewer = None
            self._moved.set()

    async def shown(self, viewer: Viewer, size: int) -> bytes | None:
        """Up to `size` bytes that come next, as soon as there are any; None if the shell has ended."""
        while viewer.at == self._printed:
            if self.over:
                return None
            self._news.clear()
            await self._news.wait()
        start = len(self._recent) - (self._printed - viewer.at)
        data = bytes(self._recent[start : start + size])
        viewer.at += len(data)
        self._moved.set()
        return data

    async def write(self, data: bytes) -> None:
        """Press keys; returns when the terminal has taken them all."""
        await self._execution.write(data)

    def resize(self, width: int, height: int) -> None:
        """Give its terminal another size, in columns and lines."""
        self._execution.resize(width, height)

    async def end(self) -> None:
        """End it, as when its window is closed: whatever does not mind that is killed a little later."""
        if self._ending is None:
            self._ending = self._clock.in_background(self._hang_up())
        await asyncio.shield(self._ending)

    @property
    def ending(self) -> bool:
        """Whether it is being ended."""
        return self._ending is not None

    async def _hang_up(self) -> None:
        self._execution.hang_up()
        # Real time, as the grace of an agent.
        done, _ = await asyncio.wait((self._execution.ended,), timeout=_GRACE_SECONDS)
        if not done:
            self._execution.kill()
        await asyncio.wait((self._reading,))

    async def _read(self) -> None:
        async for piece in self._execution.pieces(_LARGEST_PIECE):
            self._recent += piece.data
            del self._recent[:-_REPLAYED]
            self._printed += len(piece.data)
            self._news.set()
            if self._viewer is None:
                await self._clock.sleep(_PAUSE_SECONDS)
            while self._viewer is not None and self._printed - self._viewer.at > _MOST_AHEAD:
                self._moved.clear()
                await self._moved.wait()
        self.code = await self._execution.ended
        self._execution.leave()
        self.over = True
        self._news.set()
        self._on_end(self)
