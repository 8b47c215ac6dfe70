"""The way to an agent in a session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.session import Invocation
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["reach"]


@contextlib.asynccontextmanager
async def reach(
    sessions: Sessions, clock: Clock, visit: Visit
) -> AsyncIterator[tuple[Invocation, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the agent in the session of a visit, which is started if need be, and in use within the block.

    Raises what `Sessions.get_or_start` does, and `RuntimeClientError` if the agent takes no connection.
    """
    for last_try in (False, True):
        session = await sessions.get_or_start(visit.key, visit.agent)
        with session.invocation(clock) as use:
            async with contextlib.AsyncExitStack() as stack:
                try:
                    reader, writer = await stack.enter_async_context(use.microvm.connect())
                except (ConnectionRefusedError, FileNotFoundError):
                    # Dead since the last call, and its death not yet known: nothing has reached the agent, so this
                    # call is the next one, which starts cold.
                    await failures.await_death(use.microvm)
                    if last_try or use.microvm.alive:
                        raise failures.failed(session, "its server does not accept connections") from None
                    continue
                yield use, reader, writer
                return
