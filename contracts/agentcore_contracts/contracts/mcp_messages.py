"""Messages of MCP, and how a client sends them to the probe."""

from __future__ import annotations

import json
from typing import Any

from agentcore_contracts.runtime import AgentCore, Raw

__all__ = ["ACCEPT", "GUIDE", "MCP", "SESSION", "call", "do", "error", "message", "post"]

GUIDE = "AWS developer guide, 'MCP protocol contract'"

MCP = "mcp-session-id"
SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
ACCEPT = "application/json, text/event-stream"


def message(method: str, params: Any = None, message_id: Any = 1) -> dict[str, Any]:
    """A request of JSON-RPC."""
    return {"jsonrpc": "2.0", "id": message_id, "method": method, **({} if params is None else {"params": params})}


def call(order: dict[str, Any], message_id: Any = 1) -> dict[str, Any]:
    """The request that gives an order to the probe's tool."""
    return message("tools/call", {"name": "do", "arguments": order}, message_id)


def post(mcp: AgentCore, content: Any, headers: dict[str, str] | None = None, query: str = "") -> Raw:
    """Send over plain HTTP, as a client of MCP does it: without a session, unless the headers name one."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = {"content-type": "application/json", "accept": ACCEPT, **(headers or {})}
    return mcp.post(f"invocations{query}", headers=lines, body=body)


def do(mcp: AgentCore, session: str, order: dict[str, Any]) -> Any:
    """What the probe's tool has for an order, by boto3."""
    answer = mcp.invoke(call(order), session, accept=ACCEPT, mcpSessionId=session)
    return answer.json["result"]["structuredContent"]["value"]


def error(answer: Raw) -> tuple[int, int]:
    """The HTTP status and the code of an error of JSON-RPC."""
    content = json.loads(answer.body)
    assert content["jsonrpc"] == "2.0"
    assert content["error"]["message"]
    return answer.status, content["error"]["code"]
