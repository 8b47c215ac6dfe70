"""What the probe says on a WebSocket.

A message that is a JSON object with `do` is an order: one of those below, or any action that an invocation may ask
for, whose result comes back as JSON. Every other message comes back as it is, text or bytes.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket

# The header that has the handshake refused.
_REFUSAL = "x-amzn-bedrock-agentcore-runtime-custom-probe"

_ends: list[int] = []
_ended = threading.Event()


def ends(seconds: float) -> list[int]:
    """The close codes with which connections have ended; waits for the first of them."""
    _ended.wait(seconds)
    return _ends


async def talk(socket: WebSocket, do: Callable[[Any], Any]) -> None:
    """Answer until either side closes. Of the subprotocols that are offered the first is accepted.

    `do` carries out an action, in a thread. The orders of a conversation's own: `close` with `code` and `reason`,
    `burst` of `count` messages, each its number, and `send` a message of `size` bytes.
    """
    if socket.headers.get(_REFUSAL) == "refuse":
        await socket.close()
        return
    offered = socket.scope["subprotocols"]
    await socket.accept(offered[0] if offered else None)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            _ends.append(message["code"])
            _ended.set()
            return
        order = _order(message)
        match order.get("do"):
            case None:
                await socket.send({**message, "type": "websocket.send"})
            case "close":
                await socket.close(order["code"], order.get("reason"))
                return
            case "burst":
                for number in range(order["count"]):
                    await socket.send_text(f"{number}")
            case "send":
                await socket.send_bytes(bytes(order["size"]))
            case _:
                await socket.send_json(await asyncio.to_thread(do, order))


def _order(message: Mapping[str, Any]) -> dict[str, Any]:
    try:
        order = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        return {}
    return order if isinstance(order, dict) and "do" in order else {}
