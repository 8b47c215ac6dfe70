"""Gives `breakpoint()` the emulator's terminal: a guest's own input is empty, and its output goes to the log."""

import sys
from typing import Any


def use_terminal(name: str) -> None:
    """Have `breakpoint()` talk to the terminal device `name`."""

    def break_here(*_args: Any, **_kwargs: Any) -> None:
        import pdb

        # Left open: the debugger uses them until the code runs on.
        debugger = pdb.Pdb(stdin=open(name), stdout=open(name, "w"))  # noqa: SIM115
        debugger.set_trace(sys._getframe(1))

    sys.breakpointhook = break_here
