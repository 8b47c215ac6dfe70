from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import Receive, Scope, Send

from agentcore_emulator.connection import Connection


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

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    _, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"GET /first HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(30):
        await entered.wait()
        writer.close()
        await told.wait()
        server.should_exit = True
        await serving
    assert served == ["/first"]
