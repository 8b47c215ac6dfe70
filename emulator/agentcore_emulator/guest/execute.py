"""Runs a program in a guest beside its agent (Linux): a command, or a shell.

`argument` names descriptors: the line to the host, the program's standard input, output and error, and for an isolated
guest a pidfd of it. The environment is the program's. The order is the line's first line of JSON:
`{"argv", "folder", "limits", "terminal": whether the streams are one, "guest": process id of an isolated one or null}`.

Host to here: `{"kill": true}`, to end the program and all that it has not detached from itself.
Here to host: `{"running": true}` or `{"failed": sentence}`, then `{"exited": exit code, negative for a signal}`.

What the program leaves behind lives on, with this process as its parent, which ends when there is nothing left. When
the line ends, everything is ended.
"""

import fcntl
import json
import os
import select
import signal
import socket
import termios
from typing import Any, NoReturn

from . import kernel, limits, namespaces, zygote

_READ_SIZE = 64 * 1024


def execute(argument: str) -> NoReturn:
    """Run the program of the order that comes over the line, and see to it that nothing is left in the end."""
    descriptors = [int(number) for number in argument.split(",")]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    line = _Line(socket.socket(fileno=descriptors[0]))
    order = line.order()
    if order is None:
        os._exit(0)
    try:
        if order["guest"] is not None:
            _enter(order["guest"], descriptors[4], line)
        _Keeper(line, order, descriptors[1:4]).keep()
    except OSError as error:
        line.tell({"failed": str(error)})
    os._exit(0)


def _enter(guest: int, pidfd: int, line: "_Line") -> None:
    """Go on as a child that has the guest's namespaces; the process that called waits for its end."""
    namespaces.enter(guest, pidfd)
    child = os.fork()
    if child:
        line.close()
        os.waitpid(child, 0)
        os._exit(0)
    os.close(pidfd)
    namespaces.disarm()


class _Line:
    """The line to the host."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def order(self) -> "dict[str, Any] | None":
        """The order, None if the host is gone."""
        while b"\n" not in self._rest:
            data = self._socket.recv(_READ_SIZE)
            if not data:
                return None
            self._rest += data
        first, _, self._rest = self._rest.partition(b"\n")
        order: dict[str, Any] = json.loads(first)
        return order

    def messages(self) -> "list[dict[str, Any]] | None":
        """What has come, None at the end of the line."""
        try:
            data = self._socket.recv(_READ_SIZE)
        except ConnectionError:
            data = b""
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(each) for each in lines]

    def tell(self, message: dict[str, Any]) -> None:
        """Tell the host; that it is gone is noticed elsewhere."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()


class _Keeper:
    """The parent of a program, and of whatever that leaves behind."""

    def __init__(self, line: _Line, order: dict[str, Any], streams: list[int]) -> None:
        self._line = line
        self._order = order
        self._streams = streams
        self._program: int | None = None

    def keep(self) -> None:
        """Start the program, and stay until nothing of it is left or the host says so."""
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        deaths = _watch_children()
        if not self._start():
            return
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.register(deaths, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._line.fileno() in ready:
                messages = self._line.messages()
                if messages is None:
                    zygote.end_children(())
                    return
                if messages and self._program is not None:
                    self._kill(self._program)
            if deaths in ready:
                os.read(deaths, _READ_SIZE)
            if not self._reap():
                return

    def _start(self) -> bool:
        """Whether the program runs; if not, the host is told why."""
        failing, failed = os.pipe()
        program = os.fork()
        if program == 0:
            try:
                _become(self._order, self._streams)
            except OSError as error:
                os.write(failed, str(error.strerror).encode())
            os._exit(127)
        os.close(failed)
        for descriptor in set(self._streams):
            os.close(descriptor)
        with os.fdopen(failing, "rb") as file:  # It ends with the exec that succeeds.
            reason = file.read().decode()
        if reason:
            os.waitpid(program, 0)
            self._line.tell({"failed": reason})
            return False
        self._program = program
        self._line.tell({"running": True})
        return True

    def _reap(self) -> bool:
        """See off what has ended; whether there is anything left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._program:
                self._gone(os.waitstatus_to_exitcode(status))

    def _kill(self, program: int) -> None:
        """End the program with its descendants, but for what has become this process's child by detaching itself."""
        detached = set(zygote.children()) - {program}
        # It leads its group, and as long as it is not reaped no other can have its number.
        os.killpg(program, signal.SIGKILL)
        zygote.end_children(detached)
        self._gone(-signal.SIGKILL)

    def _gone(self, code: int) -> None:
        self._program = None
        self._line.tell({"exited": code})


def _watch_children() -> int:
    """A descriptor that can be read from when a child has ended."""
    deaths, told = os.pipe()
    os.set_blocking(deaths, False)
    os.set_blocking(told, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    return deaths


def _become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """In a new child: be the program. Raises `OSError`."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for ignored in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(
            ignored, signal.SIG_DFL
        )  # What the emulator's starter or Python ignores, a program would inherit.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    if order["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(_bytes(order["folder"]))
    if order["limits"]:
        limits.limit()
    argv = [_bytes(argument) for argument in order["argv"]]
    os.execvp(argv[0], argv)  # noqa: S606 - it is a program that is to be run, and no shell


def _bytes(text: str) -> bytes:
    """As the host has it, whatever this process's locale."""
    return text.encode("utf-8", "surrogateescape")
