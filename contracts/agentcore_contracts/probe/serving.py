"""What the probe's servers share that are not built with the SDK: gates, errors of JSON-RPC, events, and the start.

Starlette and uvicorn are there wherever the SDK is; the protocols' own libraries are not, and would say no to what
contracts want to send.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

# What waits at a gate is given this long, so that a contract that failed does not leave it behind for ever.
GATE_SECONDS = 20.0

MODULE = str(uuid.uuid4())
"""Drawn when this module is imported."""

_counts = itertools.count(1)
_gates: dict[str, asyncio.Event] = {}


class Refusal(Exception):
    """An error of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def passage(gate: str) -> None:
    """Return once `gate` is open. Raises `TimeoutError` if that takes too long."""
    await asyncio.wait_for(_gates.setdefault(gate, asyncio.Event()).wait(), GATE_SECONDS)


async def do(order: Mapping[str, Any], request: Request) -> Any:
    """What every server of the probe can be asked for: `count`, `headers`, `echo`, `release`, `crash`.

    Raises `LookupError` for anything else.
    """
    match order.get("do"):
        case "count":
            return {"count": next(_counts), "module": MODULE, "pid": os.getpid()}
        case "headers":
            return dict(request.headers)
        case "echo":
            return order.get("value")
        case "release":
            _gates.setdefault(order["gate"], asyncio.Event()).set()
            return True
        case "crash":
            os._exit(1)
        case other:
            raise LookupError(f"the probe has no {other!r}")


def refused(refusal: Refusal, message_id: Any, status: int = 200) -> Response:
    """The answer of JSON-RPC that is an error."""
    error = {"code": refusal.code, "message": str(refusal)}
    return JSONResponse({"jsonrpc": "2.0", "id": message_id, "error": error}, status)


def result(value: Any, message_id: Any) -> dict[str, Any]:
    """The message of JSON-RPC that is a result."""
    return {"jsonrpc": "2.0", "id": message_id, "result": value}


def events(values: AsyncIterator[Any]) -> Response:
    """A stream of events, each with one JSON value as its data."""

    async def lines() -> AsyncIterator[str]:
        async for value in values:
            yield f"data: {json.dumps(value)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


def ping(_: Request) -> Response:
    """`GET /ping`."""
    return JSONResponse({"status": "Healthy"})


def serve(app: Starlette, port: int) -> None:
    """Serve as AgentCore asks for."""
    uvicorn.run(app, host="0.0.0.0", port=port, log_level="warning")  # noqa: S104 - that of the microVM
