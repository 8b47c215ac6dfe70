"""The ASGI app: one port for all planes. Picks service and operation, and hands over to the plane that has it."""

from __future__ import annotations

import functools
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from agentcore_emulator import errors
from agentcore_emulator.access import AccessCheck
from agentcore_emulator.beginning import Beginning
from agentcore_emulator.call import Call, TrackedSend, read_body, send_answer
from agentcore_emulator.faults import Faults
from agentcore_emulator.latency import Latency
from agentcore_emulator.wire.request import Request
from agentcore_emulator.wire.service import Operation, error_answer, load

if TYPE_CHECKING:
    from agentcore_emulator.auth.signatures import Signatures
    from agentcore_emulator.aws.passthrough import Passthrough
    from agentcore_emulator.aws.services import Services

__all__ = ["Handler", "Plane", "StreamingHandler", "make_app"]

_log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any] | Response]]
"""Takes an operation's parsed input; returns its output by member name, or a response that streams."""

StreamingHandler = Callable[[Call], Awaitable[None]]
"""Takes a request as it came, for an operation that looks after everything itself: input, faults, answer."""

# The services that are built here, by the name in a SigV4 credential scope, in the order in which a path is looked up.
_BY_SCOPE = {
    "bedrock-agentcore": ("bedrock-agentcore", "bedrock-agentcore-control"),
    "bedrock": ("bedrock-runtime",),
}
_SCOPE = re.compile(r"Credential=[^/\s]*/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")

# AWS developer guide, "Deploy A2A servers": what lies below this path belongs to the agent, whatever the method.
_INVOCATIONS = re.compile(rb"(/runtimes/[^/]+/invocations)(/.*)?", re.DOTALL)


class Plane(Protocol):
    """A part of the emulator that holds operations of some services."""

    @property
    def services(self) -> Sequence[str]:
        """The botocore names of the services."""

    @property
    def operations(self) -> Mapping[str, Handler]:
        """Handlers by operation name."""


class _Dispatcher:
    """The ASGI app behind everything that is an AWS request."""

    def __init__(
        self,
        planes: Sequence[Plane],
        streaming: Mapping[str, StreamingHandler],
        passthrough: Passthrough | None,
        region: str,
        faults: Faults | None,
        latency: Latency | None,
        signatures: Signatures | None,
        others: Services | None,
    ) -> None:
        self._streaming = streaming
        self._passthrough = passthrough
        self._region = region
        self._faults = faults
        self._latency = latency
        self._signatures = signatures
        self._others = others
        self._handlers: dict[tuple[str, str], Handler] = {
            (service, name): handler
            for plane in planes
            for service in plane.services
            for name, handler in plane.operations.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        tracked = TrackedSend(send)
        try:
            await self._serve(scope, receive, tracked, request_id)
        except errors.AWSError as error:
            # A head that is out cannot be taken back; what is left incomplete breaks off at the client.
            if not tracked.began:
                await send_answer(error_answer(error, request_id), send)
        except ClientDisconnect:
            pass  # In the middle of its request: nobody is there to be answered.
        except Exception:  # noqa: BLE001 - a fault of the emulator is answered as one, whatever it is
            _log.exception("request %s failed inside the emulator", request_id)
            fault = errors.InternalServerException(
                f"agentcore-emulator failed on this request; its log has the reason under {request_id}"
            )
            if not tracked.began:
                await send_answer(error_answer(fault, request_id), send)

    async def _serve(self, scope: Scope, receive: Receive, send: TrackedSend, request_id: str) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        name, region = _credential_scope(headers, scope["query_string"])
        if name is None and self._others is not None:
            name = self._others.service_of(scope, headers)
        found = _match(name, scope["method"], scope["raw_path"])
        service = found[0] if found else (_BY_SCOPE.get(name or "", ())[:1] or (name,))[0]
        passes = service is not None and self._passthrough is not None and service in self._passthrough
        looks_after_itself = found is not None and found[1].name in self._streaming and not passes
        if self._signatures is not None and not looks_after_itself:
            receive = await self._signatures.check(scope, receive)
        if service is not None and self._passthrough is not None and passes:
            await self._passthrough(service, region or self._region, scope, receive, send)
            return
        if found is None and self._others is not None and name not in (None, "bedrock-agentcore"):
            await self._others(name, region or self._region, scope, receive, send, request_id)
            return
        if found is None:
            raise _unknown(service, scope)
        _, operation, labels = found
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        stream = self._streaming.get(operation.name)
        if stream is not None:
            await stream(Call(operation, labels, query, headers, request_id, scope, Beginning(receive), send))
            return
        handler = self._handlers.get((operation.service, operation.name))
        if handler is None:
            raise errors.NotImplementedException(operation.name, operation.service)
        body = await read_body(scope, receive)
        parsed = operation.parse(Request(labels, query, headers, body))
        if self._faults or self._latency:
            await self._disturb(operation.name, parsed)
        result = await handler(parsed)
        if isinstance(result, Response):
            result.headers["x-amzn-RequestId"] = request_id
            await result(scope, receive, send)
            return
        answer = operation.answer(result)
        answer.headers.append(("x-amzn-RequestId", request_id))
        await send_answer(answer, send)

    async def _disturb(self, operation: str, parsed: Mapping[str, Any]) -> None:
        if self._faults:
            self._faults.check(operation, parsed.get("runtimeSessionId") or parsed.get("sessionId"))
        if self._latency:
            await self._latency.operation(operation)


# An agent is called by one path again and again, and what a path means never changes.
@functools.lru_cache(maxsize=256)
def _match(name: str | None, method: str, raw_path: bytes) -> tuple[str, Operation, Mapping[str, str]] | None:
    services = _BY_SCOPE.get(name, ()) if name else tuple(s for group in _BY_SCOPE.values() for s in group)
    for service in services:
        found = load(service).match(method, raw_path)
        if found is not None:
            return service, *found
    below = _INVOCATIONS.fullmatch(raw_path)
    if below is not None and name in (None, "bedrock-agentcore"):
        found = load("bedrock-agentcore").match("POST", below[1])
        return found and ("bedrock-agentcore", *found)
    return None


def _credential_scope(headers: Mapping[str, str], query: bytes) -> tuple[str | None, str | None]:
    """The service and region that a request is signed for, in its headers or its URL; None for an unsigned one."""
    text = headers.get("authorization", "")
    if not text.startswith("AWS4") and b"X-Amz-Credential" in query:
        text = f"Credential={dict(parse_qsl(query.decode('latin-1'))).get('X-Amz-Credential', '')}"
    match = _SCOPE.search(text)
    return (match[2], match[1]) if match else (None, None)


def _unknown(service: str | None, scope: Scope) -> errors.AWSError:
    what = f"{scope['method']} {scope['raw_path'].decode('latin-1')[:200]}"
    return errors.NotImplementedException(what, service or "AWS")


def make_app(
    *,
    planes: Sequence[Plane],
    streaming: Mapping[str, StreamingHandler],
    passthrough: Passthrough | None,
    region: str,
    allow_host: Sequence[str],
    admin: ASGIApp,
    faults: Faults | None = None,
    latency: Latency | None = None,
    signatures: Signatures | None = None,
    others: Services | None = None,
) -> ASGIApp:
    """The app over these planes, with the admin API under `/_emulator/`; `others` has what no plane has.

    Loads the services' models, so that the first request does not have to.
    """
    for group in _BY_SCOPE.values():
        for name in group:
            load(name)
    aws = _Dispatcher(planes, streaming, passthrough, region, faults, latency, signatures, others)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Past Starlette's middleware and routing: an invocation has no use for them, and feels them.
        await (admin if scope["path"].startswith("/_emulator/") else aws)(scope, receive, send)

    return AccessCheck(app, allowed=allow_host)
