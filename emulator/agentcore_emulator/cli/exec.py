"""`agentcore-emulator exec`: runs one command beside an emulator of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperCommand

from agentcore_emulator.cli import options, serving
from agentcore_emulator.config import Settings

if TYPE_CHECKING:
    from agentcore_emulator.project import AgentRuntime

__all__ = ["ExecCommand", "exec_command"]

# The statuses by which shells report a command that could not be run.
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127


class ExecCommand(TyperCommand):
    """A command line in two halves. Only what stands before `--` is ours; the other half is left in `ctx.args`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Split at the first `--`, which the parser would otherwise drop and so make COMMAND look like TARGET."""
        own, command = args, []
        if "--" in args:
            at = args.index("--")
            own, command = args[:at], args[at + 1 :]
        super().parse_args(ctx, own)
        ctx.args = command
        return command

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line, with the second half."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


@options.with_settings
def exec_command(ctx: typer.Context, settings: Settings) -> None:
    """Run a command beside an emulator of its own.

    COMMAND's AWS clients talk to an emulator that lives as long as COMMAND does. It takes a free port unless --port is
    given here. Ctrl-C goes to COMMAND. The exit status is COMMAND's own, or 128 plus the signal's number if a signal
    ended it.
    """
    if not ctx.args:
        raise typer.BadParameter("exec needs a command after --, as in `agentcore-emulator exec agent.py -- pytest`")
    if not options.given_on_command_line(ctx, "port"):
        settings = dataclasses.replace(settings, port=0)
    _check(ctx.args[0])
    runtimes = serving.agents(settings)
    raise typer.Exit(serving.run(lambda: _run(settings, runtimes, ctx.args)))


def _check(command: str) -> None:
    if shutil.which(command) is None:
        there = os.sep in command and Path(command).exists()
        what = f"{command!r} is not executable" if there else f"there is no command {command!r}"
        typer.echo(f"agentcore-emulator: {what}", err=True)
        raise typer.Exit(_NOT_EXECUTABLE if there else _NOT_FOUND)


async def _run(settings: Settings, runtimes: list[AgentRuntime], command: list[str]) -> int:
    from rich.console import Console

    from agentcore_emulator.cli import banner
    from agentcore_emulator.environment import command_environment

    this_task = asyncio.current_task()
    assert this_task is not None
    process: asyncio.subprocess.Process | None = None
    # A list from the moment the command may be running, although its process is not known yet.
    early_signals: list[int] | None = None
    ended_by: int | None = None

    def on_signal(number: int) -> None:
        nonlocal ended_by
        if process is None:
            if early_signals is not None:
                early_signals.append(number)
            elif ended_by is None:
                ended_by = number
                this_task.cancel()
        elif number != signal.SIGINT or not _terminal_signals_us():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    loop = asyncio.get_running_loop()
    for number in serving.stop_signals():
        loop.add_signal_handler(number, on_signal, number)
    try:
        async with serving.started(settings, runtimes) as emulator:
            banner.warn_if_public(Console(stderr=True, highlight=False), settings.host)
            environment = command_environment(emulator.info()["environment"], os.environ)
            early_signals = []
            try:
                process = await asyncio.create_subprocess_exec(*command, env=environment)
            except OSError as error:
                typer.echo(f"agentcore-emulator: {command[0]!r} cannot be run: {error.strerror}", err=True)
                return _NOT_EXECUTABLE
            for early in early_signals:
                on_signal(early)
            status = await process.wait()
    except asyncio.CancelledError:
        if ended_by is None:
            raise
        return 128 + ended_by
    return status if status >= 0 else 128 - status


def _terminal_signals_us() -> bool:
    """Whether a Ctrl-C has reached the command already, because a terminal sends it to the whole foreground group."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
