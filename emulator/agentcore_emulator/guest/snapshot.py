"""The moment from which every session of platform version V2 goes on: a zygote that runs the agent stands still there.

It is where the agent's server would start to listen: after its imports, and with uvicorn after the app's lifespan has
started. AWS takes its snapshot at the first healthy `/ping`; here the host asks a throw-away session for it, since a
`/ping` answered in the zygote itself would leave it with threads that no fork carries. What that session had to import
for its answer is then imported here too, or every session would have to do so again.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import channel, imports, restore
from .hooks import when_imported
from .traps import Traps
from .zygote import RunOn, Zygote, freeze, living_children


class Snapshot:
    """Where a ripe zygote forks its guests. `become_guest` turns a forked child into the guest of an order."""

    def __init__(self, zygote: Zygote, traps: Traps, become_guest: Callable[[channel.Order], None]) -> None:
        self._zygote = zygote
        self._traps = traps
        self._become_guest = become_guest
        self._watching = True

    def take(self) -> None:
        """Stand still here for good; returns in each session that is restored from here."""
        while (seconds := self._stand_still()) is not None:
            time.sleep(seconds)  # What waits for this very call to return cannot go on without it.

    async def take_in_loop(self) -> None:
        """As `take`, and lets the event loop's other tasks go on when the host says so."""
        while (seconds := self._stand_still()) is not None:  # noqa: ASYNC110 - it is time that is to pass
            await asyncio.sleep(seconds)

    def _stand_still(self) -> "float | None":
        """None in a restored session; in the zygote, the seconds for which to run on."""
        if self._watching:
            self._watching = False
            self._traps.end()
            self._zygote.die_with_host(False)  # The end of its line is seen from here on.
        loop = restore.running_loop()
        self._zygote.tell({"ripe": _problem(loop)})
        imports.remember_loaded()
        restore.stop_clocks()
        freeze()
        order = self._zygote.serve()
        if order is None:
            os._exit(0)
        restore.start_clocks()
        if isinstance(order, RunOn):
            imports.preimport(order.modules)  # A thread that one starts is seen when this stands still again.
            return order.seconds
        assert isinstance(order, channel.Order), "a zygote ripens once"
        restore.reseed_nothing()
        self._become_guest(order)
        if loop is not None:
            restore.repair(loop)
        return None


def avoid_uvloop() -> None:
    """Have uvicorn choose asyncio's own loop where it may choose; uvloop cannot go on in a forked child."""

    def choose(module: ModuleType) -> None:
        for name in ("LOOP_SETUPS", "LOOP_FACTORIES"):  # Before and since uvicorn 0.36.
            table = getattr(module, name, None)
            if table is not None:
                table["auto"] = table["asyncio"]

    when_imported("uvicorn.config", choose)


def _problem(loop: Any) -> "str | None":
    """Why no session can be restored from here, in words that follow "it cannot be restored from a snapshot: "."""
    if not restore.can_repair(loop):
        return f"its event loop is {type(loop).__module__}'s; use asyncio's own"
    if loop is not None and loop._default_executor is not None:
        # Its threads wait for work; new ones are started when there is some.
        executor, loop._default_executor = loop._default_executor, None
        executor.shutdown(wait=True)
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    if others:
        names = ", ".join(repr(thread.name) for thread in others)
        return f"it has started threads ({names}), which a fork does not carry"
    children = [_name(pid) for pid in living_children()]
    if children:
        return f"it has started processes ({', '.join(children)}), which a fork does not carry"
    if imports.thread_count() > 1:
        _try_fork()
    count = imports.thread_count() - 1
    return f"a library of its has {count} threads of its own, which a fork does not carry" if count else None


def _name(pid: int) -> str:
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return repr(file.read().strip())


def _try_fork() -> None:
    """Some libraries (OpenBLAS) end their threads before a fork, and start them again when they are needed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
