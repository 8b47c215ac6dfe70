"""The way to a program of one's own in a session's microVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.microvm.execution import CannotExecute, Execution
from agentcore_emulator.runtime.session import Session

__all__ = ["execute"]


async def execute(
    session: Session, argv: Sequence[str], *, terminal: bool = False, environ: Mapping[str, str] = {}
) -> Execution | None:
    """Run a program in a session, as `MicroVM.execute`. None if its microVM has died, so that it must start anew.

    Raises `RuntimeClientError`, which tells the client why, for it is the client that has asked for the program.
    """
    assert session.microvm is not None, "a program in a session that is not provisioned"
    try:
        return await session.microvm.execute(argv, terminal=terminal, environ=environ)
    except CannotExecute as error:
        await failures.await_death(session.microvm)
        if not session.microvm.alive or not session.serves:
            return None
        why = f"{argv[0]} cannot be run in the session: {error}"
        raise failures.failed(session, why, f"Runtime client error. {why}") from None
