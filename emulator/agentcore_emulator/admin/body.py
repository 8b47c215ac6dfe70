"""What is sent to the admin API, read with the patience that a person's typing needs."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

__all__ = ["BadRequest", "read_json", "read_object"]

# In bytes, of what is sent here.
_LARGEST_BODY: Final = 64 * 1024


class BadRequest(Exception):
    """What is wrong with a request, in one sentence."""


async def read_json(request: Request) -> Any:
    """The JSON that was sent. Raises `BadRequest`."""
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _LARGEST_BODY:
                raise BadRequest(f"the body is larger than {_LARGEST_BODY} bytes")
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ClientDisconnect, RecursionError, ValueError):
        raise BadRequest("the body is not JSON that can be read") from None


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that was sent, an empty one if nothing was. Raises `BadRequest`."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    body = await read_json(request)
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body
