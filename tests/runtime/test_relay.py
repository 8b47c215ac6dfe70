from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.runtime.relay import BrokenGuest, ClientGone, Exchange

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def exchange_with(path: Path, serve: Serve) -> AsyncIterator[Exchange]:
    """An exchange over a real Unix socket with a server that does as `serve` says, and then hangs up."""

    over = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()
        over.set()

    server = await asyncio.start_unix_server(connected, path / "s")
    async with server:
        reader, writer = await asyncio.open_unix_connection(path / "s")
        exchange = Exchange(reader, writer)
        try:
            yield exchange
        finally:
            await exchange.close()
            writer.close()
            await over.wait()


class Client:
    """The ASGI `receive` of a client that sends what it is told to."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait(message)

    async def receive(self) -> dict[str, Any]:
        return await self._messages.get()

    def send(self, body: bytes, *, more: bool) -> None:
        self._messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def go_away(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})


def client(*bodies: bytes) -> Client:
    whole = Client()
    for body in bodies[:-1]:
        whole.send(body, more=True)
    whole.send(bodies[-1], more=False)
    return whole


def saying(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    return serve


async def read(exchange: Exchange, *, length: int | None = 0) -> bytes:
    await exchange.request("POST", "/x", [("host", "h")], client(b"").receive, length)
    await exchange.head()
    return b"".join([piece async for piece in exchange.body()])


async def test_the_request_as_the_agent_gets_it(tmp_path: Path) -> None:
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.readuntil(b"body"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [("host", "h"), ("x-é", "ü")], client(b"body").receive, 4)
        await exchange.head()
        assert [piece async for piece in exchange.body()] == [b"ok"]
    assert bytes(got) == (
        b"POST /x HTTP/1.1\r\nhost: h\r\nx-\xe9: \xfc\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody"
    )


async def test_a_body_of_unknown_length_goes_in_chunks(tmp_path: Path) -> None:
    got: list[bytes] = []
    caller = Client()
    caller.send(b"first", more=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"first\r\n"))
        caller.send(b"", more=True)  # An empty piece is no end of the body.
        caller.send(b"x" * 20, more=False)
        got.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [("host", "h")], caller.receive, None)
        await exchange.head()
        assert exchange.status == 204
        assert [piece async for piece in exchange.body()] == []
    assert b"transfer-encoding: chunked" in got[0]
    assert b"content-length" not in got[0]
    assert got[0].endswith(b"\r\n\r\n5\r\nfirst\r\n")
    assert got[1] == b"14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n"


async def test_a_whole_body_of_unknown_length_gets_its_length(tmp_path: Path) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"whole"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], client(b"whole").receive, None)
        await exchange.head()
    assert b"content-length: 5\r\n" in got[0]


async def test_each_piece_is_there_before_the_next_is_sent(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"):
            await gate.wait()
            gate.clear()
            writer.write(piece)

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], client(b"").receive, 0)
        await exchange.head()
        assert (exchange.status, exchange.headers) == (
            200,
            [("content-type", "a/b"), ("transfer-encoding", "chunked")],
        )
        pieces = exchange.body()
        for expected in (b"one", b"two"):
            gate.set()
            assert await anext(pieces) == expected
        gate.set()
        assert [piece async for piece in pieces] == []


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_an_answer_in_any_pieces(tmp_path: Path, size: int) -> None:
    answer = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nx-interim: 1\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5;note=1\r\nhello\r\n1\r\n!\r\n0\r\ntrailer: t\r\n\r\n"
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start in range(0, len(answer), size):
            writer.write(answer[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)

    async with exchange_with(tmp_path, serve) as exchange:
        assert await read(exchange) == b"hello!"
        assert exchange.status == 200
        assert ("x-a", "b") in exchange.headers
        assert "x-interim" not in dict(exchange.headers)


async def test_a_body_that_ends_with_the_connection(tmp_path: Path) -> None:
    async with exchange_with(tmp_path, saying(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as exchange:
        assert await read(exchange) == b"all of it"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "the agent closed the connection unanswered"),
        (b"HTTP/1.1 200 OK\r\nx: y\r\n", "the agent closed the connection unanswered"),
        (b"HTTP/1.1 102 Processing\r\n\r\n", "the agent closed the connection unanswered"),
        (b"hello\r\n\r\n", "the agent's answer is not HTTP: "),
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "a protocol upgrade"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200_000, "the head of the agent's answer is over 1,048,576 bytes long"),
    ],
)
async def test_no_answer_at_all(tmp_path: Path, answer: bytes, reason: str) -> None:
    async with exchange_with(tmp_path, saying(answer)) as exchange:
        await exchange.request("POST", "/x", [], client(b"").receive, 0)
        with pytest.raises(BrokenGuest, match=reason):
            await exchange.head()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"content-length: 10\r\n\r\nhalf", "the agent closed the connection in the middle of its answer"),
        (b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "the agent closed the connection in the middle"),
        (b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzzz\r\n", "the agent's answer is not HTTP: "),
    ],
)
async def test_half_an_answer_is_relayed_before_it_fails(tmp_path: Path, body: bytes, reason: str) -> None:
    async with exchange_with(tmp_path, saying(b"HTTP/1.1 200 OK\r\n" + body)) as exchange:
        await exchange.request("POST", "/x", [], client(b"").receive, 0)
        await exchange.head()
        pieces = exchange.body()
        assert await anext(pieces) == b"half"
        with pytest.raises(BrokenGuest, match=reason):
            await anext(pieces)


async def test_an_answer_before_the_request_is_read(tmp_path: Path) -> None:
    caller = Client()
    caller.send(b"begin", more=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"begin")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!")

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], caller.receive, 10**9)
        await exchange.head()
        assert exchange.status == 413
        assert [piece async for piece in exchange.body()] == [b"no!"]


async def test_a_client_that_leaves_in_its_upload(tmp_path: Path) -> None:
    caller = Client()
    caller.send(b"begin", more=True)
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"begin\r\n")
        caller.go_away()
        await got.put(await reader.read())

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], caller.receive, None)
        with pytest.raises(ClientGone):
            await exchange.head()
        assert await got.get() == b"", "no last chunk that would make the request whole"


async def test_a_client_that_has_left_before_its_request(tmp_path: Path) -> None:
    caller = Client()
    caller.go_away()
    async with exchange_with(tmp_path, saying(b"")) as exchange:
        with pytest.raises(ClientGone):
            await exchange.request("POST", "/x", [], caller.receive, 5)


async def test_an_upload_waits_for_an_agent_that_does_not_read(tmp_path: Path) -> None:
    pieces = 0
    gate = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": bytes(100_000), "more_body": pieces < 1000}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        total = len(await reader.readuntil(b"\r\n\r\n")) - 1
        while total < 1000 * 100_000:
            total += len(await reader.read(1_000_000))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], receive, 1000 * 100_000)
        before = -1
        while pieces > before:
            before = pieces
            for _ in range(100):
                await asyncio.sleep(0)  # Turns of the loop, in each of which the upload could go on.
        assert pieces < 100
        gate.set()
        await exchange.head()
        assert pieces == 1000


async def test_abort_breaks_the_wait_for_an_answer(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asyncio.get_running_loop().call_soon(exchange.abort)
        await reader.read()

    async with exchange_with(tmp_path, serve) as exchange:
        await exchange.request("POST", "/x", [], client(b"").receive, 0)
        assert not exchange.aborted
        with pytest.raises(BrokenGuest):
            await exchange.head()
        assert exchange.aborted
