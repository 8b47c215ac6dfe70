"""The way to a program of the caller's in a session."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.microvm.execution import CannotExecute
from agentcore_emulator.runtime.session import Invocation
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["executing"]

_Program = TypeVar("_Program")


@contextlib.asynccontextmanager
async def executing(
    sessions: Sessions, clock: Clock, visit: Visit, start: Callable[[Invocation], Awaitable[_Program]]
) -> AsyncIterator[tuple[Invocation, _Program]]:
    """What `start` starts in the session of a visit, which is started if need be, and in use within the block.

    Raises what `Sessions.get_or_start` and `start` do; `CannotExecute` becomes a `RuntimeClientError` that tells the
    client why, for it is the client that has asked for the program.
    """
    for last_try in (False, True):
        session = await sessions.get_or_start(visit.key, visit.agent)
        with session.invocation(clock) as use:
            try:
                program = await start(use)
            except CannotExecute as error:
                # As in `reach`: a microVM that has died since the last call, unnoticed.
                await failures.await_death(use.microvm)
                if last_try or (use.microvm.alive and session.serves):
                    why = f"bash does not run in the session: {error}"
                    raise failures.failed(session, why, f"Runtime client error. {why[0].upper()}{why[1:]}") from None
                continue
            yield use, program
            return
