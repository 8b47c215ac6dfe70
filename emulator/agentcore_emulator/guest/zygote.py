"""The zygote: a process that forks one guest per session (Linux).

On platform version V1 it has the heavy packages imported and nothing of the agent's. On V2 it goes on to run the agent
itself, up to where its server would start (`snapshot`), and forks every session from there.

Host to zygote: `{"prepare": {"entrypoint", "folders", "preimport": file of module names}}`; on V2 then `{"ripen": {…}}`
with the version's log. Per session `{"fork": number, "spec": {…}}` with the guest's descriptors; on V2 also
`{"run_on": seconds, "import": module names}`. Zygote to host: `{"problem": sentence | null}`, `{"ready": modules
imported, "stopped_at": module | null}`, `{"ripe": …}` (see `snapshot`), `{"forked": number, "pid": …}` with a pidfd or
`{"unforked": number, "reason": …}`, and `{"exited": number, "status": as of waitpid}` once the guest and whatever it
left behind are gone.
The zygote is the only reaper. When the line to the host ends it kills every guest, reaps and exits.
"""

import gc
import json
import os
import select
import signal
import socket
from collections.abc import Collection
from typing import Any, NamedTuple

from . import channel, imports, kernel, namespaces


class Ripen(NamedTuple):
    """Run the agent of `spec` here, with `log` for what it prints."""

    spec: dict[str, Any]
    log: int


class RunOn(NamedTuple):
    """Import `modules`, then let what the agent has under way go on for so many seconds."""

    seconds: float
    modules: list[str]


class _Guest(NamedTuple):
    number: int
    pid: int


class Zygote:
    """One zygote; `line` is the way to its host. With `isolated` it is process 1 already, and so is each guest."""

    def __init__(self, line: socket.socket, *, isolated: bool) -> None:
        self._line = line
        self._cradle = namespaces.Cradle() if isolated else None
        self._guests: dict[int, _Guest] = {}
        self._poll = select.poll()
        self._poll.register(line, select.POLLIN)
        # Descendants that a dead guest leaves behind become this process's children, and so can be found and ended.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)

    def prepare(self) -> bool:
        """Look at the entry file and import what the host says; False if the host is gone."""
        message, _ = channel.receive(self._line)
        if message is None:
            return False
        order = message["prepare"]
        self.tell({"problem": imports.problem(order["entrypoint"], order["folders"])})
        names: list[str] = []
        if order["preimport"]:
            with open(order["preimport"], encoding="utf-8") as file:
                names = json.load(file)
        # An import may take for ever, and who imports does not see that the host is gone.
        self.die_with_host(True)
        count, stopped_at = imports.preimport(names)
        self.die_with_host(False)
        freeze()
        self.tell({"ready": count, "stopped_at": stopped_at})
        return True

    def die_with_host(self, at_once: bool) -> None:
        """Whether the kernel ends this process when the host dies; otherwise it must read its line to know."""
        if self._cradle is None:  # Process 1 dies with its parent, which dies with the host.
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL if at_once else 0)

    def tell(self, message: dict[str, Any]) -> None:
        """Send something to the host; one that is gone is noticed elsewhere."""
        try:
            channel.send(self._line, message)
        except OSError:
            pass

    def serve(self) -> "channel.Order | Ripen | RunOn | None":
        """Fork guests until something else is to be done; None once the host has hung up and all guests are gone.

        In each forked child it returns what that guest is to run.
        """
        while True:
            for descriptor, _event in self._poll.poll():
                if descriptor != self._line.fileno():
                    self._poll.unregister(descriptor)
                    self._bury(descriptor)
                    continue
                try:
                    message, descriptors = channel.receive(self._line)
                except ConnectionError:
                    message, descriptors = None, []
                if message is None:
                    self._end_all()
                    return None
                if "ripen" in message:
                    return Ripen(message["ripen"], *descriptors)
                if "run_on" in message:
                    return RunOn(message["run_on"], message["import"])
                if self._fork(message["fork"], descriptors):
                    return channel.Order(message["spec"], descriptors)

    def _fork(self, number: int, descriptors: list[int]) -> bool:
        """Fork one guest; True in the guest."""
        zygote = os.getpid()
        try:
            pid = self._cradle.fork() if self._cradle else os.fork()
        except OSError as error:
            # There is no room for one more process, which is no reason to end the others.
            self.tell({"unforked": number, "reason": str(error.strerror)})
        else:
            if pid == 0:
                self._line.close()
                for other in self._guests:
                    os.close(other)
                self._settle(zygote)
                return True
            watch = os.pidfd_open(pid)
            self._guests[watch] = _Guest(number, pid)
            self._poll.register(watch, select.POLLIN)
            channel.send(self._line, {"forked": number, "pid": pid}, [watch])
        for given in descriptors:
            os.close(given)
        return False

    def _settle(self, zygote: int) -> None:
        """In a new child: a process group of its own, and an end with its parent."""
        os.setpgid(0, 0)
        if self._cradle is not None:
            return  # The end of process 1 is the end of all.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != zygote:
            os._exit(1)
        # A process that this guest's agent detaches from itself stays within the guest while it lives.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)

    def _bury(self, watch: int) -> None:
        guest = self._guests.pop(watch)
        # While the dead leader is not reaped its number cannot be given to another group.
        os.waitid(os.P_PID, guest.pid, os.WEXITED | os.WNOWAIT)
        _kill_group(guest.pid)
        _, status = os.waitpid(guest.pid, 0)
        os.close(watch)
        self._end_orphans()
        self.tell({"exited": guest.number, "status": status})

    def _end_all(self) -> None:
        for guest in self._guests.values():
            _kill_group(guest.pid)
        for guest in self._guests.values():
            os.waitpid(guest.pid, 0)
        self._guests.clear()
        self._end_orphans()

    def _end_orphans(self) -> None:
        """End what dead guests left behind in sessions or groups of their own.

        A living guest keeps its descendants, detached ones too, so whatever else is a child here has lost its guest.
        """
        end_children({guest.pid for guest in self._guests.values()})


def end_children(kept: Collection[int]) -> None:
    """End and reap every child of this process but those that are kept, and the children that it inherits by that."""
    while True:
        others = [pid for pid in children() if pid not in kept]
        if not others:
            return
        for pid in others:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def living_children() -> list[int]:
    """The processes that this one has started and that have not ended."""
    return [pid for pid in children() if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None]


def children() -> list[int]:
    """The processes whose parent this one is, those that have ended and are not reaped among them."""
    # In bytes, for a codec would have to be imported, from files that an isolated process may not see.
    with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
        return [int(pid) for pid in file.read().split()]


def freeze() -> None:
    """What is here now lives as long as the zygote: keep the collector from touching, and so copying, its pages."""
    gc.collect()
    gc.freeze()


def _kill_group(leader: int) -> None:
    for kill in (os.killpg, os.kill):  # A guest killed before its setpgid leads no group yet.
        try:
            kill(leader, signal.SIGKILL)
        except ProcessLookupError:
            pass
