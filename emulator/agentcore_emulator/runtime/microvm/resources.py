"""What a microVM is given: listening sockets, folders of its own, and a pipe for what it prints."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from agentcore_emulator.config import RUN_FOLDER_PREFIX
from agentcore_emulator.project_files import copy

__all__ = ["LogPipe", "RunFolder", "SessionFolder", "Sockets"]

# What Linux and macOS give a pipe at most, unless a program asks for more.
_PIPE_CAPACITY = 64 * 1024

# In bytes; longer ones are cut into several. CloudWatch takes up to 256 KB as one event.
_LONGEST_LINE = 256 * 1024

# How long a line waits for others before they are logged together.
_PAUSE_SECONDS = 0.01

# In bytes, of the folder that temporary files are in, beyond which it is too deep for sockets.
_LONGEST_TEMP_PATH = 55
_SHORT_TEMP = "/tmp"  # noqa: S108 - for a folder that is the user's alone


class RunFolder:
    """A folder of this run of the emulator, readable by its user alone, gone with it.

    What a killed emulator has left is cleared away by the next one. The path is short, for that of a Unix socket may
    have 108 bytes (104 on macOS).
    """

    def __init__(self) -> None:
        near_root = len(tempfile.gettempdir()) <= _LONGEST_TEMP_PATH
        place = tempfile.gettempdir() if near_root else _SHORT_TEMP
        _clear_away(Path(place))
        self.path = Path(tempfile.mkdtemp(prefix=RUN_FOLDER_PREFIX, dir=place))
        # Held for as long as this process lives, however it ends.
        self._lock: int | None = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._count = 0

    def session(self) -> SessionFolder:
        """The folder of one more session; nothing is on disk yet."""
        self._count += 1
        return SessionFolder(self.path / str(self._count))

    def remove(self) -> None:
        """Delete it with all that is left in it; a second call does nothing."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _clear_away(place: Path) -> None:
    """Delete the run folders in `place` whose emulators were killed: those that nobody holds a lock on."""
    for folder in place.glob(f"{RUN_FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):  # Another user's, or gone by now.
            # An empty one may have been made a moment ago, and its lock not yet taken.
            if folder.stat().st_uid != os.getuid() or not any(folder.iterdir()):
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


class SessionFolder:
    """One session's files below `path`.

    `work` is its copy of the project, or if it is isolated `upper` holds what it writes over the project (`scratch` is
    overlayfs's own); `home`, `tmp`, and the path for its Unix `socket`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self.upper = path / "upper"
        self.scratch = path / "scratch"
        self.home = path / "home"
        self.tmp = path / "tmp"
        self.socket = path / "socket"

    def make(self, project: Path, *, isolated: bool, like: SessionFolder | None = None) -> None:
        """Create the folders; `like` is one whose files it begins with. Blocking."""
        self.path.mkdir(parents=True)
        if like is None:
            self.home.mkdir()
            self.tmp.mkdir()
        else:
            copy(like.home, self.home)
            copy(like.tmp, self.tmp)
        if isolated:
            self.upper.mkdir()
            self.scratch.mkdir()
        else:
            copy(like.work if like else project, self.work)

    def remove(self) -> None:
        """Delete the session's files. Blocking."""
        with contextlib.suppress(OSError):
            (self.scratch / "work").rmdir()  # overlayfs makes it a folder that may not even be looked into.
        shutil.rmtree(self.path, ignore_errors=True)


class Sockets:
    """The two listeners that a guest's server may take: a Unix socket, and TCP on the loopback address."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.unix.bind(self.path)
            self.unix.listen(256)
            self.tcp.bind(("127.0.0.1", 0))
            self.tcp.listen(256)
        except BaseException:
            self.close()
            raise
        self.port: int = self.tcp.getsockname()[1]

    def close(self) -> None:
        """Close this process's copies; the guest has its own, and a guest that is dead then refuses at once."""
        self.unix.close()
        self.tcp.close()

    async def connect(self, kind: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A fresh connection to the guest's server; `OSError` when the guest is gone."""
        if kind == "unix":
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection("127.0.0.1", self.port)


class LogPipe:
    """Reads what a guest and its children print, line by line."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._rest = b""
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._read_end, self._wait_a_little)

    def close_write_end(self) -> None:
        """Close this process's copy once the guest has its own."""
        os.close(self.write_end)

    def drain(self) -> None:
        """Take in what has been printed so far, so that it stands in the log before what is logged next.

        One read, which gets all that a pipe can hold: reading on for as long as there is something would let an agent
        that prints without end keep the event loop for itself.
        """
        if not self._open:
            return
        try:
            data = os.read(self._read_end, _PIPE_CAPACITY)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._on_line(line.decode("utf-8", "replace").rstrip("\r"))

    def _wait_a_little(self) -> None:
        # What is printed in an invocation mostly comes right before its answer, which logging would hold up.
        self._loop.remove_reader(self._read_end)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self.drain()
        if self._open:
            self._loop.add_reader(self._read_end, self._wait_a_little)

    def close(self) -> None:
        """Stop reading; an unfinished line counts as a line."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._read_end)
        if self._pause is not None:
            self._pause.cancel()
        os.close(self._read_end)
        if self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))
