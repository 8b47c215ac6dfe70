"""`agentcore-emulator start`: serves agents until it is told to stop."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import typer

from agentcore_emulator.cli import options, serving, state_file
from agentcore_emulator.config import Settings

if TYPE_CHECKING:
    from agentcore_emulator.project import AgentRuntime

__all__ = ["start"]


@options.with_settings
def start(ctx: typer.Context, settings: Settings) -> None:
    """Serve agents until Ctrl-C.

    Ctrl-C and SIGTERM end the emulator with all its agents within two seconds; that is no error, the status is 0.
    """
    runtimes = serving.agents(settings)
    serving.run(lambda: _serve(settings, runtimes))


async def _serve(settings: Settings, runtimes: list[AgentRuntime]) -> None:
    from rich.console import Console

    from agentcore_emulator.cli import banner

    serving_task = asyncio.current_task()
    assert serving_task is not None
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        # Only once: a second Ctrl-C must not cut the clean-up short.
        if not asked_to_stop.is_set():
            asked_to_stop.set()
            serving_task.cancel()

    loop = asyncio.get_running_loop()
    for number in serving.stop_signals():
        loop.add_signal_handler(number, stop)
    try:
        async with serving.started(settings, runtimes) as emulator:
            # An ephemeral emulator, as tests start them, must not come between `env` and the developer's own.
            with nullcontext() if settings.ephemeral else state_file.published(settings.state_dir, emulator.url):
                console = Console(highlight=False)
                banner.show(console, settings, runtimes, emulator.isolation, emulator.url, emulator.proxy_url)
                await emulator.serve()
    except asyncio.CancelledError:
        if not asked_to_stop.is_set():
            raise
    except state_file.NotWritableError as error:
        raise typer.TyperException(str(error)) from error
