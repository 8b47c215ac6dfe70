"""Sessions: `(runtime, endpoint, session id)`, each with one microVM, from the first invocation to whatever ends it.

States and rules: AWS developer guide, "Use isolated sessions for agents" and "Configure lifecycle settings".
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, RetryableConflictException, RuntimeClientError
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.lifecycle import Lifecycle, PingRules
from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM
from agentcore_emulator.runtime.session import Session, SessionKey, State
from agentcore_emulator.runtime.versions import Version

__all__ = ["Sessions"]

_DELETED = "what it was called by is deleted"
_IN_PROGRESS = "Session operation in progress, please retry"

# As users report it. A failing import surfaces on AWS as this very message, its traceback in CloudWatch.
_TOO_SLOW = "Runtime initialization time exceeded. Please make sure that initialization completes in {:.0f}s."

# Observed: a stopped microVM is gone in less than 5 s.
STOP_GRACE_SECONDS = 5.0

# Sessions that have ended stay to be looked at, with what they printed.
_ENDED_KEPT = 100


class Sessions:
    """All sessions of an emulator. `busy_needs_time` and `moment` are as in `PingRules`."""

    def __init__(
        self,
        clock: Clock,
        *,
        debug: bool,
        busy_needs_time: bool = False,
        moment: Callable[[float], float] | None = None,
    ) -> None:
        self.ended: deque[Session] = deque(maxlen=_ENDED_KEPT)
        self._clock = clock
        self._debug = debug
        self._busy_needs_time = busy_needs_time
        self._moment = moment or clock.at
        self._sessions: dict[SessionKey, Session] = {}
        self._provisioning: set[asyncio.Task[Any]] = set()
        self._closing = False

    def __iter__(self) -> Iterator[Session]:
        """The sessions that are there now."""
        return iter(list(self._sessions.values()))

    async def get_or_start(self, key: SessionKey, agent: Agent) -> Session:
        """The live session of `key`, or a new one on the agent's current version, provisioned.

        Raises `RetryableConflictException` while it is being provisioned or torn down by another call or everything is
        coming to its end, and `RuntimeClientError` if the agent does not come up.
        """
        session = self._sessions.get(key)
        if session is not None:
            if not session.serves:
                raise RetryableConflictException(_IN_PROGRESS)
            return session
        if self._closing:
            raise RetryableConflictException(_IN_PROGRESS)
        if not agent.called_by(key.endpoint):
            raise _gone(key)
        version = agent.versions.current
        journal = Journal(f"[{agent.runtime.name} {key.session_id}]")
        session = Session(key, agent.runtime, journal, self._clock.time(), version.number)
        self._sessions[key] = session
        task = asyncio.current_task()
        assert task is not None
        self._provisioning.add(task)
        try:
            await self._provision(session, agent, version)
        except BootFailure as failure:
            journal.happened(f"did not start: {failure}", level=logging.ERROR)
            self._ended(session, f"did not start: {failure}")
            raise RuntimeClientError(_TOO_SLOW.format(agent.runtime.start_up_seconds)) from None
        except BaseException:
            self._ended(session, "its first call was cancelled")
            raise
        finally:
            self._provisioning.discard(task)
        if not agent.called_by(key.endpoint):
            await asyncio.shield(self._end(session, _DELETED, 0))
            raise _gone(key)
        return session

    async def stop(self, key: SessionKey, reason: str, *, grace: float = STOP_GRACE_SECONDS) -> None:
        """End a session and wait until nothing of it is left.

        Raises `ResourceNotFoundException` if there is none, `RetryableConflictException` if it is under way already.
        """
        session = self._sessions.get(key)
        if session is None:
            raise ResourceNotFoundException(f"Session {key.session_id} was not found or has already ended")
        if not session.serves:
            raise RetryableConflictException(_IN_PROGRESS)
        await asyncio.shield(self._end(session, reason, grace))

    async def end_all(self, runtime_id: str, *, endpoint: str | None = None, version: int | None = None) -> None:
        """End the sessions of a runtime that is deleted, or only those of an endpoint or of a version that is.

        Those that are being provisioned end as soon as they are, if their agent has been told to `leave`.
        """
        ending = [
            self._end(session, _DELETED, STOP_GRACE_SECONDS)
            for session in self
            if session.serves
            and session.key.runtime_id == runtime_id
            and endpoint in (None, session.key.endpoint)
            and version in (None, session.version)
        ]
        await asyncio.gather(*ending)

    async def close(self, *, grace: float) -> None:
        """End all sessions at once; calls for which one is being provisioned are cancelled."""
        self._closing = True
        provisioning = list(self._provisioning)
        for task in provisioning:
            task.cancel()
        ending: list[Awaitable[None]] = []
        for session in self:
            if session.serves:
                ending.append(self._end(session, "the emulator stops", grace))
            elif session.microvm is not None:  # It is being stopped, with more grace than there is now.
                ending.append(session.microvm.stop(grace))
        await asyncio.gather(*provisioning, *ending, return_exceptions=True)

    async def _provision(self, session: Session, agent: Agent, version: Version) -> None:
        microvm: MicroVM | None = None
        try:
            microvm = await agent.start(version, session.journal, session.key.session_id)
            await self._ready(microvm, agent)
        except BaseException:
            if microvm is not None:
                await microvm.stop(0)
            raise
        session.microvm = microvm
        session.state = State.IDLE
        microvm.drain_log()
        session.journal.happened(f"started, pid {microvm.pid}")
        microvm.exited.add_done_callback(lambda _: self._on_death(session))
        if not self._debug:
            rules = PingRules(agent.runtime.protocol != "MCP", self._busy_needs_time, self._moment)
            session.lifecycle = Lifecycle(session, self._clock, self._expire, rules)

    async def _ready(self, microvm: MicroVM, agent: Agent) -> None:
        ready = asyncio.create_task(microvm.ready())
        late = asyncio.Event()
        too_late = asyncio.create_task(late.wait())
        limit = agent.runtime.start_up_seconds
        timer = None if self._debug else self._clock.call_later(limit, late.set)
        try:
            await asyncio.wait((ready, too_late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            too_late.cancel()
            if timer is not None:
                timer.cancel()
        if not ready.done():
            raise BootFailure(_no_server(microvm, agent.port, limit))
        await ready

    def _expire(self, session: Session, reason: str) -> None:
        if session.serves:
            self._end(session, reason, STOP_GRACE_SECONDS)

    def _on_death(self, session: Session) -> None:
        if not session.serves or session.microvm is None:
            return
        session.microvm.drain_log()
        reason = f"its process {session.microvm.how_it_ended()}"
        session.journal.happened(f"ended: {reason}; the next call starts cold", level=logging.ERROR)
        # A next call must not meet this session any more, whatever is still to be cleared away.
        self._ended(session, reason)
        self._clock.in_background(session.microvm.release())

    def _end(self, session: Session, reason: str, grace: float) -> asyncio.Task[None]:
        """From now on the session takes no calls; the task is done when nothing of it is left."""
        assert session.microvm is not None
        session.state = State.STOPPING
        session.reason, session.ended = reason, self._clock.time()
        session.microvm.drain_log()
        session.journal.happened(f"stopping: {reason}")
        session.microvm.sever()
        if session.lifecycle is not None:
            session.lifecycle.cancel()
        return self._clock.in_background(self._tear_down(session, session.microvm, grace))

    async def _tear_down(self, session: Session, microvm: MicroVM, grace: float) -> None:
        try:
            await microvm.stop(grace)
        finally:
            self._ended(session)

    def _ended(self, session: Session, reason: str | None = None) -> None:
        if session.lifecycle is not None:
            session.lifecycle.cancel()
        session.state = State.STOPPED
        if reason is not None:
            session.reason, session.ended = reason, self._clock.time()
        self._sessions.pop(session.key, None)
        self.ended.append(session)


def _gone(key: SessionKey) -> ResourceNotFoundException:
    return ResourceNotFoundException(
        f"No endpoint or agent runtime found with qualifier {key.endpoint} for agent {key.runtime_id}"
    )


def _no_server(microvm: MicroVM, port: int, limit: float) -> str:
    """Why a microVM that lives does not serve."""
    if microvm.link.elsewhere:
        ports = ", ".join(map(str, microvm.link.elsewhere))
        return f"the agent listens on port {ports}, but AgentCore speaks to port {port}; serve there"
    return f"nothing listened on port {port} within {limit:.0f} s; call app.run() at the end of the file"
