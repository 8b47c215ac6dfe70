"""Packets between the host and a zygote (or a spawned guest): one JSON object each, with descriptors beside it."""

import array
import json
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

# More than systems let a packet have, so that none arrives cut off: it is the sender who learns that one is too long.
_MOST_BYTES = 1024 * 1024
_MOST_DESCRIPTORS = 8


class Order(NamedTuple):
    """What makes a guest: its `spec`, and the descriptors of its Unix and TCP listeners, log and link."""

    spec: dict[str, Any]
    descriptors: list[int]


def receive(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next packet and its descriptors; None at the end of the line."""
    data, ancillary, _flags, _address = line.recvmsg(
        _MOST_BYTES, socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
    )
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    if not data:
        return None, []
    return json.loads(data), list(descriptors)


def send(line: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one packet; the receiver gets descriptors of its own."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    line.sendmsg([json.dumps(message).encode()], rights)
