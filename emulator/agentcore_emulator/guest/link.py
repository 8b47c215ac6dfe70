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
from typing import Any

from . import imports


class Link:
    """One guest's end. `send` may be called from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="agentcore-link", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Tell the host; a host that is gone is no error, for the guest is about to be ended."""
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._socket.sendall(data)
        except OSError:
            pass

    def _listen(self) -> None:
        # A thread that blocks in a system call costs nothing while the guest is idle, and unlike a reader on the
        # agent's event loop it works for every kind of server.
        with self._socket.makefile("rb") as lines:
            try:
                for line in lines:
                    if json.loads(line).get("report") == "modules":
                        self.send({"modules": imports.importable_modules()})
            except OSError:
                pass
        os.killpg(0, signal.SIGKILL)
