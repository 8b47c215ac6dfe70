"""`agentcore-emulator demo`: the scripted tour."""

from __future__ import annotations

import typer

__all__ = ["demo"]


def demo() -> None:
    """Watch the reference agent hold a conversation across sessions, remember, stream, and meet the quirks.

    Ends with status 1 if anything is not as told.
    """
    from rich.console import Console

    from agentcore_emulator.demo import tour
    from agentcore_emulator.demo.stage import NoReferenceAgentError

    try:
        status = tour.run(Console())
    except (NoReferenceAgentError, RuntimeError) as error:
        raise typer.TyperException(str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if status:
        raise typer.Exit(status)
