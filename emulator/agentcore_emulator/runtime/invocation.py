"""One invocation, from the session that it needs to the last byte of the agent's answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import Message, Receive, Send

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import GatewayTimeout, ValidationException
from agentcore_emulator.faults import Faults
from agentcore_emulator.runtime import failures
from agentcore_emulator.runtime.disturbed import Disturbed
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.reach import reach
from agentcore_emulator.runtime.relay import BrokenGuest, ClientGone, Exchange
from agentcore_emulator.runtime.session import Invocation
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.runtime.truncation import Truncation

__all__ = ["Errand", "Invoker", "await_head"]

# AWS developer guide, "Quotas for Amazon Bedrock AgentCore": synchronous request timeout.
_SYNCHRONOUS_SECONDS: Final = 15 * 60.0

# botocore model, the `payload` of InvokeAgentRuntime.
_LARGEST_PAYLOAD: Final = 100_000_000

# How long the body of an error is waited for, which only the log has a use for.
_BEGINNING_SECONDS: Final = 1.0

# Members of the response, as botocore models them; an agent's other headers stay behind.
_RESPONSE_HEADERS: Final = (
    "content-type",
    "content-encoding",
    "content-length",
    "mcp-session-id",
    "mcp-protocol-version",
)


def _nothing(_: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What an agent is asked: `method` and `target` as its server sees them, with these headers of the caller's.

    `answer_headers` makes header lines for the client out of those of the agent's answer (lower-case names), in the
    place of any of the same name.
    """

    target: str
    headers: Mapping[str, str]
    method: str = "POST"
    answer_headers: Callable[[Mapping[str, str]], Sequence[tuple[str, str]]] = _nothing


class Invoker:
    """Takes errands to sessions' microVMs, which it starts if need be."""

    def __init__(self, sessions: Sessions, clock: Clock, *, debug: bool, faults: Faults | None = None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._debug = debug
        self._faults = faults

    async def invoke(self, visit: Visit, errand: Errand) -> None:
        """Relay the request of a visit, and the answer to it.

        Raises `AWSError` as long as nothing has been sent. A microVM that dies later leaves the answer incomplete, so
        that the client sees a broken body.
        """
        agent, call = visit.agent, visit.call
        lines = visit.container_headers(errand.headers, self._clock.time())
        length = _length(call.headers)
        receive = _limited(call.receive)
        if agent.latency:
            await agent.latency.invocation()
        async with reach(self._sessions, self._clock, visit) as (use, reader, writer):
            exchange = self._exchange(reader, writer, use)
            try:
                await exchange.request(errand.method, errand.target, lines, receive, length)
                await self._answer(visit, errand, use, exchange)
            except ClientGone:
                use.session.journal.happened("the client went away before its request was complete")
            finally:
                await exchange.close()

    def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, use: Invocation) -> Exchange:
        if not self._faults:
            return Exchange(reader, writer)
        return Disturbed(
            reader, writer, faults=self._faults, session=use.session, microvm=use.microvm, clock=self._clock
        )

    async def _answer(self, visit: Visit, errand: Errand, use: Invocation, exchange: Exchange) -> None:
        session, microvm = use.session, use.microvm
        try:
            await await_head(exchange, self._clock, forever=self._debug)
        except BrokenGuest as failure:
            raise failures.failed(session, await failures.reason(session, microvm, failure)) from None
        if not 200 <= exchange.status < 300:
            said = await self._beginning(exchange)
            raise failures.failed(
                session,
                f"the agent answered {exchange.status}: {said}",
                f"Received error ({exchange.status}) from runtime. {failures.MORE}",
            )
        truncation = Truncation(visit.agent, exchange)
        await visit.call.send(
            {
                "type": "http.response.start",
                "status": exchange.status,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("latin-1"))
                    for name, value in truncation.headers([*visit.own_headers(), *_kept(exchange, errand)])
                ],
            }
        )
        await self._body(use, exchange, truncation, visit.call.send)
        truncation.report(session, microvm)

    async def _body(self, use: Invocation, exchange: Exchange, truncation: Truncation, send: Send) -> None:
        session, microvm = use.session, use.microvm
        complete = False
        try:
            async for piece in exchange.body():
                # A client that has gone away does not end the agent's work: sending to it is a no-op, and reading on
                # keeps the agent from being held up.
                complete = exchange.complete
                piece = truncation.cut(piece)
                if complete:
                    use.over()
                if piece or complete:
                    await send({"type": "http.response.body", "body": piece, "more_body": not complete})
        except BrokenGuest as failure:
            why = await failures.reason(session, microvm, failure)
            microvm.drain_log()
            session.journal.happened(f"the answer was cut off: {why}", level=logging.ERROR)
            return
        if not complete:
            use.over()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        microvm.answered()

    async def _beginning(self, exchange: Exchange) -> str:
        """The first words of an answer that the client will not see, for the log."""
        limit = self._clock.call_later(_BEGINNING_SECONDS, exchange.abort)
        try:
            async for piece in exchange.body():
                return piece[:500].decode("utf-8", "replace")
        except BrokenGuest:
            pass
        finally:
            limit.cancel()
        return ""


async def await_head(exchange: Exchange, clock: Clock, *, forever: bool) -> None:
    """Wait for the head of an agent's answer, if not `forever` then for 15 minutes.

    Raises `GatewayTimeout` when they are over, and what `Exchange.head` raises.
    """
    limit = None if forever else clock.call_later(_SYNCHRONOUS_SECONDS, exchange.abort)
    try:
        await exchange.head()
    except BrokenGuest:
        if exchange.aborted:
            raise GatewayTimeout("The agent did not answer within 15 minutes") from None
        raise
    finally:
        if limit is not None:
            limit.cancel()


def _kept(exchange: Exchange, errand: Errand) -> list[tuple[str, str]]:
    """What the client gets of the header lines of an agent's answer."""
    own = errand.answer_headers(dict(exchange.headers))
    replaced = {name.lower() for name, _ in own}
    kept = [line for line in exchange.headers if line[0] in _RESPONSE_HEADERS and line[0] not in replaced]
    return [*kept, *own]


def _length(headers: Mapping[str, str]) -> int | None:
    """The announced size of a request's payload, None for one in chunks; `ValidationException` if it is too large."""
    if "content-length" not in headers:
        return None
    length = int(headers["content-length"])
    if length > _LARGEST_PAYLOAD:
        raise _too_large()
    return length


def _limited(receive: Receive) -> Receive:
    """`receive`, which raises `ValidationException` once a payload that announced no size has become too large."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > _LARGEST_PAYLOAD:
            raise _too_large()
        return message

    return limited


def _too_large() -> ValidationException:
    return ValidationException(
        "1 validation error detected: Value at 'payload' failed to satisfy constraint: "
        f"Member must have length less than or equal to {_LARGEST_PAYLOAD}"
    )
