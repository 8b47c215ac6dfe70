"""A WebSocket over a real socket, whose other end says what a client says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side

from agentcore_emulator.runtime.shell.connection import Connection, Received

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Client:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.protocol = Protocol(Side.CLIENT)

    def send(self, opcode: Opcode, data: bytes, *, fin: bool = True) -> None:
        self.writer.write(Frame(opcode, data, fin).serialize(mask=True))

    async def read(self) -> list[Frame]:
        """What comes until the connection ends, or anything has come."""
        if data := await self.reader.read(65_536):
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        return [event for event in self.protocol.events_received() if isinstance(event, Frame)]


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Connection, Client]]:
    ours, theirs = socket.socketpair()
    connection = Connection(*await asyncio.open_connection(sock=ours))
    client = Client(*await asyncio.open_connection(sock=theirs))
    yield connection, client
    client.writer.close()
    await connection.closed()


Ends = tuple[Connection, Client]


async def test_messages_whole_and_in_fragments(ends: Ends) -> None:
    connection, client = ends
    client.send(Opcode.BINARY, b"whole")
    client.send(Opcode.BINARY, b"in ", fin=False)
    client.send(Opcode.PING, b"still there?")
    client.send(Opcode.CONT, b"", fin=False)
    client.send(Opcode.CONT, b"parts")
    client.send(Opcode.TEXT, b"a te", fin=False)
    client.send(Opcode.CONT, b"xt")
    client.send(Opcode.BINARY, b"")
    client.send(Opcode.PONG, b"")
    client.send(Opcode.CLOSE, Close(1000, "done").serialize())
    assert [received async for received in connection.received()] == [
        Received(b"whole"),
        Received(),
        Received(),
        Received(),
        Received(b"in parts"),
        Received(),
        Received(text=True),
        Received(b""),
        Received(),
        Received(),
    ]
    pong, close = await client.read()
    assert (pong.opcode, pong.data) == (Opcode.PONG, b"still there?")
    assert Close.parse(bytes(close.data)) == Close(1000, "done")
    assert connection.broken is None


async def test_the_end_of_the_connection(ends: Ends) -> None:
    connection, client = ends
    client.writer.close()
    assert [received async for received in connection.received()] == []
    assert connection.broken is None
    with pytest.raises(ConnectionError):
        await connection.send(b"anybody there?")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x00", 1002),  # Not masked.
        (b"\xc2\x80\x00\x00\x00\x00", 1002),  # With a reserved bit.
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # Of a reserved kind.
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # The rest of nothing.
        (b"\x82\xff" + (65_537).to_bytes(8, "big") + bytes(4), 1009),
    ],
)
async def test_what_breaks_the_protocol(ends: Ends, data: bytes, code: int) -> None:
    connection, client = ends
    client.send(Opcode.BINARY, b"before")
    client.writer.write(data)
    assert [received async for received in connection.received()] == [Received(b"before")]
    assert connection.broken is not None
    assert connection.broken.startswith(f"{code}: ")
    [close] = await client.read()
    assert Close.parse(bytes(close.data)).code == code


async def test_a_message_of_64_kb(ends: Ends) -> None:
    connection, client = ends
    client.send(Opcode.BINARY, bytes(64 * 1024))
    assert await anext(connection.received()) == Received(bytes(64 * 1024))


async def test_fragments_of_more_than_64_kb(ends: Ends) -> None:
    connection, client = ends
    client.send(Opcode.BINARY, bytes(64 * 1024), fin=False)
    client.send(Opcode.CONT, b"x")
    assert [received async for received in connection.received()] == [Received()]
    assert connection.broken is not None
    assert connection.broken.startswith("1009: ")


async def test_sending_waits_for_who_reads(ends: Ends, until: Until) -> None:
    connection, client = ends
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < 10_000_000:
            await connection.send(bytes(50_000))
            sent += 50_000

    sending = asyncio.create_task(send())
    before = -1
    while sent != before:
        before = sent
        for _ in range(10):
            await asyncio.sleep(0)
    assert sent < 5_000_000
    received = 0
    while received < 10_000_000:
        received += sum(len(frame.data) for frame in await client.read())
    await sending


async def test_a_good_bye_is_answered(ends: Ends) -> None:
    connection, client = ends
    closing = asyncio.create_task(connection.close(4000, "another", b"announced"))
    announcement, close = await client.read()
    assert (announcement.data, Close.parse(bytes(close.data))) == (b"announced", Close(4000, "another"))
    client.send(Opcode.CLOSE, bytes(close.data))
    await closing
    assert await client.read() == []


async def test_a_client_that_does_not_answer_is_left(ends: Ends) -> None:
    connection, client = ends
    sending = asyncio.create_task(connection.send(bytes(10_000_000)))
    await asyncio.sleep(0)
    sending.cancel()
    await connection.close(1008, "too slow")
    received = 0
    while data := await client.reader.read(65_536):
        received += len(data)
    assert received < 10_000_000
