"""The microVM host for agents that are not Python: runs any executable that listens on `$PORT`.

There is no line to such a guest. That it serves is seen from outside: by its listening socket where the system tells
whose that is (Linux), elsewhere by its accepting a connection.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from agentcore_emulator.runtime.microvm import listeners
from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, MicroVM, MicroVMSpec
from agentcore_emulator.runtime.microvm.link import Link
from agentcore_emulator.runtime.microvm.process import SpawnedProcess
from agentcore_emulator.runtime.microvm.resources import LogPipe

__all__ = ["CommandHost"]

# Between two looks at whether a program serves, in seconds; each pause is longer than the one before.
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1


# Of the contract's ports, those that a session of this emulator has.
_held: set[int] = set()

# What programs have beside their code, and a session's copy of the project leaves out.
_DEPENDENCIES = ("node_modules", ".venv", "venv")


class _Port:
    """Where one guest listens."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def connect(self, _: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A fresh connection; `OSError` when the guest is gone."""
        return await asyncio.open_connection("127.0.0.1", self.number)


class CommandHost:
    """Starts the microVMs of one agent runtime, each as a process that runs `command`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)

    async def open(self) -> None:
        """Nothing is kept between sessions."""

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Start one; it may not be ready yet. Raises `BootFailure`."""
        await asyncio.to_thread(spec.make_folder)
        if not spec.isolated:
            await asyncio.to_thread(_link_dependencies, spec.project, spec.folder.work)
        order = spec.order()
        port = _Port(_free_port())
        taken = await _accepts(spec.port)
        log = LogPipe(spec.on_line)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv(order),
                env={**order["environ"], "PORT": str(port.number)},
                cwd=None if _launches() else order["folder"],
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log.write_end,
                stderr=log.write_end,
            )
        except OSError as error:
            log.close()
            raise BootFailure(f"{self._command[0]} cannot be run: {error.strerror}") from None
        finally:
            log.close_write_end()
        guest = SpawnedProcess(process, end_by=signal.SIGUSR1 if _launches() and not spec.isolated else None)
        link = Link(spec.on_finding)
        spec = replace(spec, environ={**spec.environ, "PORT": str(port.number)})
        microvm = MicroVM(guest, link=link, sockets=port, log=log, spec=spec)
        watching = asyncio.create_task(self._watch(microvm, port, spec.port, spec.on_line))
        guest.exited.add_done_callback(lambda _: watching.cancel())
        if taken:
            guest.exited.add_done_callback(functools.partial(self._blame, link, spec.port))
        return microvm

    def _blame(self, link: Link, contract: int, _: asyncio.Future[int]) -> None:
        if not link.serving.done() and link.failure is None:
            link.failure = (
                f"{self._command[0]} ended before it served, and port {contract} is taken, perhaps by another session"
                " of it; have it listen on $PORT"
            )

    async def close(self) -> None:
        """Nothing is kept between sessions."""

    def _argv(self, order: dict[str, object]) -> list[str]:
        if not _launches():
            return self._command
        launched = {
            "argv": self._command,
            "host": os.getpid(),
            **{name: order[name] for name in ("folder", "isolation", "limits")},
        }
        return [sys.executable, "-I", str(GUEST_FOLDER), "launch", json.dumps(launched)]

    async def _watch(self, microvm: MicroVM, port: _Port, contract: int, on_line: Callable[[str], None]) -> None:
        """Wait until the guest listens; then it serves."""
        link = microvm.link
        pause = _FIRST_PAUSE
        while port.number not in (found := await _listening(microvm.pid, port.number)):
            if contract in found:
                if contract in _held:  # Shared by several, by SO_REUSEPORT: each would get the others' calls.
                    link.failure = f"port {contract} is another session's; have the program listen on $PORT"
                    microvm.kill()
                    return
                _held.add(contract)
                microvm.exited.add_done_callback(lambda _: _held.discard(contract))
                port.number = contract
                on_line(
                    f"agentcore-emulator: the program listens on port {contract} and not on $PORT, so only one session"
                    " can run at a time; have it read $PORT"
                )
                break
            link.elsewhere[:] = sorted(found)[:10]
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        link.serving.set_result("tcp")


def _link_dependencies(project: Path, work: Path) -> None:
    """Have a session's copy of the project find the project's installed packages. Blocking."""
    for name in _DEPENDENCIES:
        if (project / name).is_dir():
            (work / name).symlink_to(project / name)


def _launches() -> bool:
    """Whether guests are started by way of `guest/launch.py`, which is made for Linux."""
    return sys.platform == "linux"


async def _listening(pid: int, port: int) -> set[int]:
    """The ports on which a process and its descendants listen; elsewhere than on Linux, `port` if anybody does."""
    if listeners.AVAILABLE:
        return await asyncio.to_thread(listeners.ports_of, pid)
    return {port} if await _accepts(port) else set()


async def _accepts(port: int) -> bool:
    """Whether anybody listens on a port of this machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
