"""Starts a program that is not Python as a guest (Linux), and sees to it that nothing of it is left in the end.

`{"argv", "folder", "isolation": the members of namespaces.Plan or None, "limits"}`; the environment is the program's.
Isolated, the program becomes process 1 of a namespace, with which all goes that it has started. Otherwise this process
stays its parent, passes SIGTERM on, and ends what the program leaves behind. SIGUSR1 is the order to end it at once,
which the kernel gives when the emulator dies.
"""

import json
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from . import kernel, limits, namespaces, zygote


def launch(text: str) -> NoReturn:
    """Run the program of an order to its end, and exit with its status."""
    order: dict[str, Any] = json.loads(text)
    if order["isolation"] is not None:
        try:
            namespaces.become_init()
            namespaces.settle(namespaces.Plan(**order["isolation"]))
            namespaces.disarm()
        except OSError as error:
            sys.exit(f"it cannot be isolated ({error}); start with --isolation plain")
        _execute(order)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGUSR1)
    child = 0

    def end(_number: int, _frame: "FrameType | None") -> None:
        if child:
            os.kill(child, signal.SIGKILL)

    def pass_on(number: int, _frame: "FrameType | None") -> None:
        if child:
            os.kill(child, number)

    signal.signal(signal.SIGUSR1, end)
    signal.signal(signal.SIGTERM, pass_on)
    child = os.fork()
    if child == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _execute(order)
    _, status = os.waitpid(child, 0)
    zygote.end_children(())
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        # The host is to see how it ended.
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _execute(order: dict[str, Any]) -> NoReturn:
    os.chdir(order["folder"])
    if order["limits"]:
        limits.limit()
    try:
        os.execvp(order["argv"][0], order["argv"])  # noqa: S606 - it is a program that is to be run, and no shell
    except OSError as error:
        sys.stderr.write(f"{order['argv'][0]} cannot be run: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)
