"""Makes a forked process what a restored snapshot would be: the same memory, and everything outside of it anew.

AWS developer guide, "Optimize for platform version V2": sockets that were open do not survive, the `random` module goes
on from the same state in every session, `os.urandom` is fresh, and `time.monotonic()` does not advance meanwhile.
"""

import asyncio
import fcntl
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Collection
from typing import Any

_random_state: Any = None

# By what the clocks of this process are behind those of the system, and since when they stand still.
_behind = 0
_stopped_at: "int | None" = None


def stop_clocks() -> None:
    """From here on no time passes, as far as `time.monotonic` and `time.perf_counter` tell."""
    global _stopped_at, _random_state
    _stopped_at = time.monotonic_ns()
    random = sys.modules.get("random")
    _random_state = random.getstate() if random is not None else None


def start_clocks() -> None:
    """Time goes on from where it was stopped, for Python code that asks `time` for it, event loops among them."""
    global _behind, _stopped_at
    assert _stopped_at is not None
    first = _behind == 0
    stopped_at, _stopped_at = _stopped_at, None
    _behind += time.monotonic_ns() - stopped_at
    if first:
        for name in ("monotonic", "perf_counter"):
            _set_back(name)


def _set_back(name: str) -> None:
    nanoseconds: Callable[[], int] = getattr(time, f"{name}_ns")

    def behind_ns() -> int:
        return nanoseconds() - _behind

    def behind() -> float:
        return behind_ns() / 1e9

    setattr(time, f"{name}_ns", behind_ns)
    setattr(time, name, behind)


def reseed_nothing() -> None:
    """Undo that Python seeds `random` anew in every forked child."""
    if _random_state is not None:
        sys.modules["random"].setstate(_random_state)


def reopen(own: Collection[int], moved: dict[str, str]) -> None:
    """Give every file that was open an offset of its own, and cut every connection.

    `own` are descriptors to leave alone. `moved` says where what lay below a folder lies now.
    """
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor in own or descriptor <= 2:
            continue
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISSOCK(mode):
                _cut(descriptor)
            elif stat.S_ISREG(mode):
                _reopen_file(descriptor, moved)
        except OSError:
            continue  # Closed by now (the listing's own), or a file that is gone: then it stays as it is.


def _cut(descriptor: int) -> None:
    """Put a connection whose other end has hung up in the place of a socket, unless it is one for datagrams."""
    with socket.socket(fileno=os.dup(descriptor)) as old:
        if old.type != socket.SOCK_STREAM:
            return
        blocking = os.get_blocking(descriptor)
    here, there = socket.socketpair()
    there.close()
    with here:
        os.dup2(here.fileno(), descriptor, inheritable=os.get_inheritable(descriptor))
    os.set_blocking(descriptor, blocking)


def _reopen_file(descriptor: int, moved: dict[str, str]) -> None:
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    for before, now in moved.items():
        if path.startswith(before + os.sep):
            path = now + path[len(before) :]
            break
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    offset = os.lseek(descriptor, 0, os.SEEK_CUR)
    fresh = os.open(path, flags & (os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK))
    os.lseek(fresh, offset, os.SEEK_SET)
    os.dup2(fresh, descriptor, inheritable=os.get_inheritable(descriptor))
    os.close(fresh)


def running_loop() -> "asyncio.AbstractEventLoop | None":
    """The event loop within which this is called, if there is one."""
    return asyncio._get_running_loop() if "asyncio" in sys.modules else None


def can_repair(loop: "asyncio.AbstractEventLoop | None") -> bool:
    """Whether a loop can go on in a forked child: asyncio's own can, uvloop's cannot."""
    return loop is None or isinstance(loop, asyncio.SelectorEventLoop)


def repair(loop: Any) -> None:
    """Have asyncio's loop go on in a forked child: a selector and a self-pipe of its own, and running again."""
    old = loop._selector
    loop._selector = type(old)()
    self_pipe = loop._ssock.fileno()
    for key in list(old.get_map().values()):
        if key.fd != self_pipe:
            loop._selector.register(key.fileobj, key.events, key.data)
    loop._selector.register(loop._ssock, 1, old.get_key(loop._ssock).data)
    old.close()
    wakes = signal.set_wakeup_fd(-1)
    loop._close_self_pipe()
    loop._make_self_pipe()
    if wakes != -1:
        signal.set_wakeup_fd(loop._csock.fileno())
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
