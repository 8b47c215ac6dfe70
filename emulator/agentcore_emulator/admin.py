"""The admin API under `/_emulator/`: what runs here, for the command line, the tests and the curious."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from agentcore_emulator.runtime.session import Session

__all__ = ["admin_routes"]


def admin_routes(info: Callable[[], Mapping[str, Any]], sessions: Iterable[Session]) -> list[BaseRoute]:
    """`GET /info` answers `info()`; `GET /sessions` lists `sessions`, oldest first, each with its last lines of log."""

    async def get_info(_: Request) -> JSONResponse:
        return JSONResponse(dict(info()))

    async def get_sessions(_: Request) -> JSONResponse:
        return JSONResponse({"sessions": [_describe(session) for session in sessions]})

    return [Route("/info", get_info), Route("/sessions", get_sessions)]


def _describe(session: Session) -> dict[str, Any]:
    if session.microvm is not None:
        session.microvm.drain_log()
    return {
        "runtime": session.runtime.name,
        "endpoint": session.key.endpoint,
        "session_id": session.key.session_id,
        "state": session.state.value,
        "pid": session.microvm.pid if session.microvm else None,
        "created": session.created,
        "last_used": session.last_used,
        "in_flight": session.in_flight,
        "log": list(session.journal.lines),
    }
