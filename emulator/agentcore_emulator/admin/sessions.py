"""Sessions, by the admin API: those that there are and were, and an end for one."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from agentcore_emulator.admin.body import BadRequest
from agentcore_emulator.runtime.session import Session
from agentcore_emulator.runtime.sessions import Sessions

__all__ = ["session_routes"]


def session_routes(sessions: Sessions) -> list[BaseRoute]:
    """The routes below `/sessions`."""

    async def get_sessions(_: Request) -> JSONResponse:
        """`GET /sessions`: those that live, oldest first, then in `ended` the last hundred that have ended."""
        return JSONResponse(
            {
                "sessions": [_describe(session) for session in sessions],
                "ended": [_describe(session) for session in sessions.ended],
            }
        )

    async def kill_session(request: Request) -> JSONResponse:
        """`POST /sessions/{session_id}/kill`, with `?runtime=NAME` where two have that id: SIGKILL for its microVM."""
        session_id, runtime = request.path_params["session_id"], request.query_params.get("runtime")
        found = [
            (session, session.microvm)
            for session in sessions
            if session.key.session_id == session_id and runtime in (None, session.runtime.name)
            if session.microvm is not None and session.microvm.alive
        ]
        if not found:
            message = f"no session {session_id!r:.270} is live; GET /_emulator/sessions lists them all"
            return JSONResponse({"message": message}, 404)
        if len(found) > 1:
            names = " and ".join(repr(session.runtime.name) for session, _ in found)
            raise BadRequest(f"{names} each have a session {session_id!r:.270}; name one with ?runtime=NAME")
        [(session, microvm)] = found
        session.journal.happened("its microVM is killed by POST /_emulator/sessions", level=logging.WARNING)
        microvm.kill()
        # The next call is to start cold.
        await asyncio.wait((microvm.exited,))
        return JSONResponse({"pid": microvm.pid})

    return [
        Route("/sessions", get_sessions),
        Route("/sessions/{session_id:path}/kill", kill_session, methods=["POST"]),
    ]


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
