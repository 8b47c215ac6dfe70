"""An emulator in the test's own process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator.testing.admin import EmulatorError
from agentcore_emulator.testing.running import RunningEmulator

if TYPE_CHECKING:
    from agentcore_emulator.config import Settings

__all__ = ["EmulatorThread"]


class EmulatorThread(RunningEmulator):
    """`agentcore-emulator start TARGET OPTIONS` on an event loop of a thread of this process.

    It starts faster than a process of its own and leaves signals alone; several at once do not meet. What it logs goes
    to the loggers below `agentcore_emulator`, so pytest shows warnings and errors beside a test that fails.
    """

    def __init__(self, target: str | Path, *options: str) -> None:
        super().__init__(target, *options)
        self._stack = ExitStack()

    def stop(self) -> None:
        """End it with all its sessions; a second call does nothing."""
        self._stack.close()

    def _start(self) -> str:
        # A test that runs none is not to wait for the server's imports.
        from anyio.from_thread import start_blocking_portal

        from agentcore_emulator.cli import parse
        from agentcore_emulator.config import ProjectError
        from agentcore_emulator.server import StartError

        try:
            settings = parse(self._arguments)
            with ExitStack() as stack:
                options = {"use_uvloop": sys.platform != "win32"}
                portal = stack.enter_context(start_blocking_portal("asyncio", options, name="agentcore-emulator"))
                url = stack.enter_context(portal.wrap_async_context_manager(_running(settings)))
                self._stack = stack.pop_all()
        except (ProjectError, StartError, ValueError) as error:
            raise EmulatorError(str(error)) from None
        return url


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[str]:
    from agentcore_emulator import project
    from agentcore_emulator.server import Emulator

    emulator = Emulator(settings, project.load(settings))
    await emulator.start()
    try:
        yield emulator.url
    finally:
        await emulator.stop()
