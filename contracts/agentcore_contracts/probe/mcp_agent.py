"""The probe as an MCP server: streamable HTTP at `POST /mcp`, on port 8000.

Its tool `do` takes an order (see `serving.do`) and has its result as structured content. Further orders: `stream`
sends `values` as the messages of notifications, each but the first once `gate` is open; `fail` is an error of the
tool's own; `answer` refuses the request with the HTTP `status`.

A client that calls itself `stateful` is issued a session id by this server, any other is taken with whatever id.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import serving
from serving import Refusal
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_SESSION = "mcp-session-id"

_TOOL = {
    "name": "do",
    "description": "Does what a contract asks for.",
    "inputSchema": {"type": "object", "properties": {"do": {"type": "string"}}, "required": ["do"]},
}


async def post(request: Request) -> Response:
    """One message of a client's."""
    try:
        message = json.loads(await request.body())
    except (ValueError, RecursionError):
        return serving.refused(Refusal(-32700, "Parse error"), None, 400)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        return serving.refused(Refusal(-32600, "Invalid Request"), None, 400)
    if "id" not in message:
        return Response(status_code=202)
    try:
        answer = await _answer(message["method"], message.get("params") or {}, message["id"], request)
    except Refusal as refusal:
        return serving.refused(refusal, message["id"])
    if isinstance(answer, Response):
        return answer
    headers = {}
    if message["method"] == "initialize" and answer["serverInfo"]["name"].endswith("stateful"):
        headers[_SESSION] = uuid.uuid4().hex
    return JSONResponse(serving.result(answer, message["id"]), headers=headers)


async def _answer(method: str, params: Mapping[str, Any], message_id: Any, request: Request) -> Any:
    """The result, or a whole response. Raises `Refusal`."""
    match method:
        case "initialize":
            name = params.get("clientInfo", {}).get("name", "")
            return {
                "protocolVersion": params.get("protocolVersion"),
                "capabilities": {"tools": {}},
                # By which a client can tell the processes apart that it has been led to.
                "serverInfo": {"name": f"probe for {name}", "version": serving.MODULE},
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [_TOOL]}
        case "tools/call":
            if params.get("name") != "do":
                raise Refusal(-32602, "Unknown tool")
            return await _call(params.get("arguments") or {}, message_id, request)
        case _:
            raise Refusal(-32601, "Method not found")


async def _call(order: Mapping[str, Any], message_id: Any, request: Request) -> Any:
    match order.get("do"):
        case "answer":
            return PlainTextResponse("as you wish", order["status"])
        case "fail":
            return {"content": [{"type": "text", "text": order["message"]}], "isError": True}
        case "stream":
            return serving.events(_stream(order, message_id))
        case _:
            found = await serving.do(order, request)
            content = [{"type": "text", "text": json.dumps(found)}]
            return {"content": content, "structuredContent": {"value": found}, "isError": False}


async def _stream(order: Mapping[str, Any], message_id: Any) -> AsyncIterator[Any]:
    for number, value in enumerate(order["values"]):
        if number and order.get("gate"):
            await serving.passage(order["gate"])
        yield {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": value}}
    yield serving.result({"content": [], "isError": False}, message_id)


app = Starlette(routes=[Route("/mcp", post, methods=["POST"])])

if __name__ == "__main__":
    serving.serve(app, 8000)
