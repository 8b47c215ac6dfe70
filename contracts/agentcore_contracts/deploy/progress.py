"""What is done is said, and what takes its time is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["GivenUp", "Progress"]

# Seconds between two looks: an emulator is fast, and AWS counts requests.
_NEAR_SECONDS: Final = 0.2
_FAR_SECONDS: Final = 3.0
# A memory takes minutes.
_PATIENCE: Final = 900.0
# A line now and then shows that something still goes on.
_SAY_SECONDS: Final = 15.0


class GivenUp(Exception):
    """It cannot go on; the message is one sentence that says why, and what to do next."""


class Progress:
    """Tells by `say`, one line at a time. `near` is for an emulator on this machine."""

    def __init__(self, say: Callable[[str], None], *, near: bool) -> None:
        self.say = say
        self._pause = _NEAR_SECONDS if near else _FAR_SECONDS

    def until(self, what: str, done: Callable[[], bool], patience: float = _PATIENCE) -> None:
        """Wait until `done()`. Raises `GivenUp` after `patience` seconds."""
        start = said = time.monotonic()
        while not done():
            now = time.monotonic()
            if now - start > patience:
                raise GivenUp(
                    f"{what} has taken more than {patience:.0f} s; look into the AWS console, and run this again"
                )
            if now - said > _SAY_SECONDS:
                said = now
                self.say(f"  {what}, for {now - start:.0f} s …")
            time.sleep(self._pause)
