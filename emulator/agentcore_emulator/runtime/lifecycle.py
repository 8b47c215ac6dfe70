"""Watches one session's two deadlines: the idle timeout, which `/ping` can hold off, and the maximum lifetime.

AWS developer guide, "Configure lifecycle settings", "Handle asynchronous and long running agents" and "HTTP protocol
contract": the lifetime counts from the microVM's creation and nothing resets it. The idle time counts from the end of
the last invocation, or from when `/ping` has last changed from `HealthyBusy`, whichever is later.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import NamedTuple

from agentcore_emulator.clock import Clock, Timer
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.relay import BrokenGuest, ClientGone, Exchange
from agentcore_emulator.runtime.session import Session, State

__all__ = ["UNHEALTHY", "Health", "Lifecycle", "PingRules", "ping"]

# Observed of the platform, which asks all the time. Here a session is asked when it first comes to rest, once after its
# last invocation, and again only while it is busy, so that idle ones cost nothing.
_POLL_SECONDS = 2.0

# No limit is documented; an agent that takes longer for so little is not one that keeps its session alive.
_PING_SECONDS = 5.0

# Of an answer that has two short members.
_LONGEST_ANSWER = 64 * 1024

_HEALTHY = "Healthy"
UNHEALTHY = "Unhealthy"
_BUSY = "HealthyBusy"


class Health(NamedTuple):
    """What a `/ping` says: its status, `time_of_last_update` in real seconds since the epoch if it is a number.

    `Unhealthy` stands for anything but an answer of 200 with such a JSON object within 5 s; `answer` tells what came.
    """

    status: str
    changed: float | None
    answer: str


class PingRules(NamedTuple):
    """How a session's `/ping` is understood.

    `asked` is False for protocols that have none (MCP). `busy_needs_time`: whether `HealthyBusy` counts only beside a
    numeric `time_of_last_update`, as users have reported; AWS's documentation says that the platform then keeps the
    time itself. `moment` turns a guest's time stamp into the emulator's time.
    """

    asked: bool
    busy_needs_time: bool
    moment: Callable[[float], float]


class Lifecycle:
    """Calls `end(session, reason)` at the first deadline that the session really passes. `cancel` when it has ended."""

    def __init__(self, session: Session, clock: Clock, end: Callable[[Session, str], None], rules: PingRules) -> None:
        self._session = session
        self._clock = clock
        self._end = end
        self._rules = rules
        self._busy = False
        self._busy_seen = session.created
        self._looked = False
        self._stamp: float | None = None
        self._was_healthy = False
        self._warned = False
        self._idle: Timer | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._polling: asyncio.Task[None] | None = None
        lifetime = session.runtime.max_lifetime
        self._life = clock.call_later(session.created + lifetime - clock.time(), self._life_is_over)
        self._watch_idle(session.runtime.idle_timeout)

    def rest(self) -> None:
        """Nothing is in flight any more: the idle time runs, unless the agent was busy when it was last asked."""
        if self._busy:
            self._session.state = State.ACTIVE
        if self._rules.asked and not self._looked:
            # What the first stamp is has no meaning; that a later one is another has.
            self._clock.in_background(self._first_look())
        # Timers that are set already look for themselves how much time is left when they are due.
        if self._idle is None:
            self._watch_idle(self._session.runtime.idle_timeout)
        if self._poll is None and self._rules.asked and not self._clock.frozen:
            self._poll_in(_POLL_SECONDS)

    def cancel(self) -> None:
        """Watch no more."""
        self._life.cancel()
        if self._idle is not None:
            self._idle.cancel()
        if self._poll is not None:
            self._poll.cancel()
        if self._polling is not None and self._polling is not asyncio.current_task():
            self._polling.cancel()

    def _life_is_over(self) -> None:
        self._end(self._session, f"its maximum lifetime of {self._session.runtime.max_lifetime:.0f} s is over")

    # The idle timeout, on the emulator's clock

    def _watch_idle(self, seconds: float) -> None:
        self._idle = self._clock.call_later(seconds, self._on_idle_deadline)

    def _remaining(self) -> float:
        since = max(self._session.last_used, self._busy_seen)
        return since + self._session.runtime.idle_timeout - self._clock.time()

    async def _on_idle_deadline(self) -> None:
        self._idle = None
        session = self._session
        if session.in_flight:
            return  # `rest` sets the next one.
        silence = ""
        # A timer may ring a hair early, and real time go on meanwhile: nobody ends who was not asked.
        remaining = self._remaining()
        if remaining <= 0 and self._rules.asked:
            health = await self._look()
            silence = f", and its /ping {health.answer}" if health.status == UNHEALTHY else ""
            remaining = self._remaining()
        if not session.serves or session.in_flight:
            return
        if remaining > 0:
            self._watch_idle(remaining)
        else:
            self._end(session, f"idle for {session.runtime.idle_timeout:.0f} s{silence}")

    # What /ping says, asked in the guest's own time, which is real time

    def _poll_in(self, seconds: float) -> None:
        self._poll = asyncio.get_running_loop().call_later(seconds, self._on_poll)

    def _on_poll(self) -> None:
        self._poll = None
        if self._session.serves and not self._session.in_flight:
            self._polling = asyncio.create_task(self._ask_again_while_busy())

    async def _first_look(self) -> None:
        if self._session.serves:
            await self._look()

    async def _ask_again_while_busy(self) -> None:
        health = await self._look()
        session = self._session
        if not session.serves or session.in_flight:
            return
        if health.status == UNHEALTHY and self._was_healthy:
            self._end(session, f"its /ping is unhealthy: {health.answer}")
        elif session.state is State.ACTIVE:
            self._poll_in(_POLL_SECONDS)

    async def _look(self) -> Health:
        """Ask once, and take in what it means for the session."""
        session = self._session
        assert session.microvm is not None, "a lifecycle of a session that is not provisioned"
        health = await ping(session.microvm)
        if not session.serves:
            return health
        self._tell(health)
        now = self._clock.time()
        news = self._looked and health.changed is not None and health.changed != self._stamp
        self._looked, self._stamp = True, health.changed
        was_busy = self._busy
        self._busy = health.status == _BUSY and (health.changed is not None or not self._rules.busy_needs_time)
        if self._busy:
            self._busy_seen = now
        elif health.status == _HEALTHY and news:
            self._busy_seen = max(self._busy_seen, min(self._moment(health), now))
        elif health.status == _HEALTHY and was_busy:
            self._busy_seen = now  # A change that no time stamp tells of is one of now.
        if not session.in_flight:
            session.state = State.ACTIVE if self._busy else State.IDLE
        return health

    def _moment(self, health: Health) -> float:
        """When the status has changed, in the emulator's time. A stamp in whole seconds means any time within one."""
        assert health.changed is not None
        return self._rules.moment(health.changed + 1 if health.changed.is_integer() else health.changed)

    def _tell(self, health: Health) -> None:
        if health.status != UNHEALTHY:
            self._was_healthy = True
        elif not self._was_healthy and not self._warned:
            self._warned = True
            self._session.journal.happened(
                f"GET /ping {health.answer}; AgentCore starts no agent whose /ping does not answer 200 with a JSON"
                ' object as {"status": "Healthy"}',
                level=logging.WARNING,
            )


async def ping(microvm: MicroVM) -> Health:
    """Ask the agent's `/ping`."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    try:
        async with asyncio.timeout(_PING_SECONDS), microvm.connect() as (reader, writer):
            exchange = Exchange(reader, writer)
            await exchange.request("GET", "/ping", [("host", "localhost")], receive, 0)
            await exchange.head()
            body = b""
            async for piece in exchange.body():
                body += piece
                if len(body) > _LONGEST_ANSWER:
                    return Health(UNHEALTHY, None, "did not come to an end of its answer")
    except TimeoutError:
        return Health(UNHEALTHY, None, f"did not answer within {_PING_SECONDS:.0f} s")
    except (OSError, BrokenGuest, ClientGone) as error:
        return Health(UNHEALTHY, None, f"was not answered: {error}")
    if exchange.status != 200:
        return Health(UNHEALTHY, None, f"answered {exchange.status}")
    try:
        answer = json.loads(body)
        stamp = answer.get("time_of_last_update")
        changed = float(stamp) if isinstance(stamp, int | float) and not isinstance(stamp, bool) else None
        status = answer.get("status")
    except (AttributeError, ValueError, OverflowError, RecursionError):
        return Health(UNHEALTHY, None, "did not answer with a JSON object")
    if status not in (_HEALTHY, _BUSY):
        return Health(UNHEALTHY, None, f"answered with the status {str(status)[:50]!r}")
    return Health(status, changed, "answered 200")
