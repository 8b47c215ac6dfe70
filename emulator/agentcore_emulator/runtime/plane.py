"""`InvokeAgentRuntime` and `StopRuntimeSession`.

Wire facts: botocore's model of `bedrock-agentcore`; behaviour around it: AWS developer guide, "Invoke an AgentCore
Runtime agent", "Stop a running session" and "Troubleshoot AgentCore Runtime".
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Message, Receive, Send

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import GatewayTimeout, RuntimeClientError, ValidationException
from agentcore_emulator.faults import Faults
from agentcore_emulator.runtime.agents import DEFAULT_ENDPOINT, Agent, Agents
from agentcore_emulator.runtime.disturbed import Disturbed
from agentcore_emulator.runtime.headers import SESSION_HEADER, container_headers
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.relay import BrokenGuest, ClientGone, Exchange
from agentcore_emulator.runtime.session import Invocation, Session, SessionKey, State
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.runtime.truncation import Truncation

__all__ = ["RuntimePlane"]

# AWS developer guide, "Quotas for Amazon Bedrock AgentCore": synchronous request timeout.
_SYNCHRONOUS_SECONDS = 15 * 60.0

# botocore model, the `payload` of InvokeAgentRuntime.
_LARGEST_PAYLOAD = 100_000_000

# How long a client token is good for is not documented; a client repeats a call within seconds.
_STOPS_REMEMBERED = 100

# A guest that dies closes its sockets a moment before its death is known.
_DEATH_NOTICE_SECONDS = 0.5

# How long the body of an error is waited for, which only the log has a use for.
_BEGINNING_SECONDS = 1.0

_MORE = "Please check your CloudWatch logs for more information."

# Members of the response, as botocore models them; an agent's other headers stay behind.
_RESPONSE_HEADERS = ("content-type", "content-encoding", "content-length", "mcp-session-id", "mcp-protocol-version")


class RuntimePlane:
    """The data plane of AgentCore Runtime."""

    services: Sequence[str] = ("bedrock-agentcore",)

    def __init__(
        self, agents: Agents, sessions: Sessions, clock: Clock, *, debug: bool, faults: Faults | None = None
    ) -> None:
        self.sessions = sessions
        self._agents = agents
        self._clock = clock
        self._debug = debug
        self._faults = faults
        self._stopped: deque[tuple[SessionKey, str | None]] = deque(maxlen=_STOPS_REMEMBERED)
        self.operations = {"StopRuntimeSession": self.stop_runtime_session}
        self.streaming = {"InvokeAgentRuntime": self.invoke_agent_runtime}

    async def stop_runtime_session(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """End a session at once, with whatever it streams; a second stop finds nothing (404).

        The same `clientToken` again is the same call again, whose answer may have been lost (botocore model).
        """
        agent = self._agents.find(request["agentRuntimeArn"], None, request.get("qualifier"))
        key = SessionKey(agent.runtime.runtime_id, DEFAULT_ENDPOINT, request["runtimeSessionId"])
        asked = (key, request.get("clientToken"))
        if asked not in self._stopped:
            await self.sessions.stop(key, "StopRuntimeSession")
            if asked[1] is not None:
                self._stopped.append(asked)
        return {"runtimeSessionId": key.session_id, "statusCode": 200}

    async def invoke_agent_runtime(
        self,
        request: Mapping[str, Any],
        headers: Mapping[str, str],
        request_id: str,
        receive: Receive,
        send: Send,
    ) -> None:
        """Relay one invocation to the session's microVM, starting it if need be.

        Raises `AWSError` as long as nothing has been sent. A microVM that dies later leaves the answer incomplete, so
        that the client sees a broken body.
        """
        agent = self._agents.find(request["agentRuntimeArn"], request.get("accountId"), request.get("qualifier"))
        # A caller without an AWS SDK may name no session; the platform then makes one and says which.
        session_id = request.get("runtimeSessionId") or str(uuid.uuid4())
        key = SessionKey(agent.runtime.runtime_id, DEFAULT_ENDPOINT, session_id)
        lines = container_headers(
            headers,
            session_id=session_id,
            request_id=request_id,
            port=agent.port,
            allowed=agent.runtime.header_allowlist,
            now=self._clock.time(),
        )
        length = _length(headers)
        receive = _limited(receive)
        if agent.latency:
            await agent.latency.invocation()
        for last_try in (False, True):
            session = await self.sessions.get_or_start(key, agent)
            with session.invocation(self._clock) as use:
                microvm = use.microvm
                try:
                    async with microvm.connect() as (reader, writer):
                        exchange = self._exchange(reader, writer, session, microvm)
                        try:
                            await exchange.request("POST", agent.path, lines, receive, length)
                            await self._answer(agent, use, exchange, request_id, send)
                        finally:
                            await exchange.close()
                    return
                except (ConnectionRefusedError, FileNotFoundError):
                    # Dead since the last call, and its death not yet known: nothing has reached the agent, so this
                    # call is the next one, which starts cold.
                    await self._death_notice(microvm)
                    if last_try or microvm.alive:
                        raise self._failed(session, "its server does not accept connections") from None
                except ClientGone:
                    session.journal.happened("the client went away before its request was complete")
                    return

    def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session, microvm: MicroVM
    ) -> Exchange:
        if not self._faults:
            return Exchange(reader, writer)
        return Disturbed(reader, writer, faults=self._faults, session=session, microvm=microvm, clock=self._clock)

    async def _answer(self, agent: Agent, use: Invocation, exchange: Exchange, request_id: str, send: Send) -> None:
        session, microvm = use.session, use.microvm
        try:
            await self._head(exchange)
        except BrokenGuest as failure:
            raise self._failed(session, await self._reason(session, microvm, failure)) from None
        if not 200 <= exchange.status < 300:
            said = await self._beginning(exchange)
            self._failed(session, f"the agent answered {exchange.status}: {said}")
            raise RuntimeClientError(f"Received error ({exchange.status}) from runtime. {_MORE}")
        truncation = Truncation(agent, exchange)
        own = [(SESSION_HEADER, session.key.session_id), ("x-amzn-RequestId", request_id)]
        kept = [(name, value) for name, value in exchange.headers if name in _RESPONSE_HEADERS]
        await send(
            {
                "type": "http.response.start",
                "status": exchange.status,
                "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in truncation.headers(own + kept)],
            }
        )
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
            reason = await self._reason(session, microvm, failure)
            microvm.drain_log()
            session.journal.happened(f"the answer was cut off: {reason}", level=logging.ERROR)
            return
        if not complete:
            use.over()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        microvm.answered()
        truncation.report(session, microvm)

    async def _head(self, exchange: Exchange) -> None:
        if self._debug:
            await exchange.head()
            return
        limit = self._clock.call_later(_SYNCHRONOUS_SECONDS, exchange.abort)
        try:
            await exchange.head()
        except BrokenGuest:
            if exchange.aborted:
                raise GatewayTimeout("The agent did not answer within 15 minutes") from None
            raise
        finally:
            limit.cancel()

    async def _death_notice(self, microvm: MicroVM) -> None:
        await asyncio.wait((microvm.exited,), timeout=_DEATH_NOTICE_SECONDS)

    async def _reason(self, session: Session, microvm: MicroVM, failure: BrokenGuest) -> str:
        """Why an answer did not come, or not wholly."""
        if session.state is State.STOPPING and microvm.alive:
            return "the session was stopped"
        await self._death_notice(microvm)
        return str(failure) if microvm.alive else f"its process {microvm.how_it_ended()}"

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

    def _failed(self, session: Session, reason: str) -> RuntimeClientError:
        """Log why beside what the agent printed, and give the error that tells a client nothing of it, as on AWS."""
        if session.microvm is not None:
            session.microvm.drain_log()
        session.journal.happened(f"424 RuntimeClientError: {reason}", level=logging.ERROR)
        return RuntimeClientError(f"Runtime client error. {_MORE}")


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
