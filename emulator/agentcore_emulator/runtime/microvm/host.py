"""The seam between sessions and what carries them: `MicroVMHost.start(spec) -> MicroVM`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agentcore_emulator import guest
from agentcore_emulator.runtime.microvm.execution import CannotExecute, Execution
from agentcore_emulator.runtime.microvm.link import Finding, Link
from agentcore_emulator.runtime.microvm.resources import LogPipe, SessionFolder

__all__ = [
    "GUEST_FOLDER",
    "BootFailure",
    "GuestProcess",
    "MicroVM",
    "MicroVMHost",
    "MicroVMSpec",
    "Storage",
    "how_it_ended",
]


GUEST_FOLDER = Path(guest.__file__).parent
"""The program that every guest runs."""

STORAGE_VARIABLE = "AGENTCORE_EMULATOR_SESSION_STORAGE"
"""Tells a guest where its session storage is, which is not below /mnt where guests are not isolated."""

TMP = Path("/tmp")  # noqa: S108 - the session's own


class BootFailure(Exception):
    """A microVM that will never serve; the text says why in one sentence."""


@dataclass(frozen=True)
class Storage:
    """A session's storage: the folder that holds it, and where an isolated guest has it."""

    folder: Path
    mount_point: Path


@dataclass(frozen=True, kw_only=True)
class MicroVMSpec:
    """What one microVM runs.

    `environ` is the guest's whole environment, but for HOME and TMPDIR, which the host adds; `port` is the port of the
    protocol's contract; `quirks` maps each quirk to its level; `terminal` is the device for `breakpoint()`, if any.
    An isolated guest sees nothing in the folders `hidden`, and the folders `kept` wherever they lie. `storage` outlives
    it. It begins with the files of `like`. `limited` ones have what a microVM has of processors and memory; `time` is
    as `guest.guest_time.follow` takes it.
    """

    entrypoint: Path
    project: Path
    environ: Mapping[str, str]
    port: int
    quirks: Mapping[str, str]
    folder: SessionFolder
    on_line: Callable[[str], None]
    on_finding: Callable[[Finding], None]
    terminal: str | None = None
    isolated: bool = False
    hidden: Sequence[Path] = ()
    kept: Sequence[Path] = ()
    storage: Storage | None = None
    like: SessionFolder | None = None
    limited: bool = False
    time: Mapping[str, Any] | None = None

    def make_folder(self) -> None:
        """Create the session's folders. Blocking."""
        if self.storage is not None:
            self.storage.folder.mkdir(parents=True, exist_ok=True)
        self.folder.make(self.project, isolated=self.isolated, like=self.like)

    def order(self) -> dict[str, Any]:
        """The `spec` that `guest/boot.py` takes."""
        work = self.project if self.isolated else self.folder.work
        home = _home(self.environ) if self.isolated else self.folder.home
        own = {"PWD": str(work), "TMPDIR": str(TMP if self.isolated else self.folder.tmp), "HOME": str(home or TMP)}
        if self.storage is not None:
            own[STORAGE_VARIABLE] = str(self.storage.mount_point if self.isolated else self.storage.folder)
        return {
            "entrypoint": str(self.entrypoint),
            "project": str(self.project),
            "folder": str(work),
            "environ": {**self.environ, **own},
            "port": self.port,
            "quirks": dict(self.quirks),
            "terminal": self.terminal,
            "limits": self.limited,
            "time": self.time,
            "isolation": self._plan(home) if self.isolated else None,
        }

    def _plan(self, home: Path | None) -> dict[str, Any]:
        """The members of `guest.namespaces.Plan`."""
        storage = self.storage
        hidden = list(self.hidden)
        if home is not None and home.is_relative_to(self.project):
            hidden.append(home / ".aws")  # Such a HOME is seen with the project, which it lies in or is.
        return {
            "project": str(self.project),
            "layers": [str(self.like.upper)] if self.like else [],
            "upper": str(self.folder.upper),
            "scratch": str(self.folder.scratch),
            "home": str(self.folder.home),
            "home_path": str(home or ""),
            "tmp": str(self.folder.tmp),
            "hidden": [str(folder) for folder in hidden],
            "kept": [*map(str, self.kept), *_programs(self.environ)],
            "storage": [str(storage.mount_point), str(storage.folder)] if storage else None,
        }


def _home(environ: Mapping[str, str]) -> Path | None:
    """The folder that an isolated guest's HOME covers: the developer's own."""
    home = Path(environ.get("HOME") or Path.home()).resolve()
    return home if home.is_absolute() and home.is_dir() and home not in TMP.parents and home != TMP else None


def _programs(environ: Mapping[str, str]) -> list[str]:
    """The folders that PATH names, and with `…/bin` what is installed beside it."""
    home = Path(environ.get("HOME") or "/")
    found = []
    for folder in map(Path, environ.get("PATH", "").split(os.pathsep)):
        if folder.is_absolute():
            beside = folder.name == "bin" and folder.parent not in (home, *home.parents)
            found.append(str(folder.parent if beside else folder))
    return found


def how_it_ended(status: int) -> str:
    """`exited with status 1`, `was killed by SIGKILL`, for an exit code that is negative for a signal."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"exited with status {status}"


class GuestProcess(Protocol):
    """The process of one guest."""

    pid: int
    pidfd: int | None
    """By which the guest is known for as long as it lives; None where the system has no such thing."""
    exited: asyncio.Future[int]
    """The status as of `os.waitpid`, once the guest and all that it left behind are gone."""

    def send_signal(self, number: int) -> None:
        """Signal the guest alone; nothing happens if it is dead."""

    def heeds_sigterm(self) -> bool:
        """Whether SIGTERM has any effect: process 1 of a namespace is spared what it does not handle."""

    def kill(self) -> None:
        """End the guest at once, and whatever it started."""


class Listener(Protocol):
    """Where a guest's server listens."""

    async def connect(self, kind: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A fresh connection; `kind` is what the guest says that it serves on. `OSError` when the guest is gone."""


class MicroVM:
    """One running guest: an address to connect to, whether it is ready, whether it lives, and how to stop it.

    `severed` tells that it is being ended on purpose.
    """

    def __init__(
        self,
        process: GuestProcess,
        *,
        link: Link,
        sockets: Listener,
        log: LogPipe,
        spec: MicroVMSpec,
        on_answered: Callable[[MicroVM], None] | None = None,
    ) -> None:
        self.link = link
        self._process = process
        self._sockets = sockets
        self._log = log
        self._spec = spec
        self._on_answered = on_answered
        self._connections: set[asyncio.StreamWriter] = set()
        self._executions: set[Execution] = set()
        self.severed = False

    @property
    def pid(self) -> int:
        """The guest's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the guest's process still runs."""
        return not self._process.exited.done()

    @property
    def exited(self) -> asyncio.Future[int]:
        """Done when the guest is gone."""
        return self._process.exited

    def how_it_ended(self) -> str:
        """`exited with status 1`, `was killed by SIGKILL`."""
        return how_it_ended(self._process.exited.result())

    async def ready(self) -> None:
        """Wait until the agent serves; raise `BootFailure` if it ends before."""
        await asyncio.wait((self.link.serving, self._process.exited), return_when=asyncio.FIRST_COMPLETED)
        if self.link.serving.done() and not self.link.serving.cancelled():
            return
        await asyncio.wait((self._process.exited,))
        self.drain_log()
        raise BootFailure(self.link.failure or f"the agent's process {self.how_it_ended()} before it served")

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A fresh connection to the agent's server, closed at the end of the block; `OSError` if the guest is gone.

        One per request: uvicorn drops idle ones after 5 s, a re-used one that dies would look like a failing agent,
        and a fresh one costs less than a tenth of a millisecond.
        """
        if not self.alive:
            raise ConnectionRefusedError("the guest has ended")  # Somebody else may have its port by now.
        reader, writer = await self._sockets.connect(self.link.serving.result())
        self._connections.add(writer)
        try:
            yield reader, writer
        finally:
            self._connections.discard(writer)
            writer.close()

    async def execute(
        self, argv: Sequence[str], *, terminal: bool = False, environ: Mapping[str, str] = {}
    ) -> Execution:
        """Run a program beside the agent, in the session's folder and with the agent's environment and `environ`.

        Whatever it leaves behind lives on in the microVM, and no longer. Linux only. Raises `CannotExecute`.
        """
        if self.severed or not self.alive:
            raise CannotExecute("its microVM has ended")
        order = self._spec.order()
        isolated = self._spec.isolated
        execution = Execution(terminal=terminal)
        self._executions.add(execution)
        execution.gone.add_done_callback(lambda _: self._executions.discard(execution))
        await execution.start(
            [sys.executable, "-IS", str(GUEST_FOLDER), "execute"],
            {**order["environ"], **environ},
            {
                "argv": list(argv),
                "folder": order["folder"],
                "limits": order["limits"],
                "guest": self.pid if isolated else None,
            },
            self._process.pidfd if isolated else None,
        )
        return execution

    def sever(self) -> None:
        """Cut every connection to the agent, and end what runs beside it: no answer in flight outlives the session."""
        self.severed = True
        for writer in self._connections:
            writer.transport.abort()
        for execution in self._executions:
            execution.sever()

    def kill(self) -> None:
        """End the guest as a crash does, by SIGKILL; `exited` tells when it is gone."""
        self._process.kill()

    def answered(self) -> None:
        """To be called when the agent has answered: a host may learn from what the guest has loaded by now."""
        if self._on_answered is not None:
            callback, self._on_answered = self._on_answered, None
            callback(self)

    def drain_log(self) -> None:
        """Bring what the guest has printed into the log now."""
        self._log.drain()

    async def stop(self, grace: float) -> None:
        """SIGTERM, then after `grace` seconds SIGKILL; returns when nothing of the guest is left."""
        if not self._process.heeds_sigterm():
            grace = 0
        self._process.send_signal(signal.SIGTERM)
        # The grace is real time, not the emulator's: it is the guest's process that needs it.
        done, _ = await asyncio.wait((self._process.exited,), timeout=grace)
        if not done:
            self._process.kill()
            await asyncio.wait((self._process.exited,))
        await self.release()

    async def release(self) -> None:
        """Give back what the guest had; it must be gone."""
        await asyncio.gather(*(execution.end() for execution in list(self._executions)))
        self.link.close()
        self._log.drain()
        self._log.close()
        await asyncio.to_thread(self._spec.folder.remove)


class MicroVMHost(Protocol):
    """Starts microVMs for one agent runtime."""

    async def open(self) -> None:
        """Get ready to start microVMs; raise `BootFailure` if the agent cannot run here."""

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Start one; it may not be ready yet. Raises `BootFailure`; the folder is then its caller's to remove."""

    async def close(self) -> None:
        """End what the host itself keeps; its microVMs must be stopped before."""
