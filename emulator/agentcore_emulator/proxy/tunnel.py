"""Connects a client with a host that is not AWS's, and carries bytes both ways."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from agentcore_emulator.aws_names import is_aws_name
from agentcore_emulator.proxy.hello import ClientHello
from agentcore_emulator.proxy.request import Refused
from agentcore_emulator.proxy.sockets import HeadTooLarge, read_head, reset

__all__ = ["Dialler", "relay"]

_log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 20.0
# For one of several addresses, so that a network without IPv6 does not use up all of that.
_ADDRESS_SECONDS: Final = 4.0
_PIECE: Final = 64 * 1024


class _Upstream(NamedTuple):
    """A proxy between this machine and the others."""

    host: str
    port: int
    authorization: str


class Dialler:
    """Makes connections for clients, through the proxy of whoever started the emulator if there is one.

    `own` is the address at which this proxy itself listens, `pseudonym` what it calls itself to other proxies.
    """

    def __init__(self, own: tuple[str, int], pseudonym: str) -> None:
        self._own = own
        self._pseudonym = pseudonym

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connection to a host, perhaps through a proxy. Raises `Refused` with 502, 504 or 508."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                # Some systems ask the network for it.
                upstream = await asyncio.to_thread(_upstream, host, port)
                if upstream is not None:
                    connection = await self._dial(upstream.host, upstream.port)
                    if not self._is_own(connection):
                        return await self._through(upstream, connection, host, port)
                    connection.close()  # A shell that `agentcore-emulator env` has pointed here.
                connection = await self._dial(host, port)
        except TimeoutError:
            raise Refused(504, f"{host} port {port} did not answer within {_CONNECT_SECONDS:.0f} s") from None
        if self._is_own(connection):
            connection.close()
            raise Refused(508, f"{host} port {port} is this proxy itself")
        return connection

    def _is_own(self, connection: socket.socket) -> bool:
        try:
            peer = connection.getpeername()
        except OSError:  # It has gone again.
            return False
        return peer[:2] in (self._own, (f"::ffff:{self._own[0]}", self._own[1]))

    async def _dial(self, host: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Refused(502, f"there is no address of {host}: {error.strerror or error}") from None
        for number, (family, kind, protocol, _, address) in enumerate(found, 1):
            connection = socket.socket(family, kind, protocol)
            connection.setblocking(False)
            try:
                async with asyncio.timeout(_ADDRESS_SECONDS if number < len(found) else None):
                    await loop.sock_connect(connection, address)
                return connection
            except (OSError, TimeoutError) as error:
                connection.close()
                if number == len(found):
                    raise Refused(502, f"{host} port {port} cannot be reached: {_reason(error)}") from None
            except BaseException:
                connection.close()
                raise
        raise Refused(502, f"there is no address of {host}")

    async def _through(self, upstream: _Upstream, connection: socket.socket, host: str, port: int) -> socket.socket:
        proxy = f"the proxy {upstream.host} port {upstream.port}"
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"Via: 1.1 {self._pseudonym}", upstream.authorization]
        request = "".join(f"{line}\r\n" for line in lines if line) + "\r\n"
        try:
            await asyncio.get_running_loop().sock_sendall(connection, request.encode("latin-1"))
            status = (await read_head(connection)).split(b"\r\n", 1)[0].decode("latin-1")
            if not status.startswith(("HTTP/1.1 2", "HTTP/1.0 2")):
                raise Refused(502, f"{proxy} answered {status!r:.200} when asked for {target}")
        except (OSError, EOFError, HeadTooLarge) as error:
            connection.close()
            raise Refused(502, f"{proxy} gave no answer when asked for {target}: {_reason(error)}") from None
        except BaseException:
            connection.close()
            raise
        return connection


def _upstream(host: str, port: int) -> _Upstream | None:
    """The proxy that the environment, or the system's settings, name for a host. Raises `Refused` for one of no use."""
    proxies = getproxies()
    url = proxies.get("https") or proxies.get("all")
    if not url or _is_loopback(host) or proxy_bypass(host if ":" in host else f"{host}:{port}"):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        name, number = parts.hostname, parts.port or 80
    except ValueError:
        name = None
    if name is None or parts.scheme != "http":
        raise Refused(
            502, "the HTTPS_PROXY with which the emulator was started is no http:// URL, and others are not supported"
        )
    authorization = ""
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode('ascii')}"
    return _Upstream(name, number, authorization)


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")


def _reason(error: Exception) -> str:
    # asyncio's own text repeats the address.
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return "it took too long" if isinstance(error, TimeoutError) else str(error) or "it broke off"


async def relay(client: socket.socket, server: socket.socket, target: str) -> None:
    """Carry bytes both ways until both ends have said all, or one has failed; closes both.

    A client that asks the other end for an AWS name, which it has looked up by itself perhaps, is cut off.
    """
    for connection in (client, server):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump_checked(client, server, target))
            group.create_task(_pump(server, client))
    except* OSError:
        reset(client)
        reset(server)
    finally:
        client.close()
        server.close()


async def _pump_checked(client: socket.socket, server: socket.socket, target: str) -> None:
    """As `_pump`, but hold back what the client says until it is known for whom it is."""
    loop = asyncio.get_running_loop()
    hello = ClientHello()
    held = b""
    while not hello.done:
        piece = await loop.sock_recv(client, _PIECE)
        if not piece:
            break
        held += piece
        hello.feed(piece)
    if is_aws_name(hello.name):
        _log.warning(
            "a client asked %s for %s and was cut off, as no AWS name leaves this machine; its HTTPS_PROXY is to look "
            "up names, and not it",
            target,
            hello.name,
        )
        raise ConnectionAbortedError
    await loop.sock_sendall(server, held)
    await _pump(client, server)


async def _pump(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while piece := await loop.sock_recv(source, _PIECE):
        await loop.sock_sendall(sink, piece)
    sink.shutdown(socket.SHUT_WR)
