"""The host's handle on one zygote process (`guest/zygote.py`), and on the guests forked from it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import uuid
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentcore_emulator.guest import channel
from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, how_it_ended
from agentcore_emulator.runtime.microvm.resources import LogPipe

__all__ = ["ForkedProcess", "Trap", "Zygote"]

_MARK = "AGENTCORE_EMULATOR_ZYGOTE"
"""In a zygote's own environment, by which its descendants are known as long as they have not started a program."""


# Killing and reaping what it has left takes a zygote milliseconds; one that is stopped (SIGSTOP) never gets to it.
_HANG_UP_SECONDS = 1.0


class Trap(NamedTuple):
    """What the agent does before its snapshot is taken that every session will share: its kind, place, and remedy."""

    kind: str
    place: str
    what: str
    remedy: str


class ForkedProcess:
    """A guest forked from a zygote, held by a pidfd, so that a signal never meets a stranger with a re-used number."""

    def __init__(self, pidfd: int, *, is_init: bool) -> None:
        self.pid = _pid(pidfd)
        self._is_init = is_init
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pidfd: int | None = pidfd

    def send_signal(self, number: int) -> None:
        """Signal the guest alone; nothing happens if it is dead."""
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def heeds_sigterm(self) -> bool:
        """Whether SIGTERM has any effect: process 1 of a namespace is spared what it does not handle."""
        if not self._is_init or self.exited.done():
            return True
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return True
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
        return bool(int(caught.split()[1], 16) >> signal.SIGTERM - 1 & 1)

    def kill(self) -> None:
        """End the guest; its zygote ends whatever it started."""
        self.send_signal(signal.SIGKILL)

    def end(self, status: int) -> None:
        """The guest is gone, with this status of `os.waitpid` turned into an exit code (negative for a signal)."""
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None
            self.exited.set_result(status)


class Zygote:
    """One zygote process. `boot`, then `fork` per session, then `close` when its last guest is gone."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        line: socket.socket,
        log: LogPipe,
        said: deque[str],
        mark: str,
        isolated: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.elsewhere: list[int] = []
        self._isolated = isolated
        self._ripe: asyncio.Future[str | None] | None = None
        self._on_trap: Callable[[Trap], None] | None = None
        self.guests: dict[int, ForkedProcess] = {}
        self.alive = True
        self._process = process
        self._line = line
        self._log = log
        self._said = said
        self._mark = f"{_MARK}={mark}".encode()
        self._folders: dict[int, bytes] = {}
        self._wanted = 0
        self._count = 0
        self._problem: asyncio.Future[str | None] = loop.create_future()
        self._ready: asyncio.Future[str | None] = loop.create_future()
        self._order = asyncio.Lock()
        self._forks: dict[int, asyncio.Future[ForkedProcess]] = {}
        self._retiring = False
        self._clearing: asyncio.Task[None] | None = None
        loop.add_reader(line.fileno(), self._on_packet)

    @classmethod
    async def boot(
        cls,
        python: Path,
        environ: Mapping[str, str],
        entrypoint: Path,
        folders: Sequence[Path],
        preimport: Path | None,
        *,
        isolated: bool,
    ) -> Zygote:
        """Start one with the agent's interpreter.

        Raises `BootFailure` when the interpreter cannot be started, is too old, or lacks what the entry file imports.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said: deque[str] = deque(maxlen=3)
        log = LogPipe(said.append)
        mark = uuid.uuid4().hex
        argument = f"{theirs.fileno()},{'namespaces' if isolated else 'plain'}"
        try:
            # -u: what an agent prints is in the log when it is printed, as the toolkit's images have it.
            process = subprocess.Popen(  # noqa: ASYNC220 - fork and exec take a millisecond, and waiting is not done here
                [str(python), "-u", str(GUEST_FOLDER), "zygote", argument],
                env={**environ, _MARK: mark},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log.write_end,
                stderr=log.write_end,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            log.close()
            raise BootFailure(
                f"{python} cannot be started as the agent's interpreter: {error.strerror}; choose another with --python"
            ) from None
        finally:
            theirs.close()
            log.close_write_end()
        zygote = cls(process, ours, log, said, mark, isolated)
        try:
            with contextlib.suppress(OSError):  # Dead already; the end of the line tells what it has said.
                channel.send(
                    ours,
                    {
                        "prepare": {
                            "entrypoint": str(entrypoint),
                            "folders": [str(folder) for folder in folders],
                            "preimport": str(preimport) if preimport else None,
                        }
                    },
                )
            problem = await zygote._problem
            if problem is not None:
                raise BootFailure(problem)
        except BaseException:
            await zygote.close()
            raise
        return zygote

    async def warm(self) -> str | None:
        """Wait until the imports are done; return the module that started a thread, which makes forking unsafe."""
        return await asyncio.shield(self._ready)

    async def ripen(self, spec: Mapping[str, Any], log: int, on_trap: Callable[[Trap], None]) -> str | None:
        """Have the zygote run the agent of `spec`, which prints into `log`, up to where its server would listen.

        Returns why no session can be restored from there, None if it can. Raises `BootFailure` if it does not get
        there. What the agent does on its way that a snapshot makes a trap is reported.
        """
        self._on_trap = on_trap
        self._ripe = asyncio.get_running_loop().create_future()
        self._tell({"ripen": dict(spec)}, [log])
        return await asyncio.shield(self._ripe)

    async def run_on(self, seconds: float, modules: Sequence[str] = ()) -> str | None:
        """Have a ripe zygote import `modules`, and go on with what it has under way; returns as `ripen` does."""
        self._ripe = asyncio.get_running_loop().create_future()
        self._tell({"run_on": seconds, "import": list(modules)})
        return await asyncio.shield(self._ripe)

    def _tell(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        try:
            channel.send(self._line, dict(message), descriptors)
        except OSError as error:
            raise BootFailure(f"the zygote cannot be told what to do: {error.strerror}") from None

    async def fork(self, spec: Mapping[str, Any], descriptors: Sequence[int]) -> ForkedProcess:
        """A guest that runs `spec` with its own copies of `descriptors`.

        Raises `BootFailure` if there is no room for one, or the zygote dies over it.
        """
        self._wanted += 1
        try:
            return await self._fork(spec, descriptors)
        finally:
            self._wanted -= 1
            self._end_if_retired()

    async def _fork(self, spec: Mapping[str, Any], descriptors: Sequence[int]) -> ForkedProcess:
        await self.warm()
        # One after the other, as the zygote works anyway: with more orders than a socket holds, this end would block
        # in sending one, and the zygote in telling of those that it has carried out.
        async with self._order:
            self._count += 1
            number = self._count
            forked: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
            self._forks[number] = forked
            self._folders[number] = os.fsencode(Path(spec["folder"]).parent) + b"/"
            try:
                self._tell({"fork": number, "spec": spec}, descriptors)
            except BootFailure:
                del self._forks[number], self._folders[number]
                raise
            try:
                return await forked
            except BootFailure:
                # The folder may go to a guest of another zygote, which has nothing to do with the end of this one.
                self._folders.pop(number, None)
                raise

    async def close(self) -> None:
        """End the zygote and every guest that it still has."""
        self._hang_up("the zygote is being stopped")
        if self._clearing is None:
            self._clearing = asyncio.create_task(self._clear())
        await asyncio.shield(self._clearing)

    def retire(self) -> None:
        """End the zygote as soon as its last guest is gone; nothing more is forked from it."""
        self._retiring = True
        self._end_if_retired()

    def _end_if_retired(self) -> None:
        if self._retiring and not self.guests and not self._wanted and self.alive:
            asyncio.create_task(self.close())  # noqa: RUF006 - ends with the process that it waits for

    def _on_packet(self) -> None:
        try:
            message, descriptors = channel.receive(self._line)
        except OSError:
            message, descriptors = None, []
        match message:
            case None:
                self._on_death()
            case {"problem": problem}:
                self._problem.set_result(problem)
            case {"ready": int(), "stopped_at": stopped_at}:
                self._ready.set_result(stopped_at)
            case {"forked": int(number)}:
                process = ForkedProcess(descriptors[0], is_init=self._isolated)
                self.guests[number] = process
                waiting = self._forks.pop(number)
                if waiting.cancelled():
                    process.kill()
                else:
                    waiting.set_result(process)
            case {"ripe": str() | None as problem} if self._ripe is not None and not self._ripe.done():
                self._ripe.set_result(problem)
            case {"failed": str(sentence)} if self._ripe is not None and not self._ripe.done():
                self._ripe.set_exception(BootFailure(sentence))
            case {"elsewhere": int(port)}:
                self.elsewhere.append(port)
            case {"trap": str(kind), "place": str(place), "what": str(what), "remedy": str(remedy)} if self._on_trap:
                self._on_trap(Trap(kind, place, what, remedy))
            case {"unforked": int(number), "reason": str(reason)}:
                del self._folders[number]
                waiting = self._forks.pop(number)
                if not waiting.done():
                    waiting.set_exception(BootFailure(f"this system has no room for another process: {reason}"))
            case {"exited": int(number), "status": int(status)}:
                del self._folders[number]
                self.guests.pop(number).end(os.waitstatus_to_exitcode(status))
                self._end_if_retired()

    def _on_death(self) -> None:
        self._log.drain()
        self._hang_up(self._said[-1] if self._said else "the zygote died without a word; look at the system's log")
        self._clearing = asyncio.create_task(self._clear())

    def _hang_up(self, reason: str) -> None:
        if not self.alive:
            return
        self.alive = False
        asyncio.get_running_loop().remove_reader(self._line.fileno())
        self._line.close()
        if not self._ready.done() or not (self._ripe is None or self._ripe.done()):
            self._process.kill()  # It reads the line again only after its imports, which may take for ever.
        futures: list[asyncio.Future[Any]] = [self._problem, self._ready, *self._forks.values()]
        for waiting in futures:
            _fail(waiting, reason)
        self._forks.clear()

    async def _clear(self) -> None:
        """Wait for the zygote's end, and see to it that its guests are gone, also when it could not do so itself."""
        status = await asyncio.to_thread(self._end_of_process)
        self._log.close()
        if self._ripe is not None:
            _fail(self._ripe, f"the agent's process {how_it_ended(status)} before it served")
        # All that descends from an isolated one has gone with it, and the paths of its guests are the developer's own.
        if status != 0 and not self._isolated:
            await asyncio.to_thread(_end_marked, [self._mark, *self._folders.values()])
        for guest in self.guests.values():
            guest.end(-signal.SIGKILL)
        self.guests.clear()

    def _end_of_process(self) -> int:
        """The exit status of a zygote that has been hung up on; one that does not see to its end is ended. Blocking."""
        try:
            return self._process.wait(_HANG_UP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _fail(waiting: asyncio.Future[Any], reason: str) -> None:
    """Whoever still waits gets the reason; nobody may be waiting."""
    if not waiting.done():
        waiting.set_exception(BootFailure(reason))
        waiting.exception()


def _pid(pidfd: int) -> int:
    """The number of a process in this one's own namespace; -1 if it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    raise OSError(f"descriptor {pidfd} is that of no process")


def _end_marked(marks: Collection[bytes]) -> None:
    """End every process in whose environment, as it was given one, stands one of `marks`. Blocking.

    What a dead zygote leaves behind has no parent any more by which it could be found: its guests die by the signal of
    their parent's death, and what they had detached from themselves becomes a child of init's.
    """
    found = True
    while found:
        found = False
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            # No permission is needed for a process of one's own; one that is gone, or a zombie, has no environment.
            with contextlib.suppress(OSError):
                environ = (folder / "environ").read_bytes()
                if any(mark in environ for mark in marks):
                    os.kill(int(folder.name), signal.SIGKILL)
                    found = True
