"""The proxy: answers for AWS's names, tunnels to all other hosts, and lets no AWS name out."""

from __future__ import annotations

import asyncio
import http
import logging
import socket
import ssl
import uuid
from collections.abc import Callable, Coroutine
from typing import Final

from agentcore_emulator.aws_names import is_aws_name
from agentcore_emulator.proxy.authority import Authority
from agentcore_emulator.proxy.request import Refused, parse
from agentcore_emulator.proxy.sockets import HeadTooLarge, peek, read_head
from agentcore_emulator.proxy.tunnel import Dialler, relay

__all__ = ["Proxy", "listen"]

_log = logging.getLogger(__name__)

# For a request to be there as a whole, and for what follows a CONNECT to begin.
_CLIENT_SECONDS: Final = 20.0
# How long an idle client may take to answer that TLS ends, while the emulator wants to stop.
_TLS_SHUTDOWN_SECONDS: Final = 0.3
# For a client to read why it is refused, which it would not if it were reset over what it still sends.
_FAREWELL_SECONDS: Final = 1.0
_ACCEPT_AGAIN_SECONDS: Final = 0.5

_HANDSHAKE: Final = b"\x16"  # RFC 8446, section 5.1

_PORT_OFFSET: Final = 10_000


def listen(emulators_port: int) -> socket.socket:
    """Where a proxy listens: on loopback alone, at a port that is the same the next time if it is free then.

    A shell that knows it from an earlier emulator goes on working. Raises `OSError`.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wanted = emulators_port + _PORT_OFFSET
        try:
            listener.bind(("127.0.0.1", wanted if wanted < 65_536 else 0))
        except OSError:
            listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


class Proxy:
    """Serves on `listener` from `start` to `close`.

    Connections for AWS's names are given to the protocols that `make_connection` of `answer_with` makes; until then
    they wait. `emulator` is the emulator's URL, for those who take this port for it.
    """

    def __init__(self, listener: socket.socket, authority: Authority, emulator: str) -> None:
        host, port = listener.getsockname()
        self.url = f"http://{host}:{port}"
        self._listener = listener
        self._authority = authority
        self._emulator = emulator
        # Of this proxy alone, for several emulators may be each other's proxies.
        self._pseudonym = f"agentcore-emulator-{uuid.uuid4().hex}"
        self._dialler = Dialler((host, port), self._pseudonym)
        self._make_connection: Callable[[], asyncio.Protocol] | None = None
        self._answering = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Serve from now on."""
        self._begin(self._accept())

    def answer_with(self, make_connection: Callable[[], asyncio.Protocol]) -> None:
        """Have AWS's names answered."""
        self._make_connection = make_connection
        self._answering.set()

    async def close(self) -> None:
        """End it and all tunnels; connections that have been given away are their new owner's. A second call waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                _log.warning("the proxy for AWS names takes no connection for now: %s", error.strerror)
                await asyncio.sleep(_ACCEPT_AGAIN_SECONDS)
                continue
            client.setblocking(False)
            self._begin(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        try:
            try:
                await self._answer(client)
            except Refused as refusal:
                await _refuse(client, refusal)
        except (OSError, EOFError, TimeoutError):
            pass  # The client has gone, or says nothing.
        finally:
            client.close()

    async def _answer(self, client: socket.socket) -> None:
        head = await _head(client)
        request = parse(head)
        if self._pseudonym.encode() in request.via:
            raise Refused(
                508, "this proxy and the HTTPS_PROXY with which the emulator was started lead to each other; unset that"
            )
        if is_aws_name(request.host):
            if request.tunnel:
                await _accept_tunnel(client)
                head = b""
            await self._hand_over(client, request.host, head)
        elif request.port is not None:
            server = await self._dialler.connect(request.host, request.port)
            try:
                await _accept_tunnel(client)
                await relay(client, server, f"{request.host} port {request.port}")
            finally:
                server.close()
        elif request.host:
            raise Refused(
                501, f"only https:// goes through this proxy, and not http://{request.host}; unset HTTP_PROXY"
            )
        else:
            raise Refused(
                400, f"this is a proxy for clients that insist on AWS names; the emulator is {self._emulator}"
            )

    async def _hand_over(self, client: socket.socket, name: str, head: bytes) -> None:
        """Have the emulator answer a client that wants an AWS name, with or without TLS; `head` is read already."""
        tls = None
        if not head:
            async with asyncio.timeout(_CLIENT_SECONDS):
                first = await peek(client, 1)
            if first == _HANDSHAKE:
                tls = await self._context(name)
        await self._answering.wait()
        assert self._make_connection is not None
        protocol = self._make_connection()
        if head:
            protocol = _Begun(protocol, head)
        # From here on it is the transport's, also to close.
        connection = socket.socket(fileno=client.detach())
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=tls,
                ssl_handshake_timeout=_CLIENT_SECONDS if tls else None,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_SECONDS if tls else None,
            )
        except OSError as error:
            # Some say why, others just go away.
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            _log.info(
                "a client that asked for %s gave up during TLS (%s); it may not know the certificates that its "
                "environment should name, see docs/aws-names.md",
                name,
                reason or str(error) or "without a word",
            )

    async def _context(self, name: str) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(self._authority.context, name)
        except (OSError, ValueError) as error:
            _log.error("there can be no certificate for %s: %s", name, error)
            raise EOFError from None


class _Begun(asyncio.Protocol):
    """Gives its transport to another protocol, after what has been read already."""

    def __init__(self, protocol: asyncio.Protocol, data: bytes) -> None:
        self._protocol = protocol
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)
        self._protocol.data_received(self._data)


async def _head(client: socket.socket) -> bytes:
    try:
        async with asyncio.timeout(_CLIENT_SECONDS):
            return await read_head(client)
    except TimeoutError:
        raise Refused(408, f"the request was not there within {_CLIENT_SECONDS:.0f} s") from None
    except HeadTooLarge:
        raise Refused(431, "the head of the request is larger than 16 KB") from None


async def _accept_tunnel(client: socket.socket) -> None:
    await asyncio.get_running_loop().sock_sendall(client, b"HTTP/1.1 200 Connection established\r\n\r\n")


async def _refuse(client: socket.socket, refusal: Refused) -> None:
    loop = asyncio.get_running_loop()
    # Most clients show no more of the answer to a CONNECT than its first line.
    phrase = f"{http.HTTPStatus(refusal.status).phrase}: {refusal}"
    body = f"{refusal}\n".encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    await loop.sock_sendall(client, "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)
    client.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(_FAREWELL_SECONDS):
        while await loop.sock_recv(client, 64 * 1024):
            pass
