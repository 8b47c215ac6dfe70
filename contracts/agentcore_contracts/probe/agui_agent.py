"""The probe as an AG-UI agent: a `RunAgentInput` at `POST /invocations`, on port 8080, answered by events.

The order is in the input's `forwardedProps` (see `serving.do`), its result the `value` of an event `CUSTOM` between
`RUN_STARTED` and `RUN_FINISHED`. Further orders: `events` sends `values` as they are, each but the first once `gate` is
open; `fail` ends the run with an error of the agent's own; `answer` refuses the request with the HTTP `status`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route


async def post(request: Request) -> Response:
    """One run. What the SDK's `AGUIApp` does with input that is none, this does too."""
    try:
        run = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        return JSONResponse({"error": "Invalid JSON", "details": str(error)}, 400)
    if not isinstance(run, dict) or not {"threadId", "runId", "forwardedProps"} <= run.keys():
        return JSONResponse({"error": "Invalid RunAgentInput", "details": "a member is missing"}, 400)
    order = run["forwardedProps"]
    if order.get("do") == "answer":
        return PlainTextResponse("as you wish", order["status"])
    return serving.events(_run(run, order, request))


async def _run(run: Mapping[str, Any], order: Mapping[str, Any], request: Request) -> AsyncIterator[Any]:
    ids = {"threadId": run["threadId"], "runId": run["runId"]}
    yield {"type": "RUN_STARTED", **ids}
    match order.get("do"):
        case "events":
            for number, value in enumerate(order["values"]):
                if number and order.get("gate"):
                    await serving.passage(order["gate"])
                yield value
        case "fail":
            yield {"type": "RUN_ERROR", "message": order["message"], "code": "INTERNAL_ERROR"}
            return
        case _:
            yield {"type": "CUSTOM", "name": "result", "value": await serving.do(order, request)}
    yield {"type": "RUN_FINISHED", **ids}


app = Starlette(routes=[Route("/invocations", post, methods=["POST"]), Route("/ping", serving.ping)])

if __name__ == "__main__":
    serving.serve(app, 8080)
