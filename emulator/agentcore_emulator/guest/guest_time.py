"""Lets an agent see the emulator's time: what the host has advanced, code that asks for the time sees advanced.

It reaches `time.time`, `time_ns`, `localtime`, `gmtime`, `ctime` and `strftime` without an argument, and
`datetime.now`, `utcnow` and `today` of what is imported from `datetime` from here on. It does not reach compiled code,
packages that a zygote has imported `datetime` into before, other programs, and waiting (`sleep`, timeouts, event
loops), which takes real time.
"""

import datetime
import mmap
import os
import struct
import time
from collections.abc import Callable
from datetime import date as RealDate  # noqa: N812 - a class, whatever its name
from datetime import datetime as RealDateTime  # noqa: N812
from typing import Any


def follow(path: str, frozen: bool) -> None:
    """Take the time from the host's file: what its clock shows if it is `frozen`, else by how much it is ahead."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        memory = mmap.mmap(descriptor, 8, mmap.MAP_SHARED, mmap.PROT_READ)
    finally:
        os.close(descriptor)
    real = time.time

    def now() -> float:
        value: float = struct.unpack_from("d", memory)[0]
        return value if frozen else real() + value

    _shift_time(now)
    _shift_datetime(now)


def _shift_time(now: Callable[[], float]) -> None:
    localtime, gmtime, ctime, strftime = time.localtime, time.gmtime, time.ctime, time.strftime

    def now_ns() -> int:
        return int(now() * 1e9)

    def shifted_localtime(seconds: Any = None, /) -> time.struct_time:
        return localtime(now() if seconds is None else seconds)

    def shifted_gmtime(seconds: Any = None, /) -> time.struct_time:
        return gmtime(now() if seconds is None else seconds)

    def shifted_ctime(seconds: Any = None, /) -> str:
        return ctime(now() if seconds is None else seconds)

    def shifted_strftime(form: str, moment: Any = None, /) -> str:
        return strftime(form, localtime(now()) if moment is None else moment)

    time.time, time.time_ns = now, now_ns
    time.localtime, time.gmtime = shifted_localtime, shifted_gmtime
    time.ctime, time.strftime = shifted_ctime, shifted_strftime


def _shift_datetime(now: Callable[[], float]) -> None:
    class OfAnyKind(type):
        """What has been made before, or by compiled code, is an instance as well."""

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, cls.__mro__[1])

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, cls.__mro__[1])

    class Date(RealDate, metaclass=OfAnyKind):
        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

    class DateTime(RealDateTime, metaclass=OfAnyKind):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(now(), datetime.timezone.utc).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

    for real, shifted in ((RealDate, Date), (RealDateTime, DateTime)):
        # By which they are pickled, and shown.
        shifted.__name__ = shifted.__qualname__ = real.__name__
        shifted.__module__ = "datetime"
        setattr(datetime, real.__name__, shifted)
