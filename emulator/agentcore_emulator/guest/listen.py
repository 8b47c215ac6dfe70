"""Leads the agent's server to the sockets that the host has made, whatever the code names.

The agent calls `app.run()` or binds port 8080 as it would in its container. A uvicorn server starts on the host's Unix
socket; every other server's `bind()` of the contract port (or of `$PORT`) gets the host's TCP listener in its place. A
Unix socket under `bind()` would break servers that read the address back, and a TCP listener costs uvicorn some speed.
Any other port stays as the code has it and is reported, for on AWS nobody would connect there.
"""

import os
import socket
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import idle
from .hooks import when_imported
from .link import Link

if TYPE_CHECKING:
    from .snapshot import Snapshot


class Listeners:
    """The host's two listening sockets, of which the agent's server takes one.

    They must have been given with `take` when the server starts, or be given by the `snapshot` that is then taken.
    """

    def __init__(self, port: int, link: Link, snapshot: "Snapshot | None" = None) -> None:
        self.serving = False
        self._unix = -1
        self._tcp = -1
        self._port = port
        self._link = link
        self._snapshot = snapshot

    def take(self, unix: int, tcp: int) -> None:
        """The descriptors of the two."""
        self._unix, self._tcp = unix, tcp

    def install(self) -> None:
        """Hook `uvicorn.Server` and `socket.socket.bind` in this process."""
        when_imported("uvicorn.server", self._hook_uvicorn)
        self._hook_bind()

    def _ports(self) -> set[int]:
        named = os.environ.get("PORT", "")
        return {self._port, int(named)} if named.isdigit() else {self._port}

    def _report(self, kind: str) -> None:
        if not self.serving:
            self.serving = True
            self._link.send({"serving": kind})

    def _hook_uvicorn(self, module: ModuleType) -> None:
        server_class: Any = module.Server
        startup = server_class.startup

        async def startup_on_host_socket(server: Any, sockets: list[socket.socket] | None = None) -> None:
            config = server.config
            if sockets or config.uds or config.fd is not None or config.port not in self._ports():
                await startup(server, sockets=sockets)
                return
            # Sockets are named before the app's lifespan starts, and the session's is there only after it.
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            lifespan_startup = server.lifespan.startup

            async def startup_of_lifespan() -> None:
                await lifespan_startup()
                if server.lifespan.should_exit:
                    return
                if self._snapshot is not None:
                    await self._snapshot.take_in_loop()
                os.dup2(self._unix, listener.fileno(), inheritable=False)

            server.lifespan.startup = startup_of_lifespan
            await startup(server, sockets=[listener])
            if server.started:  # Older versions return from a startup that the app's lifespan has failed.
                self._report("unix")

        server_class.startup = startup_on_host_socket
        idle.patch(server_class)

    def _hook_bind(self) -> None:
        bind = socket.socket.bind

        def bind_or_adopt(this: socket.socket, address: Any, /) -> None:
            stream = this.family in (socket.AF_INET, socket.AF_INET6) and this.type == socket.SOCK_STREAM
            if not stream or address[1] not in self._ports():
                bind(this, address)
                if stream and address[1]:
                    self._link.send({"elsewhere": address[1]})
                return
            if self._snapshot is not None and not self.serving:
                self._snapshot.take()
            os.dup2(self._tcp, this.fileno(), inheritable=this.get_inheritable())
            # Blocking mode belongs to the open socket, not to the descriptor, and this one has just been exchanged.
            os.set_blocking(this.fileno(), this.gettimeout() is None)
            self._report("tcp")

        setattr(socket.socket, "bind", bind_or_adopt)  # noqa: B010 - a type checker would hold it against the C method
