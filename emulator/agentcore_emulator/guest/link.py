"""The line between a guest and the host: JSON objects, one a line, over a socket pair.

Guest to host: `{"serving": "unix" | "tcp"}`, `{"failed": sentence}`, `{"elsewhere": port}`, `{"handler": place}`,
`{"quirk": name, "place": …, "remedy": …}`, `{"modules": [name, …]}`.
Host to guest: `{"report": "modules"}`. When the host is gone the line ends, and the guest ends with all it started.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from . import imports


class Link:
    """One guest's end: `connect`, then `listen`. `send` may be called from any thread.

    Before `connect` the messages go to `early`.
    """

    def __init__(self, early: "Callable[[dict[str, Any]], None] | None" = None) -> None:
        self._early = early
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def connect(self, descriptor: int) -> None:
        """Take over the host's line."""
        self._socket = socket.socket(fileno=descriptor)

    def listen(self) -> None:
        """Answer the host from here on, in a thread."""
        threading.Thread(target=self._listen, args=[self._socket], name="agentcore-link", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Tell the host; a host that is gone is no error, for the guest is about to be ended."""
        if self._socket is None:
            if self._early is not None:
                self._early(message)
            return
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._socket.sendall(data)
        except OSError:
            pass

    def _listen(self, connection: socket.socket) -> None:
        # A thread that blocks in a system call costs nothing while the guest is idle, and unlike a reader on the
        # agent's event loop it works for every kind of server.
        with connection.makefile("rb") as lines:
            try:
                for line in lines:
                    if json.loads(line).get("report") == "modules":
                        self.send({"modules": imports.importable_modules()})
            except OSError:
                pass
        os.killpg(0, signal.SIGKILL)
        os._exit(1)  # Process 1 of a namespace does not die of its own signal, but all others die with it.
