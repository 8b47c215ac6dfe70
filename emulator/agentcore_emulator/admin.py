"""The admin API under `/_emulator/`: what runs here, for the command line, the tests and the curious; and faults."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentcore_emulator.faults import Fault, FaultError, Faults, read
from agentcore_emulator.runtime.session import Session

__all__ = ["admin_routes"]

# Hundreds of faults, and no more than a request may cost the emulator.
_LARGEST_BODY: Final = 64 * 1024


class _BadRequest(Exception):
    """What is wrong with a request, in one sentence."""


def admin_routes(info: Callable[[], Mapping[str, Any]], sessions: Iterable[Session], faults: Faults) -> list[BaseRoute]:
    """The routes.

    `GET /info` answers `info()`. `GET /sessions` lists `sessions`, oldest first, each with its last lines of log, and
    `POST /sessions/{session_id}/kill` kills the microVM of one. `GET`, `POST` and `DELETE` of `/faults`, and `DELETE`
    of `/faults/{id}`, are those of `faults`.
    """

    async def get_info(_: Request) -> JSONResponse:
        return JSONResponse(dict(info()))

    async def get_sessions(_: Request) -> JSONResponse:
        return JSONResponse({"sessions": [_describe(session) for session in sessions]})

    async def kill_session(request: Request) -> Response:
        session_id, runtime = request.path_params["session_id"], request.query_params.get("runtime")
        found = [
            (session, session.microvm)
            for session in sessions
            if session.key.session_id == session_id and runtime in (None, session.runtime.name)
            if session.microvm is not None and session.microvm.alive
        ]
        if not found:
            return _message(404, f"no session {session_id!r:.270} is live; GET /_emulator/sessions lists them all")
        if len(found) > 1:
            names = " and ".join(repr(session.runtime.name) for session, _ in found)
            return _message(400, f"{names} each have a session {session_id!r:.270}; name one with ?runtime=NAME")
        [(session, microvm)] = found
        session.journal.happened("its microVM is killed by POST /_emulator/sessions", level=logging.WARNING)
        microvm.kill()
        # The next call is to start cold.
        await asyncio.wait((microvm.exited,))
        return JSONResponse({"pid": microvm.pid})

    async def get_faults(_: Request) -> JSONResponse:
        listed = [{"id": fault_id, **fault.given, "used": fault.used} for fault_id, fault in faults]
        return JSONResponse({"faults": listed})

    async def add_faults(request: Request) -> Response:
        try:
            return JSONResponse({"ids": faults.add(_faults(await _json(request)))}, status_code=201)
        except _BadRequest as error:
            return _message(400, str(error))

    async def remove_faults(_: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def remove_fault(request: Request) -> Response:
        fault_id = request.path_params["fault_id"]
        if faults.remove(fault_id):
            return Response(status_code=204)
        return _message(404, f"there is no fault {fault_id}; GET /_emulator/faults lists those that there are")

    return [
        Route("/info", get_info),
        Route("/sessions", get_sessions),
        Route("/sessions/{session_id:path}/kill", kill_session, methods=["POST"]),
        Route("/faults", get_faults),
        Route("/faults", add_faults, methods=["POST"]),
        Route("/faults", remove_faults, methods=["DELETE"]),
        Route("/faults/{fault_id:int}", remove_fault, methods=["DELETE"]),
    ]


def _message(status: int, text: str) -> JSONResponse:
    return JSONResponse({"message": text}, status_code=status)


async def _json(request: Request) -> Any:
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _LARGEST_BODY:
                raise _BadRequest(f"the body is larger than {_LARGEST_BODY} bytes")
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _BadRequest(f"the body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ClientDisconnect, RecursionError, ValueError):
        raise _BadRequest("the body is not JSON that can be read") from None


def _faults(given: Any) -> list[Fault]:
    """All of the faults of a body, or none."""
    faults = []
    for number, each in enumerate(given if isinstance(given, list) else [given], 1):
        try:
            faults.append(read(each))
        except FaultError as error:
            which = f"fault {number} of the list: " if isinstance(given, list) else ""
            what = f"{error.field!r}: " if error.field is not None else ""
            raise _BadRequest(f"{which}{what}{error}") from None
    return faults


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
