from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from agentcore_emulator.guest import idle


class Server(uvicorn.Server):
    """A server of its own class, so that the patch stays within these tests."""

    def __init__(self, config: uvicorn.Config, on_started: Any) -> None:
        super().__init__(config)
        self._on_started = on_started
        self.ticks = 0

    async def on_tick(self, counter: int) -> bool:
        self.ticks += 1
        if self.ticks == 1:
            asyncio.get_running_loop().call_soon(self._on_started, self)
        return await super().on_tick(counter)


idle.patch(Server)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def config(**options: Any) -> uvicorn.Config:
    return uvicorn.Config(app, lifespan="off", log_config=None, **options)


def delays_of(loop: asyncio.AbstractEventLoop) -> list[float]:
    """A list to which the delay of every timer is added from now on, in seconds."""
    delays: list[float] = []
    call_at = loop.call_at

    def noted_call_at(when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
        delays.append(when - loop.time())
        return call_at(when, *args, **options)

    setattr(loop, "call_at", noted_call_at)  # noqa: B010 - a type checker would hold it against the method
    return delays


async def test_an_idle_server_sets_no_short_timer(listener: socket.socket) -> None:
    delays: list[float] = []

    def on_started(server: Server) -> None:
        # Two turns on, so that the server is asleep.
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, stop, server)

    def stop(server: Server) -> None:
        delays.extend(noted)
        server.should_exit = True

    noted = delays_of(asyncio.get_running_loop())
    server = Server(config(), on_started)
    await server.serve(sockets=[listener])
    assert len(delays) == 1
    assert delays[0] > 50
    assert server.ticks == 2, "once before its sleep, and once after"


async def test_it_serves_while_it_sleeps(listener: socket.socket) -> None:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def ask(server: Server) -> None:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer.set_result(await reader.read())
        writer.close()
        server.should_exit = True

    tasks: list[asyncio.Task[None]] = []
    server = Server(config(), lambda server: tasks.append(asyncio.create_task(ask(server))))
    await server.serve(sockets=[listener])
    assert b"\r\nserved\r\n" in await answer
    assert server.ticks == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_wakes_it(listener: socket.socket, number: signal.Signals) -> None:
    got: list[int] = []
    previous = signal.signal(number, lambda found, _: got.append(found))
    try:
        await Server(config(), lambda server: os.kill(os.getpid(), number)).serve(sockets=[listener])
    finally:
        signal.signal(number, previous)
    assert got == [number], "uvicorn has handed on what it had caught"


async def test_another_thread_wakes_it(listener: socket.socket) -> None:
    def on_started(server: Server) -> None:
        threading.Thread(target=setattr, args=(server, "should_exit", True)).start()

    await Server(config(), on_started).serve(sockets=[listener])


def test_a_server_that_has_ended_may_be_asked_to_exit(listener: socket.socket) -> None:
    server = Server(config(), lambda server: setattr(server, "should_exit", True))
    asyncio.run(server.serve(sockets=[listener]))
    server.should_exit = True
    server.should_exit = False
    assert not server.should_exit


async def test_a_limit_of_requests_is_kept(listener: socket.socket) -> None:
    async def ask() -> None:
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

    tasks: list[asyncio.Task[None]] = []
    server = Server(config(limit_max_requests=1), lambda server: tasks.append(asyncio.create_task(ask())))
    await server.serve(sockets=[listener])
    assert server.server_state.total_requests == 1


async def test_a_notification_is_given(listener: socket.socket) -> None:
    notified: list[Server] = []

    async def notify() -> None:
        notified.append(server)
        server.should_exit = True

    server = Server(config(callback_notify=notify), lambda server: None)
    await server.serve(sockets=[listener])
    assert notified == [server]
