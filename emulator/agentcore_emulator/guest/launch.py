"""Starts a program that is not Python as a guest (Linux), and sees to it that nothing of it is left in the end.

`{"argv", "folder", "isolation": the members of namespaces.Plan or None, "limits", "host": the emulator's process id}`;
the environment is the program's.
Isolated, the program becomes process 1 of a namespace, with which all goes that it has started. Otherwise this process
stays its parent, passes SIGTERM on, and ends what the program leaves behind. SIGUSR1 is the order to end it at once,
which the kernel gives when the emulator dies.
"""

import json
import os
import signal
import sys
from typing import Any, NoReturn

from . import kernel, limits, namespaces, zygote

_AWAITED = (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD)


def launch(text: str) -> NoReturn:
    """Run the program of an order to its end, and exit with its status."""
    order: dict[str, Any] = json.loads(text)
    if order["isolation"] is not None:
        _die_with(order["host"], signal.SIGKILL)
        try:
            namespaces.become_init()
            namespaces.settle(namespaces.Plan(**order["isolation"]))
            namespaces.disarm()
        except OSError as error:
            sys.exit(f"it cannot be isolated ({error}); start with --isolation plain")
        _execute(order)
    # Taken one by one and never by a handler, they cannot come too early, be missed, or disturb the end.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    _die_with(order["host"], signal.SIGUSR1)
    launcher = os.getpid()
    child = os.fork()
    if child == 0:
        _die_with(launcher, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        _execute(order)
    status = _see_off(child)
    zygote.end_children(())
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        # The host is to see how it ended.
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        os.kill(os.getpid(), -code)
    os._exit(code)


def _see_off(child: int) -> int:
    """Pass signals on to the program until it has ended; returns its wait status."""
    while True:
        number = signal.sigwait(_AWAITED)
        if number != signal.SIGCHLD:
            os.kill(child, signal.SIGKILL if number == signal.SIGUSR1 else number)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status


def _die_with(parent: int, number: int) -> None:
    """Be sent a signal when the parent dies, which it may have done by now."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _execute(order: dict[str, Any]) -> NoReturn:
    os.chdir(order["folder"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Which Python ignores, and a program would inherit.
        signal.signal(number, signal.SIG_DFL)
    if order["limits"]:
        limits.limit()
    try:
        os.execvp(order["argv"][0], order["argv"])  # noqa: S606 - it is a program that is to be run, and no shell
    except OSError as error:
        sys.stderr.write(f"{order['argv'][0]} cannot be run: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)
