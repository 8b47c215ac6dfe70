"""The probe as an A2A server: JSON-RPC at `POST /`, its card at `/.well-known/agent-card.json`, on port 9000.

`message/send` and `message/stream` take an order (see `serving.do`) as the data of the message's first part, and have
its result as the data of an answer's. Further orders: `stream` sends `values`, each but the first once `gate` is open;
`answer` refuses the request with the HTTP `status`. Requests for all other paths are told of what came.
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

_CARD = {
    "name": "probe",
    "description": "Does what a contract asks for.",
    "url": "http://localhost:9000/",
    "version": "1",
    "protocolVersion": "0.3.0",
    "preferredTransport": "JSONRPC",
    "capabilities": {"streaming": True},
    "defaultInputModes": ["application/json"],
    "defaultOutputModes": ["application/json"],
    "skills": [{"id": "do", "name": "do", "description": "Does what a contract asks for.", "tags": []}],
}

# Those that A2A and AgentCore have use for; one that the server lacks it refuses with 405, before it is seen here.
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def post(request: Request) -> Response:
    """One message of a client's."""
    try:
        message = json.loads(await request.body())
    except (ValueError, RecursionError):
        return serving.refused(Refusal(-32700, "Parse error"), None)
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        return serving.refused(Refusal(-32600, "Invalid Request"), None)
    message_id = message.get("id")
    if message["method"] not in ("message/send", "message/stream"):
        return serving.refused(Refusal(-32601, "Method not found"), message_id)
    try:
        order = message["params"]["message"]["parts"][0]["data"]
    except (LookupError, TypeError):
        return serving.refused(Refusal(-32602, "Invalid params"), message_id)
    if order.get("do") == "answer":
        return PlainTextResponse("as you wish", order["status"])
    if message["method"] == "message/stream":
        return serving.events(_stream(order, message_id, request))
    return JSONResponse(serving.result(_said(await serving.do(order, request)), message_id))


async def _stream(order: Mapping[str, Any], message_id: Any, request: Request) -> AsyncIterator[Any]:
    values = order["values"] if order["do"] == "stream" else [await serving.do(order, request)]
    for number, value in enumerate(values):
        if number and order.get("gate"):
            await serving.passage(order["gate"])
        yield serving.result(_said(value), message_id)


def _said(value: Any) -> dict[str, Any]:
    parts = [{"kind": "data", "data": {"value": value}}]
    return {"kind": "message", "role": "agent", "messageId": str(uuid.uuid4()), "parts": parts}


async def card(_: Request) -> Response:
    """`GET /.well-known/agent-card.json`."""
    return JSONResponse(_CARD)


async def other(request: Request) -> Response:
    """Anything else: what came."""
    return JSONResponse(
        {
            "method": request.method,
            "path": request.scope["raw_path"].decode("latin-1"),
            "query": request.scope["query_string"].decode("latin-1"),
            "body": (await request.body()).decode("utf-8"),
        }
    )


app = Starlette(
    routes=[
        Route("/", post, methods=["POST"]),
        Route("/.well-known/agent-card.json", card),
        Route("/ping", serving.ping),
        Route("/{path:path}", other, methods=_METHODS),
    ]
)

if __name__ == "__main__":
    serving.serve(app, 9000)
