"""A guest that is a process of its own from the start, and leads a process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

__all__ = ["SpawnedProcess"]


class SpawnedProcess:
    """One such process. `end_by` is the signal by which it ends itself and all that it has started, if it can."""

    def __init__(self, process: asyncio.subprocess.Process, *, end_by: int | None = None) -> None:
        self.pid = process.pid
        self.pidfd: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(ProcessLookupError):  # It has ended by now.
                self.pidfd = os.pidfd_open(process.pid)
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process
        self._end_by = end_by
        self._waiting = asyncio.create_task(self._wait())

    def send_signal(self, number: int) -> None:
        """Signal the guest alone; nothing happens if it is dead."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def heeds_sigterm(self) -> bool:
        """What is no process 1 does."""
        return True

    def kill(self) -> None:
        """End the guest at once, and whatever it started."""
        if self._end_by is not None:
            self.send_signal(self._end_by)
        else:
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _wait(self) -> None:
        status = await self._process.wait()
        self._kill_group()
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None
        self.exited.set_result(status)
