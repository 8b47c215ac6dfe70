"""Faults, by the admin API: given, listed, and taken back."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentcore_emulator.admin.body import BadRequest, read_json
from agentcore_emulator.faults import Fault, FaultError, Faults, read

__all__ = ["fault_routes"]


def fault_routes(faults: Faults) -> list[BaseRoute]:
    """The routes below `/faults`."""

    async def get_faults(_: Request) -> JSONResponse:
        """`GET /faults`: each with its id, as it was given, and how often it has struck."""
        listed = [{"id": fault_id, **fault.given, "used": fault.used} for fault_id, fault in faults]
        return JSONResponse({"faults": listed})

    async def add_faults(request: Request) -> JSONResponse:
        """`POST /faults`: one or a list of them; answers with their ids. All are taken, or none."""
        return JSONResponse({"ids": faults.add(_faults(await read_json(request)))}, 201)

    async def remove_faults(_: Request) -> Response:
        """`DELETE /faults`: all of them."""
        faults.clear()
        return Response(status_code=204)

    async def remove_fault(request: Request) -> Response:
        """`DELETE /faults/{id}`."""
        fault_id = request.path_params["fault_id"]
        if faults.remove(fault_id):
            return Response(status_code=204)
        message = f"there is no fault {fault_id}; GET /_emulator/faults lists those that there are"
        return JSONResponse({"message": message}, 404)

    return [
        Route("/faults", get_faults),
        Route("/faults", add_faults, methods=["POST"]),
        Route("/faults", remove_faults, methods=["DELETE"]),
        Route("/faults/{fault_id:int}", remove_fault, methods=["DELETE"]),
    ]


def _faults(given: Any) -> list[Fault]:
    """All of the faults of a body, or none."""
    faults = []
    for number, each in enumerate(given if isinstance(given, list) else [given], 1):
        try:
            faults.append(read(each))
        except FaultError as error:
            which = f"fault {number} of the list: " if isinstance(given, list) else ""
            what = f"{error.field!r}: " if error.field is not None else ""
            raise BadRequest(f"{which}{what}{error}") from None
    return faults
