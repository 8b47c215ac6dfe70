from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

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
