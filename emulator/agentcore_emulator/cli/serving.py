"""Runs an emulator inside this process for as long as a command needs it."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from agentcore_emulator.config import Settings

if TYPE_CHECKING:
    from agentcore_emulator.project import AgentRuntime
    from agentcore_emulator.server import Emulator

__all__ = ["agents", "run", "started", "stop_signals"]

T = TypeVar("T")

_DESCRIPTORS = 16_384


def agents(settings: Settings) -> list[AgentRuntime]:
    """The agents to serve. What is wrong with the project becomes an error of the command line."""
    from agentcore_emulator.project import ProjectError, load

    try:
        return load(settings)
    except ProjectError as error:
        raise typer.TyperException(str(error)) from error


@asynccontextmanager
async def started(settings: Settings, runtimes: list[AgentRuntime]) -> AsyncIterator[Emulator]:
    """A started emulator, stopped on leaving. What keeps it from starting becomes an error of the command line."""
    from agentcore_emulator.server import Emulator, StartError

    emulator = Emulator(settings, runtimes)
    try:
        await emulator.start()
    except StartError as error:
        raise typer.TyperException(str(error)) from error
    # What is loaded now stays, and to walk through it would take the collector 50 ms in which nobody is served.
    gc.freeze()
    try:
        yield emulator
    finally:
        await emulator.stop()


def stop_signals() -> list[signal.Signals]:
    """The signals that end a command. Under nohup, which ignores SIGHUP, the terminal's end is none of them."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` on an event loop of its own.

    The emulator's log goes to stderr, which leaves stdout to the banner, or to the command that `exec` runs.
    """
    import uvloop

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format())
    logger = logging.getLogger("agentcore_emulator")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    _allow_many_sessions()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def _allow_many_sessions() -> None:
    """Each session takes three descriptors of this process, and the usual limit of 1,024 is a soft one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class _Format(logging.Formatter):
    """The level is worth its space only where something is wrong: most lines are what agents print."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno < logging.WARNING else f"{record.levelname}: {text}"
