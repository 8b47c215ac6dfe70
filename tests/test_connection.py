from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from agentcore_emulator.call import UPGRADE
from agentcore_emulator.connection import Connection


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of `app`."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        yield reader, writer
        writer.close()
        server.should_exit = True
        await serving


async def test_each_of_several_pipelined_requests_learns_that_its_client_has_gone() -> None:
    entered, told = asyncio.Event(), asyncio.Event()
    served = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await receive()
        entered.set()
        assert (await receive())["type"] == "http.disconnect"
        # To nobody, and no error either.
        await send({"type": "http.response.start", "status": 200, "headers": []})
        told.set()

    async with connected(app) as (_, writer):
        writer.write(b"GET /first HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n")
        await entered.wait()
        writer.close()
        await told.wait()
    assert served == ["/first"]


async def test_no_refusal_is_written_into_an_answer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"

    async with connected(app) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"piece\r\n")
        writer.write(b"no HTTP\r\n\r\n")
        assert await reader.read() == b""


async def test_what_is_no_http_is_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nothing was asked for")

    async with connected(app) as (reader, writer):
        writer.write(b"no HTTP\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


# WebSockets


class Echo(asyncio.Protocol):
    """Says what is said, until that is nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


UPGRADE_REQUEST = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"


async def test_an_app_may_take_the_connection_over() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        scope["extensions"][UPGRADE]([(b"x-a", b"b")], Echo())

    async with connected(app) as (reader, writer):
        writer.write(UPGRADE_REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        assert head[0] == b"HTTP/1.1 101 Switching Protocols"
        assert set(head[1:-2]) == {b"upgrade: websocket", b"connection: upgrade", b"x-a: b"}
        writer.write(b"\x81\x00GET / HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(20) == b"\x81\x00GET / HTTP/1.1\r\n\r\n"


async def test_an_app_may_refuse_as_it_refuses_other_requests() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async with connected(app) as (reader, writer):
        writer.write(UPGRADE_REQUEST)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"connection: close" in answer
        assert answer.endswith(b"\r\n\r\nno")


async def test_other_upgrades_are_none() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert "extensions" not in scope
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with connected(app) as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")


async def test_a_connection_that_is_gone_is_not_taken_over() -> None:
    refused = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        with pytest.raises(ClientDisconnect):
            scope["extensions"][UPGRADE]([], Echo())
        refused.set()

    async with connected(app) as (_, writer):
        writer.write(UPGRADE_REQUEST)
        writer.close()
        await refused.wait()
