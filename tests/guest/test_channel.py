from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from agentcore_emulator.guest import channel


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_packets_keep_their_bounds(line: tuple[socket.socket, socket.socket]) -> None:
    for number in range(3):
        channel.send(line[0], {"number": number})
    assert [channel.receive(line[1]) for _ in range(3)] == [({"number": number}, []) for number in range(3)]


def test_descriptors_arrive_as_ones_own(line: tuple[socket.socket, socket.socket]) -> None:
    pipes = [os.pipe() for _ in range(3)]
    channel.send(line[0], {"fork": 1}, [write_end for _, write_end in pipes])
    for _, write_end in pipes:
        os.close(write_end)
    message, received = channel.receive(line[1])
    assert message == {"fork": 1}
    assert len(received) == 3
    for (read_end, _), descriptor in zip(pipes, received, strict=True):
        os.write(descriptor, b"x")
        os.close(descriptor)
        assert os.read(read_end, 2) == b"x"
        assert os.read(read_end, 2) == b"", "the sender's copy and the receiver's were the only ones"
        os.close(read_end)


def test_a_large_environment_fits(line: tuple[socket.socket, socket.socket]) -> None:
    message = {"spec": {"environ": {f"NAME_{number}": "x" * 1000 for number in range(120)}}}
    channel.send(line[0], message)
    assert channel.receive(line[1]) == (message, [])


def test_text_of_any_kind(line: tuple[socket.socket, socket.socket]) -> None:
    message = {"path": "/tmp/ü \udcff/\n", "none": None}
    channel.send(line[0], message)
    assert channel.receive(line[1]) == (message, [])


def test_the_end_of_the_line(line: tuple[socket.socket, socket.socket]) -> None:
    line[0].close()
    assert channel.receive(line[1]) == (None, [])
    with pytest.raises(OSError, match="Broken pipe"):
        channel.send(line[1], {})
