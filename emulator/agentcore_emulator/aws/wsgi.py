"""A request as a WSGI application takes it, and its answer back.

a2wsgi would do most of it, but takes the half of a body for the whole if the client goes away within it, and knows
neither the path as it was sent nor header names with an underscore, which keys and metadata of S3 may have.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request as HTTPRequest
from starlette.types import Receive, Scope, Send

from agentcore_emulator.aws.chunked import Dechunker
from agentcore_emulator.errors import ValidationException

__all__ = ["Answer", "Body", "environment", "receive_body", "send"]

# Bytes of a body that stay in memory; what is larger lies in a file.
_IN_MEMORY: Final = 1024 * 1024
_PIECE: Final = 256 * 1024

_STREAMING: Final = "STREAMING-"


@dataclass
class Body:
    """A request's whole body, at its beginning. `trailers` are the headers that came after it."""

    file: IO[bytes]
    size: int = 0
    coded: bool = False
    trailers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What an application has answered. `close` is to be called when it has been sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    pieces: Iterable[bytes]
    close: Any


async def receive_body(scope: Scope, receive: Receive) -> Body:
    """The body, without the coding `aws-chunked`.

    Raises Starlette's `ClientDisconnect` if the client goes away within it, `ValidationException` if it is not coded as
    it says.
    """
    content = next((value for name, value in scope["headers"] if name == b"x-amz-content-sha256"), b"")
    dechunker = Dechunker() if content.startswith(_STREAMING.encode()) else None
    body = Body(tempfile.SpooledTemporaryFile(_IN_MEMORY), coded=dechunker is not None)  # noqa: SIM115 - its taker closes it
    try:
        async for piece in HTTPRequest(scope, receive).stream():
            body.size += body.file.write(dechunker.feed(piece) if dechunker else piece)
        if dechunker is not None:
            if not dechunker.whole:
                raise ValueError("the last chunk is missing")
            body.trailers = dechunker.trailers
    except ValueError as error:
        body.file.close()
        raise ValidationException(f"The body is not aws-chunked as it says: {error}", reason="CannotParse") from None
    except BaseException:
        body.file.close()
        raise
    body.file.seek(0)
    return body


def environment(scope: Scope, body: Body, host: str) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of a request, with `RAW_URI`, as other servers call it, for the path as sent."""
    query = scope["query_string"].decode("latin-1")
    raw_path = scope["raw_path"].decode("latin-1")
    server, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "RAW_URI": f"{raw_path}?{query}" if query else raw_path,
        "QUERY_STRING": query,
        "SERVER_NAME": server,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body.file,
        # The file ends where the body does, and is read in one go.
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _headers(scope, body):
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ["CONTENT_LENGTH"] = str(body.size)
    environ["HTTP_HOST"] = host
    return environ


def _headers(scope: Scope, body: Body) -> Iterable[tuple[str, str]]:
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        # A hash of the body as it was coded says nothing any more, and moto would keep it as the object's metadata.
        if name in ("transfer-encoding", "x-amz-content-sha256"):
            continue
        if body.coded and name in ("x-amz-trailer", "x-amz-decoded-content-length"):
            continue
        if body.coded and name == "content-encoding":
            value = ",".join(part for part in map(str.strip, value.split(",")) if part != "aws-chunked")
            if not value:
                continue
        yield name, value
    yield from body.trailers.items()


async def send(answer: Answer, send: Send) -> None:
    """Send an answer, a large one in pieces, no faster than the client takes them."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    for content in answer.pieces:
        view = memoryview(content)
        for start in range(0, len(view), _PIECE):
            piece = bytes(view[start : start + _PIECE])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
