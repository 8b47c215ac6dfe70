"""Sockets that have no transport yet, so that what follows a head stays in them for whoever is to read it."""

from __future__ import annotations

import asyncio
import socket
import struct

__all__ = ["HeadTooLarge", "peek", "read_head", "reset"]

_LARGEST_HEAD = 16 * 1024


class HeadTooLarge(Exception):
    """A head that does not end within 16 KB."""


async def peek(connection: socket.socket, size: int) -> bytes:
    """Up to `size` of the bytes that come next, which stay where they are; none at the end. Raises `OSError`."""
    while True:
        try:
            return connection.recv(size, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(connection)


async def read_head(connection: socket.socket) -> bytes:
    """All up to the first empty line, and nothing of what follows.

    Raises `EOFError` when there is no more, `HeadTooLarge`, and `OSError`.
    """
    head = b""
    while True:
        piece = await peek(connection, _LARGEST_HEAD)
        if not piece:
            raise EOFError
        end = (head + piece).find(b"\r\n\r\n")
        taken = len(piece) if end < 0 else end + 4 - len(head)
        head += connection.recv(taken)
        if end >= 0:
            return head
        if len(head) >= _LARGEST_HEAD:
            raise HeadTooLarge


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection.fileno())


def reset(connection: socket.socket) -> None:
    """Close it as one that has failed, so that its peer does not take what it got for the whole."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
