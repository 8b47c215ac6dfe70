"""One session: its state, its microVM, and what is in flight in it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Self

from agentcore_emulator.clock import Clock
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVM

if TYPE_CHECKING:
    from agentcore_emulator.runtime.lifecycle import Lifecycle

__all__ = ["Invocation", "Session", "SessionKey", "State"]


class State(enum.Enum):
    """Where a session stands."""

    PROVISIONING = "Provisioning"
    ACTIVE = "Active"
    IDLE = "Idle"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


class SessionKey(NamedTuple):
    """What a session is found by."""

    runtime_id: str
    endpoint: str
    session_id: str


class Session:
    """One session. `microvm` is there from the end of provisioning on; times are in seconds since the epoch.

    `ended` and `reason` are there once it takes no more calls. `version` is that of the agent runtime, which it keeps.
    """

    def __init__(self, key: SessionKey, runtime: AgentRuntime, journal: Journal, now: float, version: int = 1) -> None:
        self.key = key
        self.runtime = runtime
        self.version = version
        self.journal = journal
        self.state = State.PROVISIONING
        self.created = now
        self.last_used = now
        self.ended: float | None = None
        self.reason: str | None = None
        self.in_flight = 0
        self.microvm: MicroVM | None = None
        self.lifecycle: Lifecycle | None = None

    @property
    def serves(self) -> bool:
        """Whether it takes invocations."""
        return self.state in (State.ACTIVE, State.IDLE)

    def invocation(self, clock: Clock) -> Invocation:
        """To be entered for one use of the session."""
        return Invocation(self, clock)


class Invocation:
    """Counts as use of a session from entering to `over`, or to leaving; then the idle time starts anew."""

    def __init__(self, session: Session, clock: Clock) -> None:
        assert session.microvm is not None, "an invocation of a session that is not provisioned"
        self.session = session
        self.microvm = session.microvm
        self._clock = clock
        self._over = False

    def __enter__(self) -> Self:
        """The session is active."""
        self.session.in_flight += 1
        self.session.state = State.ACTIVE
        return self

    def __exit__(self, *_: object) -> None:
        """It is over."""
        self.over()

    def over(self) -> None:
        """To be called before the client can know that it is over: what it does next may depend on it."""
        if self._over:
            return
        self._over = True
        session = self.session
        session.in_flight -= 1
        session.last_used = self._clock.time()
        if session.in_flight == 0 and session.state is State.ACTIVE:
            session.state = State.IDLE
            if session.lifecycle is not None:
                session.lifecycle.rest()
