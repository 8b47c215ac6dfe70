"""Sessions: `(runtime, endpoint, session id)`, each with one microVM, from the first invocation to whatever ends it.

States and rules: AWS developer guide, "Use isolated sessions for agents" and "Configure lifecycle settings".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ResourceNotFoundException, RetryableConflictException, RuntimeClientError
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.lifecycle import watch
from agentcore_emulator.runtime.microvm.host import BootFailure, MicroVM
from agentcore_emulator.runtime.session import Session, SessionKey, State

__all__ = ["Sessions"]

_IN_PROGRESS = "Session operation in progress, please retry"

# An agent from a container image has 120 s to serve, one from a zip 30 s; what runs here is laid out as the latter.
# (AWS developer guide, "Troubleshoot AgentCore Runtime"; the message is as users report it.)
START_UP_SECONDS = 30.0
_TOO_SLOW = "Runtime initialization time exceeded. Please make sure that initialization completes in 30s."

# Observed: a stopped microVM is gone in less than 5 s.
STOP_GRACE_SECONDS = 5.0


class Sessions:
    """All sessions of an emulator."""

    def __init__(self, clock: Clock, *, debug: bool) -> None:
        self._clock = clock
        self._debug = debug
        self._sessions: dict[SessionKey, Session] = {}
        self._provisioning: set[asyncio.Task[Any]] = set()
        self._closing = False

    def __iter__(self) -> Iterator[Session]:
        """The sessions that are there now."""
        return iter(list(self._sessions.values()))

    async def get_or_start(self, key: SessionKey, agent: Agent) -> Session:
        """The live session of `key`, or a new one, provisioned.

        Raises `RetryableConflictException` while it is being provisioned or torn down by another call or everything is
        coming to its end, and `RuntimeClientError` if the agent does not come up.
        """
        session = self._sessions.get(key)
        if session is not None:
            if session.state in (State.PROVISIONING, State.STOPPING):
                raise RetryableConflictException(_IN_PROGRESS)
            return session
        if self._closing:
            raise RetryableConflictException(_IN_PROGRESS)
        session = Session(key, agent.runtime, Journal(f"[{agent.runtime.name} {key.session_id}]"), self._clock.time())
        self._sessions[key] = session
        task = asyncio.current_task()
        assert task is not None
        self._provisioning.add(task)
        try:
            await self._provision(session, agent)
        except BaseException:
            self._sessions.pop(key, None)
            raise
        finally:
            self._provisioning.discard(task)
        return session

    async def stop(self, key: SessionKey, reason: str, *, grace: float = STOP_GRACE_SECONDS) -> None:
        """End a session and wait until nothing of it is left.

        Raises `ResourceNotFoundException` if there is none, `RetryableConflictException` if it is under way already.
        """
        session = self._sessions.get(key)
        if session is None:
            raise ResourceNotFoundException(f"Session {key.session_id} was not found or has already ended")
        if session.state in (State.PROVISIONING, State.STOPPING):
            raise RetryableConflictException(_IN_PROGRESS)
        await self._end(session, reason, grace)

    async def close(self, *, grace: float) -> None:
        """End all sessions at once; calls for which one is being provisioned are cancelled."""
        self._closing = True
        provisioning = list(self._provisioning)
        for task in provisioning:
            task.cancel()
        ending = []
        for session in self:
            if session.state in (State.ACTIVE, State.IDLE):
                ending.append(self._end(session, "the emulator stops", grace))
            elif session.microvm is not None:  # It is being stopped, with more grace than there is now.
                ending.append(session.microvm.stop(grace))
        await asyncio.gather(*provisioning, *ending, return_exceptions=True)

    async def _provision(self, session: Session, agent: Agent) -> None:
        microvm: MicroVM | None = None
        try:
            microvm = await agent.start(session.key.session_id, session.journal)
            await self._ready(microvm, agent.port)
        except BootFailure as failure:
            session.journal.happened(f"did not start: {failure}", level=logging.ERROR)
            if microvm is not None:
                await microvm.stop(0)
            # A failing import surfaces on AWS as this very message, its traceback in CloudWatch.
            raise RuntimeClientError(_TOO_SLOW) from None
        except BaseException:
            if microvm is not None:
                await microvm.stop(0)
            raise
        session.microvm = microvm
        session.state = State.IDLE
        session.idle.set()
        microvm.drain_log()
        session.journal.happened(f"started, pid {microvm.pid}")
        microvm.exited.add_done_callback(lambda _: self._on_death(session))
        if not self._debug:
            session.watch = asyncio.create_task(watch(session, self._clock, self._expire))

    async def _ready(self, microvm: MicroVM, port: int) -> None:
        ready = asyncio.create_task(microvm.ready())
        waits = [ready] if self._debug else [ready, asyncio.create_task(self._clock.sleep(START_UP_SECONDS))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not ready.done():
            raise BootFailure(_no_server(microvm, port))
        await ready

    async def _expire(self, session: Session, reason: str) -> None:
        if session.state in (State.ACTIVE, State.IDLE):
            await self._end(session, reason, STOP_GRACE_SECONDS)

    def _on_death(self, session: Session) -> None:
        if session.state is State.STOPPING or session.microvm is None:
            return
        session.state = State.STOPPING
        session.microvm.drain_log()
        session.journal.happened(
            f"ended: its process {session.microvm.how_it_ended()}; the next call starts cold", level=logging.ERROR
        )
        # A next call must not meet this session any more, whatever is still to be cleared away.
        self._sessions.pop(session.key, None)
        if session.watch is not None:
            session.watch.cancel()
        session.watch = asyncio.create_task(session.microvm.release())

    async def _end(self, session: Session, reason: str, grace: float) -> None:
        assert session.microvm is not None
        session.state = State.STOPPING
        session.microvm.drain_log()
        session.journal.happened(f"stopping: {reason}")
        session.microvm.sever()
        if session.watch is not None and session.watch is not asyncio.current_task():
            session.watch.cancel()
        await session.microvm.stop(grace)
        self._sessions.pop(session.key, None)


def _no_server(microvm: MicroVM, port: int) -> str:
    """Why a microVM that lives does not serve."""
    if microvm.link.elsewhere:
        ports = ", ".join(map(str, microvm.link.elsewhere))
        return f"the agent listens on port {ports}, but AgentCore speaks to port {port}; serve there"
    return f"nothing listened on port {port} within {START_UP_SECONDS:.0f} s; call app.run() at the end of the file"
