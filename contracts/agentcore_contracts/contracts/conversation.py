"""What contracts on WebSockets say to the probe."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

__all__ = ["CUSTOM", "GUIDE", "QUOTAS", "SESSION", "SINCE", "ask", "closed_with"]

GUIDE = "AWS developer guide, 'Get started with bidirectional streaming using WebSocket'"
QUOTAS = "AWS developer guide, 'Quotas for Amazon Bedrock AgentCore'"

SINCE = "1.1.0"
"""The first SDK with WebSockets."""

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
CUSTOM = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-"


def ask(connection: ClientConnection, order: dict[str, Any]) -> Any:
    """What the probe has for an order."""
    connection.send(json.dumps(order))
    return json.loads(connection.recv())


def closed_with(connection: ClientConnection) -> tuple[int, str]:
    """The code and the reason of the close frame that comes; what comes before it is read over."""
    with pytest.raises(ConnectionClosed) as closed:
        deque(iter(connection.recv, None), maxlen=0)
    assert closed.value.rcvd is not None, "the connection ended without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason
