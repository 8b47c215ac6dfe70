"""A proxy before a small server, a host of TLS that it can tunnel to, and bare clients of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agentcore_emulator.connection import Connection
from agentcore_emulator.proxy.authority import Authority
from agentcore_emulator.proxy.proxy import Proxy, listen

AWS = "bedrock-agentcore.us-east-1.amazonaws.com"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """On the loop of the command line, and on that of those who have no uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("certificates"), time.time())


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Client:
    """A connection to a proxy, on which everything is said by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def connect(self, target: str, *headers: str) -> int:
        """CONNECT, and the status of the answer."""
        await self.say("\r\n".join([f"CONNECT {target} HTTP/1.1", *headers, "", ""]).encode("latin-1"))
        return int((await self.head()).split()[1])

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        await self.writer.start_tls(context, server_hostname=name)

    async def get(self, path: str, host: str, *headers: str) -> bytes:
        """The answer to a GET, whose length is told."""
        await self.say("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode("latin-1"))
        head = await self.head()
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"
        )
        return head + await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        return await self.reader.read()


class Front:
    """A proxy, and the small server that answers for AWS's names with the scheme and the Host of each request."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.scopes: list[Any] = []
        config = uvicorn.Config(
            self.app,
            proxy_headers=False,
            interface="asgi3",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
        )
        config.load()
        self.server = uvicorn.Server(config)
        self.listener = listen(70_000)
        self.proxy = Proxy(self.listener, authority, "http://emulator.example")
        self.address: tuple[str, int] = self.listener.getsockname()
        self.proxy.start()
        self._clients: list[asyncio.StreamWriter] = []

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        host = dict(scope["headers"]).get(b"host", b"")
        body = scope["scheme"].encode() + b" " + host
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self) -> None:
        """Have AWS's names answered from now on."""
        self.proxy.answer_with(lambda: Connection(self.server.config, self.server.server_state, {}))

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.certificate)

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection(*self.address)
        self._clients.append(writer)
        return Client(reader, writer)

    async def close(self) -> None:
        await self.proxy.close()
        for connection in list(self.server.server_state.connections):
            connection.shutdown()
        for writer in self._clients:
            writer.transport.abort()
        while self.server.server_state.connections or self.server.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0)


@pytest.fixture
async def front(authority: Authority) -> AsyncIterator[Front]:
    front = Front(authority)
    front.answer()
    yield front
    await front.close()
    assert [task for task in asyncio.all_tasks() if "Proxy." in repr(task.get_coro())] == []


class Site(NamedTuple):
    """A server of TLS on this machine, with a certificate of its own for `localhost`."""

    port: int
    trusting: ssl.SSLContext
    """For a client that trusts this certificate and no other."""


@pytest.fixture
async def make_site(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    """Starts servers that echo what they are sent, or serve as they are told, with `plain=True` without TLS."""
    servers = []
    file = tmp_path / "site.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def make(
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = echo, *, plain: bool = False
    ) -> Site:
        context = None
        if not plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        servers.append(server)
        return Site(server.sockets[0].getsockname()[1], ssl.create_default_context(cadata=pem.decode()))

    yield make
    for server in servers:
        server.close()
