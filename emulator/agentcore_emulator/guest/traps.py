"""Watches the agent start on platform version V2, for what every session will share that should be its own.

What is called is watched while it is called; nothing is guessed from source. A call counts when the agent's own code
makes it: that a package asks for the time is its own affair. Connections and threads count, whoever opens them, if they
are still there when the snapshot is taken.
"""

import datetime
import os
import random
import secrets
import socket
import sys
import threading
import time
import types
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from .watch import Watch

_REMEDIES = {
    "uuid": "every session has the same id: make it in the handler",
    "time": "it stands still at the moment of the snapshot: take it in the handler",
    "random": "every session repeats the same numbers: draw them, or seed the generator, in the handler",
    "secrets": "every session has the same secret: make it in the handler",
    "credentials": "they may have expired when a session is restored hours later: make the client in the handler, or"
    " see to it that its credentials refresh themselves",
    "socket": "the connection is dead in every session: open it in the handler, or reconnect when it fails",
    "thread": "a snapshot by fork cannot carry it: start it in the handler",
}


class Traps:
    """Calls `report(kind, place, what, remedy)` for each trap, once per kind and place. Main thread only."""

    def __init__(self, watch: Watch, report: Callable[[str, str, str, str], None]) -> None:
        self._watch = watch
        self._report = report
        self._reported: set[tuple[str, str]] = set()
        self._sockets: list[tuple[weakref.ref[socket.socket], str]] = []
        self._threads: list[tuple[weakref.ref[threading.Thread], str]] = []

    def begin(self) -> None:
        """Watch from here on."""
        sys.setprofile(self._on_event)

    def end(self) -> None:
        """Watch no more, and report what is still open."""
        sys.setprofile(None)
        for connection, place in self._sockets:
            open_socket = connection()
            if open_socket is not None and open_socket.fileno() != -1:
                self._found("socket", place, "a connection is opened")
        for reference, place in self._threads:
            thread = reference()
            if thread is not None and thread.is_alive():
                self._found("thread", place, f"the thread {thread.name!r} is started")

    def _on_event(self, frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            self._on_builtin(frame, argument)
        elif event == "call":
            self._on_function(frame)

    def _on_builtin(self, frame: types.FrameType, function: Any) -> None:
        try:
            found = _BUILTINS.get(function)
        except TypeError:
            return  # A method of something that cannot be hashed.
        if found is not None:
            if self._watch.owns(frame.f_code.co_filename):
                self._found(found[0], _place(frame), f"{found[1]} is called")
        elif getattr(function, "__name__", None) in ("connect", "connect_ex"):
            connection = getattr(function, "__self__", None)
            owner = self._owner(frame)
            if isinstance(connection, socket.socket) and owner is not None:
                self._sockets.append((weakref.ref(connection), _place(owner)))

    def _on_function(self, frame: types.FrameType) -> None:
        code = frame.f_code
        found = _FUNCTIONS.get(code)
        if found is not None:
            caller = frame.f_back
            if caller is not None and self._watch.owns(caller.f_code.co_filename):
                kind = found[0]
                if isinstance(frame.f_locals.get("self"), random.SystemRandom):
                    kind = "secrets"
                self._found(kind, _place(caller), f"{found[1]} is called")
        elif code is threading.Thread.start.__code__:
            owner = self._owner(frame)
            if owner is not None:
                self._threads.append((weakref.ref(frame.f_locals["self"]), _place(owner)))
        elif code.co_name == "load_credentials" and code.co_filename.endswith(_CREDENTIALS):
            owner = self._owner(frame)
            if owner is not None:
                self._found("credentials", _place(owner), "AWS credentials are loaded")

    def _owner(self, frame: "types.FrameType | None") -> "types.FrameType | None":
        """The innermost frame that is the agent's own."""
        while frame is not None and not self._watch.owns(frame.f_code.co_filename):
            frame = frame.f_back
        return frame

    def _found(self, kind: str, place: str, what: str) -> None:
        if (kind, place) not in self._reported:
            self._reported.add((kind, place))
            self._report(kind, place, what, _REMEDIES[kind])


_CREDENTIALS = os.path.join("botocore", "credentials.py")

_BUILTINS: dict[Any, tuple[str, str]] = {
    time.time: ("time", "time.time()"),
    time.time_ns: ("time", "time.time_ns()"),
    time.localtime: ("time", "time.localtime()"),
    time.gmtime: ("time", "time.gmtime()"),
    datetime.datetime.now: ("time", "datetime.now()"),
    datetime.datetime.utcnow: ("time", "datetime.utcnow()"),
    datetime.datetime.today: ("time", "datetime.today()"),
    datetime.date.today: ("time", "date.today()"),
    random.random: ("random", "random.random()"),
    random.getrandbits: ("random", "random.getrandbits()"),
    os.urandom: ("secrets", "os.urandom()"),
}

_FUNCTIONS: dict[types.CodeType, tuple[str, str]] = {
    function.__code__: (kind, f"{module}.{name}()")
    for kind, module, functions in (
        ("uuid", "uuid", vars(uuid)),
        ("secrets", "secrets", vars(secrets)),
        ("random", "random", vars(random.Random)),
    )
    for name, function in functions.items()
    if isinstance(function, types.FunctionType)
    and (name in ("uuid1", "uuid4", "uuid6", "uuid7") if kind == "uuid" else not name.startswith("_"))
}
# Those that `guest_time` has put its own in the place of.
_FUNCTIONS.update(
    (function.__code__, found) for function, found in _BUILTINS.items() if isinstance(function, types.FunctionType)
)
_FUNCTIONS[random.Random.__init__.__code__] = ("random", "random.Random()")


def _place(frame: types.FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
