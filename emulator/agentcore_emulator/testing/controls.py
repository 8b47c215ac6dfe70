"""What a test can turn on a running emulator: its clock and its faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentcore_emulator.testing.admin import Admin

__all__ = ["EmulatorClock", "Faults"]


class EmulatorClock:
    """The emulator's time, in seconds since the epoch. With `--clock virtual` it passes only by `advance`."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def time(self) -> float:
        """What it shows now."""
        return float(self._admin.get("clock")["time"])

    def advance(self, seconds: float) -> float:
        """Move it ahead and return what it shows then.

        All that became due on the way has been done by then, each thing at its own moment: sessions have ended, events
        have expired. Raises `EmulatorError` for what is no number of seconds from 0 to ten years.
        """
        return float(self._admin.post("clock/advance", {"seconds": seconds})["time"])


class Faults:
    """The faults that are to strike; iterating gives each as `GET /_emulator/faults` lists it."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Those that have not struck as often as they were to, with their `id` and how often they have been `used`."""
        return iter(self._admin.get("faults")["faults"])

    def add(self, fault: str, **fields: Any) -> int:
        """Have one strike, as in `add("throttle", operation="InvokeAgentRuntime", times=2)`; returns its id.

        Raises `EmulatorError` if there is no such fault, or it has no such field.
        """
        [added] = self._admin.post("faults", {"fault": fault, **fields})["ids"]
        return int(added)

    def clear(self) -> None:
        """Have none strike any more."""
        self._admin.delete("faults")
