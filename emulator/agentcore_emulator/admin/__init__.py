"""The admin API under `/_emulator/`: what runs here and the means to steer it, for tests, tools and the curious."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from agentcore_emulator.admin.body import BadRequest, read_object
from agentcore_emulator.admin.faults import fault_routes
from agentcore_emulator.admin.issuer import issuer_routes
from agentcore_emulator.admin.sessions import session_routes
from agentcore_emulator.auth.issuer import Issuer
from agentcore_emulator.clock import Clock
from agentcore_emulator.faults import Faults
from agentcore_emulator.runtime.agents import Agents
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["admin_app"]


def admin_app(
    info: Callable[[], Mapping[str, Any]],
    clock: Clock,
    agents: Agents,
    sessions: Sessions,
    faults: Faults,
    issuer: Issuer,
) -> Starlette:
    """The API; each route is documented at its function. What is refused is answered with a `message`."""

    async def get_info(_: Request) -> JSONResponse:
        """`GET /info`: what `info()` gives."""
        return JSONResponse(dict(info()))

    async def get_clock(_: Request) -> JSONResponse:
        """`GET /clock`: the emulator's time in seconds since the epoch, and whether it stands still by itself."""
        return JSONResponse({"time": clock.time(), "virtual": clock.frozen})

    async def advance_clock(request: Request) -> JSONResponse:
        """`POST /clock/advance {"seconds": n}`: answers once all that became due has been done."""
        seconds = (await read_object(request)).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise BadRequest('say by how much to advance the clock, as in {"seconds": 900}')
        try:
            await clock.advance(float(seconds))
        except (ValueError, OverflowError) as error:
            raise BadRequest(str(error)) from None
        return JSONResponse({"time": clock.time(), "virtual": clock.frozen})

    async def redeploy(request: Request) -> JSONResponse:
        """`POST /redeploy {"runtime": name}`: a new version of one agent runtime, or of all without a name.

        409 with the reason if one does not come up, whose sessions then start on the version before.
        """
        name = (await read_object(request)).get("runtime")
        chosen = [
            agent for agent in agents if agent.runtime.name == name or (name is None and agent.runtime.version is None)
        ]
        if not chosen:
            raise BadRequest(f"there is no agent runtime {name!r}")
        if name is not None and chosen[0].runtime.version is not None:
            raise BadRequest(f"{name} was made by CreateAgentRuntime, and UpdateAgentRuntime makes new versions of it")
        versions = {}
        for agent in chosen:
            try:
                versions[agent.runtime.name] = (await agent.update()).number
            except BootFailure as failure:
                return JSONResponse({"message": f"{agent.runtime.name}: {failure}"}, 409)
        return JSONResponse({"versions": versions})

    async def bad_request(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 400)

    routes = [
        Route("/info", get_info),
        Route("/clock", get_clock),
        Route("/clock/advance", advance_clock, methods=["POST"]),
        Route("/redeploy", redeploy, methods=["POST"]),
        *session_routes(sessions),
        *fault_routes(faults),
        *issuer_routes(issuer, agents),
    ]
    return Starlette(routes=[Mount("/_emulator", routes=routes)], exception_handlers={BadRequest: bad_request})
