"""Gates and meetings: how invocations of one session wait for each other."""

from __future__ import annotations

import threading

__all__ = ["GATE_SECONDS", "Gate", "meeting", "named"]

# What a waiting action is given, so that a contract that failed meanwhile does not leave it behind for ever.
GATE_SECONDS = 20.0


class Gate:
    """Holds up one invocation until another one of the same session opens it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()
        self._passed = threading.Event()

    @property
    def passed(self) -> bool:
        """Whether what waited has come to its end."""
        return self._passed.is_set()

    def open(self) -> None:
        """Let through what waits, now and later."""
        self._open.set()

    def wait(self) -> None:
        """Return once it is open. Raises `TimeoutError` if that takes too long."""
        self._entered.set()
        if not self._open.wait(GATE_SECONDS):
            raise TimeoutError(f"nobody opened the gate within {GATE_SECONDS:.0f} s")

    def wait_for_arrival(self) -> bool:
        """Wait until something waits here; False if that takes too long."""
        return self._entered.wait(GATE_SECONDS)

    def finish(self) -> None:
        """What waited has come to its end."""
        self._passed.set()

    def wait_for_end(self) -> bool:
        """Wait until what waits has come to its end; False if that takes too long."""
        return self._passed.wait(GATE_SECONDS)


_gates: dict[str, Gate] = {}
_meetings: dict[str, threading.Barrier] = {}


def named(name: str) -> Gate:
    """The gate of this name."""
    return _gates.setdefault(name, Gate())


def meeting(name: str, count: int) -> None:
    """Return once `count` callers are in here at the same time. Raises `BrokenBarrierError` if that takes too long."""
    _meetings.setdefault(name, threading.Barrier(count)).wait(GATE_SECONDS)
