"""The admin API under `/_emulator/`: what runs here and the means to steer it, for tests, tools and the curious."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime.agents import Agents
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.session import Session
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["admin_app"]

# In bytes, of what is sent here.
_LARGEST_BODY = 64 * 1024


class _BadRequest(Exception):
    """What was sent cannot be understood; the text says why."""


def admin_app(info: Callable[[], Mapping[str, Any]], clock: Clock, agents: Agents, sessions: Sessions) -> Starlette:
    """The API; each route is documented at its function. What is refused is answered with a `message`."""

    async def get_info(_: Request) -> JSONResponse:
        """`GET /info`: what `info()` gives."""
        return JSONResponse(dict(info()))

    async def get_sessions(_: Request) -> JSONResponse:
        """`GET /sessions`: those that live, oldest first, then in `ended` the last hundred that have ended."""
        return JSONResponse(
            {
                "sessions": [_describe(session) for session in sessions],
                "ended": [_describe(session) for session in sessions.ended],
            }
        )

    async def get_clock(_: Request) -> JSONResponse:
        """`GET /clock`: the emulator's time in seconds since the epoch, and whether it stands still by itself."""
        return JSONResponse({"time": clock.time(), "virtual": clock.frozen})

    async def advance_clock(request: Request) -> JSONResponse:
        """`POST /clock/advance {"seconds": n}`: answers once all that became due has been done."""
        seconds = (await _body(request)).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise _BadRequest('say by how much to advance the clock, as in {"seconds": 900}')
        try:
            await clock.advance(float(seconds))
        except (ValueError, OverflowError) as error:
            raise _BadRequest(str(error)) from None
        return JSONResponse({"time": clock.time(), "virtual": clock.frozen})

    async def redeploy(request: Request) -> JSONResponse:
        """`POST /redeploy {"runtime": name}`: a new version of one agent runtime, or of all without a name.

        409 with the reason if one does not come up, whose sessions then start on the version before.
        """
        name = (await _body(request)).get("runtime")
        chosen = [agent for agent in agents if name in (None, agent.runtime.name)]
        if not chosen:
            raise _BadRequest(f"there is no agent runtime {name!r}")
        versions = {}
        for agent in chosen:
            try:
                versions[agent.runtime.name] = (await agent.versions.update()).number
            except BootFailure as failure:
                return JSONResponse({"message": f"{agent.runtime.name}: {failure}"}, 409)
        return JSONResponse({"versions": versions})

    async def bad_request(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 400)

    routes = [
        Route("/info", get_info),
        Route("/sessions", get_sessions),
        Route("/clock", get_clock),
        Route("/clock/advance", advance_clock, methods=["POST"]),
        Route("/redeploy", redeploy, methods=["POST"]),
    ]
    return Starlette(routes=[Mount("/_emulator", routes=routes)], exception_handlers={_BadRequest: bad_request})


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty one if nothing was."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > _LARGEST_BODY:
            raise _BadRequest(f"the request is larger than {_LARGEST_BODY} bytes")
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise _BadRequest("the request is not JSON") from None
    if not isinstance(body, dict):
        raise _BadRequest("the request is not a JSON object")
    return body


def _describe(session: Session) -> dict[str, Any]:
    if session.microvm is not None:
        session.microvm.drain_log()
    return {
        "runtime": session.runtime.name,
        "version": session.version,
        "endpoint": session.key.endpoint,
        "session_id": session.key.session_id,
        "state": session.state.value,
        "pid": session.microvm.pid if session.microvm else None,
        "created": session.created,
        "last_used": session.last_used,
        "in_flight": session.in_flight,
        "ended": session.ended,
        "reason": session.reason,
        "log": list(session.journal.lines),
    }
