"""What the frames of a shell's WebSocket say: a byte for the channel, then the payload.

SDK, `bedrock_agentcore/runtime/shell/protocol.py`; the same as Kubernetes' `v5.channel.k8s.io`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["LARGEST_FRAME", "Channel", "connected", "exited", "failed", "frame", "window"]

LARGEST_FRAME: Final = 64 * 1024
"""In bytes, with the channel's."""

# The kernel keeps a terminal's size in 16 bits each.
_LARGEST_SIDE: Final = 0xFFFF


class Channel(enum.IntEnum):
    """The channels. CLOSE ends the shell if it comes from the client, and announces the end of the connection."""

    STDIN = 0x00
    STDOUT = 0x01
    STDERR = 0x02
    STATUS = 0x03
    RESIZE = 0x04
    HEARTBEAT = 0x05
    CLOSE = 0xFF


def frame(channel: Channel, payload: bytes = b"") -> bytes:
    """One frame."""
    return bytes([channel]) + payload


def connected(shell_id: str, *, reconnected: bool) -> bytes:
    """Whoever connects is told first which shell it is, and whether it was there before."""
    return _status({"metadata": {"shellId": shell_id, "reconnected": reconnected}, "status": "Success"})


def exited(code: int) -> bytes:
    """The shell has ended, with an exit code that is negative for a signal."""
    if code == 0:
        return _status({"metadata": {}, "status": "Success"})
    shown = 128 - code if code < 0 else code
    causes = [{"reason": "ExitCode", "message": str(shown)}]
    if code < 0:
        causes.append({"reason": "Signal", "message": str(-code)})
    return _status(
        {
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": f"command terminated with exit code {shown}",
            "details": {"causes": causes},
        }
    )


def failed(message: str) -> bytes:
    """The platform has lost the shell."""
    return _status({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500})


def window(payload: bytes) -> tuple[int, int]:
    """The columns and lines that a RESIZE frame asks for. Raises `ValueError`."""
    try:
        asked = json.loads(payload)
        width, height = asked["width"], asked["height"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError('a RESIZE frame holds {"width": columns, "height": lines}') from None
    for side in (width, height):
        if type(side) is not int or not 1 <= side <= _LARGEST_SIDE:
            raise ValueError(f"a terminal has 1 to {_LARGEST_SIDE} columns and lines")
    return width, height


def _status(members: Mapping[str, Any]) -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", **members}
    return frame(Channel.STATUS, json.dumps(status, separators=(",", ":")).encode())
