"""Tunnels to hosts of this machine that are not AWS's, directly and through another proxy."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.proxy.request import Refused
from agentcore_emulator.proxy.tunnel import Dialler

if TYPE_CHECKING:
    from tests.proxy.conftest import Front, Site

AWS = "bedrock-agentcore.us-east-1.amazonaws.com"

MakeSite = Callable[..., "Awaitable[Site]"]


def have_addresses(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let example.test have these."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host != "example.test":
            return await real(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


# Bytes


async def test_a_client_checks_the_hosts_own_certificate(front: Front, make_site: MakeSite) -> None:
    site = await make_site()
    client = await front.client()
    assert await client.connect(f"localhost:{site.port}") == 200
    await client.start_tls(site.trusting, "localhost")
    await client.say(b"hello")
    assert await client.reader.readexactly(5) == b"hello"
    assert front.scopes == []


async def test_what_the_client_says_before_it_is_asked_to_is_not_lost(front: Front, make_site: MakeSite) -> None:
    site = await make_site(plain=True)
    client = await front.client()
    await client.say(f"CONNECT localhost:{site.port} HTTP/1.1\r\n\r\nearly".encode())
    await client.head()
    assert await client.reader.readexactly(5) == b"early"


async def test_a_host_that_speaks_first(front: Front, make_site: MakeSite) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        assert await reader.readline() == b"QUIT\r\n"
        writer.close()

    site = await make_site(greet, plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    assert await client.reader.readline() == b"220 welcome\r\n"
    await client.say(b"QUIT\r\n")
    assert await client.rest() == b""


async def test_each_end_may_have_said_all_before_the_other(front: Front, make_site: MakeSite) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        writer.write(b"%d" % len(data))
        writer.close()

    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"that is all")
        writer.write_eof()
        heard.set_result(await reader.read())
        writer.close()

    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    site = await make_site(count, plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    await client.say(b"x" * 300_000)
    client.writer.write_eof()
    assert await client.rest() == b"300000"
    site = await make_site(first, plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    assert await client.rest() == b"that is all"
    await client.say(b"and I say")
    client.writer.close()
    assert await heard == b"and I say"


async def test_a_slow_reader_holds_up_who_writes(front: Front, make_site: MakeSite) -> None:
    written = 0
    go_on = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        while not go_on.is_set() or written < 64_000_000:
            writer.write(bytes(100_000))
            await writer.drain()
            written += 100_000
        writer.close()

    site = await make_site(flood, plain=True)
    loop = asyncio.get_running_loop()
    with socket.create_connection(front.address) as client:
        client.setblocking(False)
        await loop.sock_sendall(client, f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\n\r\n".encode())
        before = -1
        # Until nothing moves any more although the loop has gone round many times.
        while before != written:
            before = written
            for _ in range(2000):
                await asyncio.sleep(0)
        assert 0 < written < 60_000_000
        go_on.set()
        received = 0
        while data := await loop.sock_recv(client, 1 << 20):
            received += len(data)
    assert received > written


async def test_a_reset_comes_through_as_one(front: Front, make_site: MakeSite) -> None:
    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    site = await make_site(fail, plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    await client.say(b"x")
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_a_client_that_goes_away_takes_the_tunnel_along(front: Front, make_site: MakeSite) -> None:
    gone = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        gone.set()
        writer.close()

    site = await make_site(wait, plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    client.writer.close()
    await gone.wait()


# No AWS name gets out


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_aws_name_within_a_tunnel_to_an_address_is_cut_off(
    front: Front, make_site: MakeSite, caplog: pytest.LogCaptureFixture, version: ssl.TLSVersion
) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.set_result(await reader.read())
        except ConnectionResetError:
            heard.set_result(b"")
        writer.close()

    site = await make_site(listen, plain=True)
    context = ssl.create_default_context()
    context.maximum_version = version
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    with pytest.raises(ConnectionError):
        await client.start_tls(context, AWS)
    assert await heard == b""
    [message] = caplog.messages
    assert message.startswith(f"a client asked 127.0.0.1 port {site.port} for {AWS} and was cut off")


async def test_a_hello_that_never_ends_is_not_passed_on(front: Front, make_site: MakeSite) -> None:
    site = await make_site(plain=True)
    client = await front.client()
    assert await client.connect(f"127.0.0.1:{site.port}") == 200
    await client.say(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03")
    client.writer.write_eof()
    assert await client.rest() == b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03"


# Hosts that are not to be reached


async def refusal(connecting: Awaitable[socket.socket]) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await connecting
    return refused.value.status, str(refused.value)


def dialler() -> Dialler:
    return Dialler(("127.0.0.1", 1), "me")


async def test_a_host_that_does_not_exist() -> None:
    status, sentence = await refusal(dialler().connect("no.such.host.invalid", 443))
    assert status == 502
    assert sentence.startswith("there is no address of no.such.host.invalid: ")


async def test_a_port_where_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, sentence = await refusal(dialler().connect("127.0.0.1", port))
    assert (status, sentence) == (502, f"127.0.0.1 port {port} cannot be reached: Connection refused")


class FullHouse:
    """A listener whose backlog is full, so that a connection to it is neither made nor refused."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port: int = self.listener.getsockname()[1]
        self._guests = []
        for _ in range(3):
            guest = socket.socket()
            guest.setblocking(False)
            guest.connect_ex(("127.0.0.1", self.port))
            self._guests.append(guest)

    def close(self) -> None:
        for each in (self.listener, *self._guests):
            each.close()


async def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_emulator.proxy.tunnel._CONNECT_SECONDS", 0.3)
    house = FullHouse()
    status, sentence = await refusal(dialler().connect("127.0.0.1", house.port))
    house.close()
    assert status == 504
    assert sentence.startswith(f"127.0.0.1 port {house.port} did not answer within ")


async def test_of_several_addresses_the_one_that_answers_is_taken(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(plain=True)

    have_addresses(monkeypatch, "127.0.0.2", "255.255.255.255", "127.0.0.1")
    connection = await dialler().connect("example.test", site.port)
    assert connection.getpeername() == ("127.0.0.1", site.port)
    connection.close()


# Through the proxy of whoever has started the emulator


class Upstream:
    """A proxy that takes every name for this machine's, and remembers the heads that it was sent."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n") -> None:
        self.heads: list[bytes] = []
        self.answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        if b" 200 " in self.answer:
            port = int(self.heads[-1].split()[1].rpartition(b":")[2])
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("spelling", ["http://me:pass%20word@127.0.0.1:{}", "127.0.0.1:{}"])
async def test_a_tunnel_through_another_proxy(
    front: Front, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    upstream = Upstream()
    site, proxy = await make_site(), await make_site(upstream, plain=True)
    monkeypatch.setenv("HTTPS_PROXY", spelling.format(proxy.port))
    client = await front.client()
    assert await client.connect(f"example.test:{site.port}") == 200
    await client.start_tls(site.trusting, "localhost")
    await client.say(b"hello")
    assert await client.reader.readexactly(5) == b"hello"
    client.writer.transport.abort()
    [head] = upstream.heads
    lines = head.decode().split("\r\n")
    assert lines[:2] == [f"CONNECT example.test:{site.port} HTTP/1.1", f"Host: example.test:{site.port}"]
    login = base64.b64encode(b"me:pass word").decode()
    assert (f"Proxy-Authorization: Basic {login}" in lines) == ("@" in spelling)


@pytest.mark.parametrize("excepted", ["example.test", ".test", "*"])
async def test_hosts_of_no_proxy_are_reached_directly(
    front: Front, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    upstream = Upstream()
    proxy = await make_site(upstream, plain=True)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", excepted)
    client = await front.client()
    assert await client.connect("example.test:443") == 502
    assert upstream.heads == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_this_machine_is_reached_directly(
    front: Front, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    site = await make_site()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    client = await front.client()
    assert await client.connect(f"{host}:{site.port}") == 200


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "answered 'HTTP/1.1 407 Proxy Authentication Required'",
        ),
        (b"SSH-2.0-x\r\n\r\n", "answered 'SSH-2.0-x'"),
        (b"HTTP/1.1 200 ", "gave no answer"),
        (b"x" * 20_000, "gave no answer"),
    ],
)
async def test_a_proxy_that_does_not_help(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    proxy = await make_site(serve, plain=True)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    status, sentence = await refusal(dialler().connect("example.test", 443))
    assert status == 502
    assert sentence.startswith(f"the proxy 127.0.0.1 port {proxy.port} {said}")
    assert "example.test:443" in sentence


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "socks5://127.0.0.1:1", "http://", "http://a:port"])
async def test_a_proxy_of_another_kind(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    status, sentence = await refusal(dialler().connect("example.test", 443))
    assert status == 502
    assert "is no http:// URL" in sentence


async def test_a_shell_that_leads_back_here_leads_on_directly(
    front: Front, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(plain=True)
    monkeypatch.setenv("HTTPS_PROXY", front.proxy.url)

    have_addresses(monkeypatch, "127.0.0.1")
    client = await front.client()
    assert await client.connect(f"example.test:{site.port}") == 200
    await client.say(b"hello")
    assert await client.reader.readexactly(5) == b"hello"


async def test_two_that_lead_to_each_other_notice(
    front: Front, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = []

    async def back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection(*front.address)
        far_writer.write(heads[-1])
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    other = await make_site(back, plain=True)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{other.port}")
    client = await front.client()
    await client.say(b"CONNECT example.test:443 HTTP/1.1\r\n\r\n")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"508" in answer
    assert b"lead to each other" in answer
    assert len(heads) == 1
