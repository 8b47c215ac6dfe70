"""One session: its state, its microVM, and what is in flight in it."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Iterator
from typing import NamedTuple

from agentcore_emulator.clock import Clock
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVM

__all__ = ["Session", "SessionKey", "State"]


class State(enum.Enum):
    """Where a session stands."""

    PROVISIONING = "Provisioning"
    ACTIVE = "Active"
    IDLE = "Idle"
    STOPPING = "Stopping"


class SessionKey(NamedTuple):
    """What a session is found by."""

    runtime_id: str
    endpoint: str
    session_id: str


class Session:
    """One session. `microvm` is there from the end of provisioning on."""

    def __init__(self, key: SessionKey, runtime: AgentRuntime, journal: Journal, now: float) -> None:
        self.key = key
        self.runtime = runtime
        self.journal = journal
        self.state = State.PROVISIONING
        self.created = now
        self.last_used = now
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.microvm: MicroVM | None = None
        self.watch: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def invocation(self, clock: Clock) -> Iterator[MicroVM]:
        """Counts as use while the block runs, and restarts the idle time at its end."""
        assert self.microvm is not None, "an invocation of a session that is not provisioned"
        self.in_flight += 1
        self.state = State.ACTIVE
        self.idle.clear()
        try:
            yield self.microvm
        finally:
            self.in_flight -= 1
            self.last_used = clock.time()
            if self.in_flight == 0:
                if self.state is State.ACTIVE:
                    self.state = State.IDLE
                self.idle.set()
