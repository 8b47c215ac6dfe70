"""What the proxy answers, tunnels and refuses, by clients that say everything by hand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.proxy.authority import Authority
from agentcore_emulator.proxy.proxy import Proxy, listen

if TYPE_CHECKING:
    from tests.proxy.conftest import Front, Site

AWS = "bedrock-agentcore.us-east-1.amazonaws.com"

MakeSite = Callable[..., "Awaitable[Site]"]


# AWS's names


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (f"{AWS}:443", AWS),
        (f"{AWS.upper()}.:443", AWS),
        (f"{AWS}:8443", AWS),
        ("bedrock-agentcore-fips.us-gov-west-1.api.aws:443", "bedrock-agentcore-fips.us-gov-west-1.api.aws"),
        (
            "bedrock-agentcore-control.cn-north-1.amazonaws.com.cn:22",
            "bedrock-agentcore-control.cn-north-1.amazonaws.com.cn",
        ),
    ],
)
async def test_the_server_answers_over_tls(front: Front, target: str, name: str) -> None:
    client = await front.client()
    assert await client.connect(target) == 200
    await client.start_tls(front.trusting(), name)
    assert (await client.get("/path?query", name)).endswith(f"https {name}".encode())
    # It is a connection as any other.
    assert (await client.get("/again", "127.0.0.1")).endswith(b"https 127.0.0.1")
    assert [scope["path"] for scope in front.scopes] == ["/path", "/again"]


async def test_the_name_that_tls_is_for_is_the_one_that_was_connected_to(front: Front) -> None:
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await client.start_tls(front.trusting(), "s3.us-east-1.amazonaws.com")


async def test_a_client_that_names_nobody_in_tls(front: Front) -> None:
    client = await front.client()
    context = front.trusting()
    context.check_hostname = False
    assert await client.connect(f"{AWS}:443") == 200
    await client.start_tls(context, "127.0.0.1")  # An address is never named in TLS.
    assert (await client.get("/", AWS)).endswith(f"https {AWS}".encode())


async def test_a_client_that_begins_before_it_is_asked_to(front: Front) -> None:
    context = front.trusting()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=AWS)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    client = await front.client()
    await client.say(f"CONNECT {AWS}:443 HTTP/1.1\r\n\r\n".encode() + outgoing.read())
    assert b" 200 " in await client.head()
    incoming.write(await client.reader.read(65536))
    tls.do_handshake()
    assert tls.version() == "TLSv1.3"


async def test_plain_http_within_the_tunnel(front: Front) -> None:
    client = await front.client()
    assert await client.connect(f"{AWS}:80") == 200
    assert (await client.get("/", AWS)).endswith(f"http {AWS}".encode())


async def test_what_is_neither_tls_nor_http_within_the_tunnel(front: Front) -> None:
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    await client.say(b"SSH-2.0-x\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_broken_tls(front: Front) -> None:
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    await client.say(b"\x16\x03\x01\x00\x04hihi")
    assert b"HTTP" not in await client.rest()
    assert front.scopes == []


async def test_a_client_without_trust_is_told_of_in_the_log(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        await client.start_tls(ssl.create_default_context(), AWS)
    while not caplog.messages:  # noqa: ASYNC110 - it is the other end that logs
        await asyncio.sleep(0)
    assert caplog.messages[0].startswith(f"a client that asked for {AWS} gave up during TLS (")


@pytest.mark.parametrize("url", [f"http://{AWS}/path", f"HTTP://{AWS.upper()}.:8080/path", f"https://{AWS}/path"])
async def test_a_whole_url_instead_of_a_tunnel(front: Front, url: str) -> None:
    client = await front.client()
    await client.say(f"POST {url} HTTP/1.1\r\nHost: {AWS}\r\nContent-Length: 4\r\n\r\nbody".encode())
    await client.say(b"GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n")
    answers = await client.rest()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert [(scope["path"], scope["method"]) for scope in front.scopes] == [("/path", "POST"), ("/2", "GET")]


async def test_until_there_is_a_server_names_wait_and_tunnels_do_not(authority: Authority, make_site: MakeSite) -> None:
    from tests.proxy.conftest import Front

    front, site = Front(authority), await make_site(plain=True)
    early, other = await front.client(), await front.client()
    assert await early.connect(f"{AWS}:443") == 200
    tls = asyncio.create_task(early.start_tls(front.trusting(), AWS))
    assert await other.connect(f"localhost:{site.port}") == 200
    await other.say(b"hello")
    assert await other.reader.readexactly(5) == b"hello"
    assert not tls.done()
    front.answer()
    await tls
    assert (await early.get("/", AWS)).endswith(f"https {AWS}".encode())
    await front.close()


async def test_many_at_once(front: Front, make_site: MakeSite) -> None:
    site = await make_site()

    async def ask(number: int) -> bytes:
        client = await front.client()
        if number % 2:
            name = f"bucket-{number % 10}.s3.amazonaws.com"
            assert await client.connect(f"{name}:443") == 200
            await client.start_tls(front.trusting(), name)
            return await client.get("/", name)
        assert await client.connect(f"localhost:{site.port}") == 200
        await client.start_tls(site.trusting, "localhost")
        await client.say(b"%08d" % number)
        return await client.reader.readexactly(8)

    answers = await asyncio.gather(*map(ask, range(100)))
    assert [answer[-8:] for answer in answers[::2]] == [b"%08d" % number for number in range(0, 100, 2)]
    assert len(front.scopes) == 50


# What is refused


@pytest.mark.parametrize(
    ("request_line", "status", "sentence"),
    [
        ("CONNECT user@example.com:443 HTTP/1.1", 400, "CONNECT needs a host and a port"),
        (f"CONNECT user@{AWS}:443 HTTP/1.1", 400, "CONNECT needs a host and a port"),
        (f"CONNECT {AWS} HTTP/1.1", 400, "CONNECT needs a host and a port"),
        ("GET http://example.com/ HTTP/1.1", 501, "only https:// goes through this proxy, and not http://example.com"),
        (
            f"GET http://{AWS}@example.com/ HTTP/1.1",
            501,
            "only https:// goes through this proxy, and not http://example.com",
        ),
        ("GET / HTTP/1.1", 400, "the emulator is http://emulator.example"),
        ("hello", 400, "this is no HTTP request"),
        ("CONNECT example.com:443 HTTP/1.1\r\nOrigin: http://localhost", 403, "a page in a browser"),
        (f"CONNECT {AWS}:443 HTTP/1.1\r\nSec-Fetch-Site: none", 403, "a page in a browser"),
    ],
)
async def test_refusals(front: Front, request_line: str, status: int, sentence: str) -> None:
    client = await front.client()
    await client.say(f"{request_line}\r\n\r\n".encode())
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    first_line, *_ = head.decode().split("\r\n")
    assert first_line.startswith(f"HTTP/1.1 {status} ")
    # Clients show nothing but the first line.
    assert sentence in first_line
    assert sentence in body.decode()
    assert front.scopes == []


async def test_a_head_without_end(front: Front) -> None:
    client = await front.client()
    await client.say(f"CONNECT {AWS}:443 HTTP/1.1\r\nX: ".encode() + b"a" * 100_000)
    assert (await client.head()).startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_takes_for_ever(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_emulator.proxy.proxy._CLIENT_SECONDS", 0.01)
    client = await front.client()
    await client.say(b"CONNECT ")
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("begin", [b"", b"\x16\x03\x01"])
async def test_a_client_that_never_gets_to_tls(front: Front, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr("agentcore_emulator.proxy.proxy._CLIENT_SECONDS", 0.5)
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    await client.say(begin)
    assert await client.rest() == b""


async def test_a_client_that_is_refused_and_never_goes(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_emulator.proxy.proxy._FAREWELL_SECONDS", 0.01)
    client = await front.client()
    await client.say(b"GET / HTTP/1.1\r\n\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 400 ")
    while len(asyncio.all_tasks()) > 2:  # noqa: ASYNC110 - the one that accepts is left
        await asyncio.sleep(0)


async def test_the_proxy_itself_is_no_host(front: Front) -> None:
    port = front.address[1]
    for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"):
        client = await front.client()
        assert await client.connect(f"{host}:{port}") == 508


async def test_a_name_without_a_certificate(
    front: Front, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> ssl.SSLContext:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(front.authority, "context", fail)
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    with pytest.raises(ConnectionError):
        await client.start_tls(front.trusting(), AWS)
    assert caplog.messages == [f"there can be no certificate for {AWS}: [Errno 28] No space left on device"]


# Its end


async def test_its_end_ends_tunnels_and_those_who_wait(authority: Authority, make_site: MakeSite) -> None:
    from tests.proxy.conftest import Front

    front, site = Front(authority), await make_site(plain=True)
    tunnel, waits, silent = await front.client(), await front.client(), await front.client()
    assert await tunnel.connect(f"localhost:{site.port}") == 200
    assert await waits.connect(f"{AWS}:443") == 200
    await waits.say(b"GET / HTTP/1.1\r\n\r\n")
    await silent.say(b"CONN")
    await front.proxy.close()
    await front.proxy.close()
    for client in (tunnel, waits, silent):
        with contextlib.suppress(ConnectionResetError):
            assert await client.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await front.client()
    await front.close()


async def test_an_idle_client_does_not_hold_up_the_servers_end(front: Front) -> None:
    client = await front.client()
    assert await client.connect(f"{AWS}:443") == 200
    await client.start_tls(front.trusting(), AWS)
    assert await client.get("/", AWS)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # so it does not see that TLS ends
    [connection] = front.server.server_state.connections
    connection.shutdown()
    while front.server.server_state.connections:  # noqa: ASYNC110
        await asyncio.sleep(0)


def test_the_port_is_the_same_the_next_time_unless_somebody_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with listen(port - 10_000) as first, listen(port - 10_000) as second, listen(60_000) as third:
        assert first.getsockname() == ("127.0.0.1", port)
        assert second.getsockname()[0] == third.getsockname()[0] == "127.0.0.1"
        assert len({first.getsockname(), second.getsockname(), third.getsockname()}) == 3


async def test_no_descriptors_are_left_for_more(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agentcore_emulator.proxy.proxy._ACCEPT_AGAIN_SECONDS", 0)
    listener = listen(70_000)
    failures = [OSError(24, "Too many open files")]
    accept = asyncio.get_running_loop().sock_accept

    async def failing_accept(sock: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return await accept(sock)

    proxy = Proxy(listener, authority, "http://emulator.example")
    address = listener.getsockname()
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_accept", failing_accept)
    proxy.start()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    assert caplog.messages == ["the proxy for AWS names takes no connection for now: Too many open files"]
    await proxy.close()
