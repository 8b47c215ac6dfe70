"""The zygote: has the heavy packages imported and nothing of the agent's, and forks one guest per session (Linux).

Host to zygote: `{"prepare": {"entrypoint", "folders", "preimport": file of module names}}`, then per session
`{"fork": number, "spec": {…}}` with the guest's descriptors. Zygote to host: `{"problem": sentence | null}`,
`{"ready": modules imported, "stopped_at": module | null}`, `{"forked": number, "pid": …}` with a pidfd or
`{"unforked": number, "reason": …}`, and `{"exited": number, "status": as of waitpid}` once the guest and whatever it
left behind are gone.
The zygote is the only reaper. When the line to the host ends it kills every guest, reaps and exits.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
from typing import NamedTuple

from . import channel, imports

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl


class _Guest(NamedTuple):
    number: int
    pid: int


def serve(line: socket.socket) -> channel.Order | None:
    """Serve the host until it hangs up (returns None). In each forked child returns what that guest is to run."""
    # Descendants that a dead guest leaves behind become this process's children, and so can be found and ended.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    message, _ = channel.receive(line)
    if message is None:
        return None
    _prepare(line, message["prepare"])
    guests: dict[int, _Guest] = {}
    poll = select.poll()
    poll.register(line, select.POLLIN)
    while True:
        for descriptor, _event in poll.poll():
            if descriptor != line.fileno():
                poll.unregister(descriptor)
                _bury(line, descriptor, guests.pop(descriptor), guests)
                continue
            try:
                message, descriptors = channel.receive(line)
            except ConnectionError:
                message, descriptors = None, []
            if message is None:
                _end_all(guests)
                return None
            zygote = os.getpid()
            try:
                pid = os.fork()
            except OSError as error:
                # There is no room for one more process, which is no reason to end the others.
                for given in descriptors:
                    os.close(given)
                channel.send(line, {"unforked": message["fork"], "reason": str(error.strerror)})
                continue
            if pid == 0:
                line.close()
                for other in guests:
                    os.close(other)
                _settle(zygote)
                return channel.Order(message["spec"], descriptors)
            for given in descriptors:
                os.close(given)
            watch = os.pidfd_open(pid)
            guests[watch] = _Guest(message["fork"], pid)
            poll.register(watch, select.POLLIN)
            channel.send(line, {"forked": message["fork"], "pid": pid}, [watch])


def _prepare(line: socket.socket, order: dict[str, object]) -> None:
    folders = order["folders"]
    assert isinstance(folders, list)
    channel.send(line, {"problem": imports.problem(str(order["entrypoint"]), folders)})
    names: list[str] = []
    if order["preimport"]:
        with open(str(order["preimport"]), encoding="utf-8") as file:
            names = json.load(file)
    # An import may take for ever, and who imports does not see that the host is gone.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    count, stopped_at = imports.preimport(names)
    _prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    # What is here now lives as long as the zygote: keep the collector from touching, and so copying, its pages.
    gc.collect()
    gc.freeze()
    channel.send(line, {"ready": count, "stopped_at": stopped_at})


def _settle(zygote: int) -> None:
    """In a new child: a process group of its own, and an end with its parent."""
    os.setpgid(0, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != zygote:
        os._exit(1)
    # A process that this guest's agent detaches from itself stays within the guest while it lives.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _bury(line: socket.socket, watch: int, guest: _Guest, living: dict[int, _Guest]) -> None:
    # While the dead leader is not reaped its number cannot be given to another group.
    os.waitid(os.P_PID, guest.pid, os.WEXITED | os.WNOWAIT)
    _kill_group(guest.pid)
    _, status = os.waitpid(guest.pid, 0)
    os.close(watch)
    _end_orphans(living)
    try:
        channel.send(line, {"exited": guest.number, "status": status})
    except OSError:
        pass  # The host is gone; the loop will see it.


def _end_all(guests: dict[int, _Guest]) -> None:
    for guest in guests.values():
        _kill_group(guest.pid)
    for guest in guests.values():
        os.waitpid(guest.pid, 0)
    guests.clear()
    _end_orphans(guests)


def _kill_group(leader: int) -> None:
    for kill in (os.killpg, os.kill):  # A guest killed before its setpgid leads no group yet.
        try:
            kill(leader, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _end_orphans(living: dict[int, _Guest]) -> None:
    """End what dead guests left behind in sessions or groups of their own.

    A living guest keeps its descendants, detached ones too, so whatever else is a child here has lost its guest.
    """
    guests = {guest.pid for guest in living.values()}
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            orphans = [int(pid) for pid in file.read().split() if int(pid) not in guests]
        if not orphans:
            return
        for pid in orphans:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
