"""On which TCP ports a process and all that it has started listen, as Linux's /proc tells."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["AVAILABLE", "ports_of"]

_PROC = Path("/proc")

AVAILABLE = (_PROC / "net" / "tcp").exists()
"""Whether this system tells."""

# linux/include/net/tcp_states.h
_LISTEN = "0A"


def ports_of(pid: int) -> set[int]:
    """The ports. Blocking."""
    mine = {inode for member in _family(pid) for inode in _sockets(member)}
    return {port for inode, port in _listening() if inode in mine}


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):
            for task in (_PROC / str(member) / "task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text("ascii").split())
    return found


def _sockets(pid: int) -> list[str]:
    """The inodes of a process's sockets."""
    found = []
    with contextlib.suppress(OSError):
        for descriptor in os.scandir(_PROC / str(pid) / "fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(descriptor.path)  # noqa: PTH115 - it is no path
                if target.startswith("socket:["):
                    found.append(target[len("socket:[") : -1])
    return found


def _listening() -> list[tuple[str, int]]:
    """Inode and port of each socket of this machine that listens."""
    found = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / name).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN:
                    found.append((fields[9], int(fields[1].rpartition(":")[2], 16)))
    return found
