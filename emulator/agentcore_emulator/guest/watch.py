"""Where in the agent's code a quirk was met, and the report of it to the host."""

import inspect
import os
from typing import Any

from .link import Link


class Watch:
    """Reports what the agent does that a quirk punishes: once per place and invocation."""

    def __init__(self, link: Link, project: str) -> None:
        self._link = link
        self._project = os.path.realpath(project) + os.sep
        self._owned: dict[str, bool] = {}

    def begin(self) -> "Invocation":
        """A fresh set of places, for one invocation."""
        return Invocation(self)

    def owns(self, filename: str) -> bool:
        """Whether a file is the agent's own, and not a package's that lies below its project."""
        owned = self._owned.get(filename)
        if owned is None:
            path = os.path.realpath(filename)
            inside = path.startswith(self._project) and "site-packages" not in path[len(self._project) :]
            owned = self._owned[filename] = inside
        return owned

    def report(self, quirk: str, place: str, remedy: str) -> None:
        """Send one finding to the host, which logs it."""
        self._link.send({"quirk": quirk, "place": place, "remedy": remedy})


class Invocation:
    """The findings of one invocation."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._seen: set[tuple[str, str]] = set()

    def found(self, quirk: str, place: str, remedy: str) -> None:
        """Report a finding unless the same one was made in this invocation."""
        if (quirk, place) not in self._seen:
            self._seen.add((quirk, place))
            self.watch.report(quirk, place, remedy)


def place_of(function: Any) -> str:
    """`file.py:12 (name)` of a handler."""
    function = inspect.unwrap(getattr(function, "func", function))
    code = getattr(function, "__code__", None) or getattr(getattr(type(function), "__call__", None), "__code__", None)
    name = getattr(function, "__name__", type(function).__name__)
    return f"{code.co_filename}:{code.co_firstlineno} ({name})" if code else str(name)
