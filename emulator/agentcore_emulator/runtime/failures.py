"""What a client and what the log is told when an agent fails.

AWS discards what the agent said and points to CloudWatch; here the reason stands in the session's journal.
"""

from __future__ import annotations

import asyncio
import logging

from agentcore_emulator.errors import RuntimeClientError
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.session import Session, State

__all__ = ["MORE", "await_death", "failed", "reason"]

MORE = "Please check your CloudWatch logs for more information."

# A guest that dies closes its sockets a moment before its death is known.
_DEATH_NOTICE_SECONDS = 0.5


async def await_death(microvm: MicroVM) -> None:
    """Give the news of a microVM's death the time to arrive, if it has died."""
    await asyncio.wait((microvm.exited,), timeout=_DEATH_NOTICE_SECONDS)


async def reason(session: Session, microvm: MicroVM, failure: Exception) -> str:
    """Why the exchange with an agent broke off with `failure`."""
    if session.state is State.STOPPING and microvm.alive:
        return "the session was stopped"
    await await_death(microvm)
    return str(failure) if microvm.alive else f"its process {microvm.how_it_ended()}"


def failed(session: Session, why: str, message: str = f"Runtime client error. {MORE}") -> RuntimeClientError:
    """Log why beside what the agent printed, and give the error that tells a client nothing of it, as on AWS."""
    if session.microvm is not None:
        session.microvm.drain_log()
    session.journal.happened(f"424 RuntimeClientError: {why}", level=logging.ERROR)
    return RuntimeClientError(message)
