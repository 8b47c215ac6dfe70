"""The one way into an agent runtime: finds the agent, admits the caller, reads the request, lets faults strike."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from agentcore_emulator.call import Call
from agentcore_emulator.errors import AWSError, NotImplementedException, RuntimeClientError
from agentcore_emulator.faults import Faults
from agentcore_emulator.latency import Latency
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.agents import DEFAULT_ENDPOINT, Agent, Agents
from agentcore_emulator.runtime.envelopes import answer
from agentcore_emulator.runtime.headers import SESSION_HEADER, container_headers, from_query
from agentcore_emulator.runtime.session import SessionKey

__all__ = ["Admission", "Caller", "Front", "Visit"]

_log = logging.getLogger(__name__)


class Caller(NamedTuple):
    """Who calls. `headers` are the lines that tell the agent, such as a workload access token."""

    headers: Sequence[tuple[str, str]] = ()


class Admission(Protocol):
    """Decides who may call an agent runtime."""

    async def admit(self, runtime: AgentRuntime, call: Call) -> Caller:
        """The caller; raises `UnauthorizedException` or `AccessDeniedException`."""


@dataclass(slots=True)
class Visit:
    """An admitted caller's request to an agent. `request` is the operation's input by member name."""

    agent: Agent
    caller: Caller
    request: Mapping[str, Any]
    call: Call
    key: SessionKey = field(init=False)

    def __post_init__(self) -> None:
        # A caller without an AWS SDK may name no session; the platform then makes one and says which.
        self.key = self.session(self.request.get("runtimeSessionId") or str(uuid.uuid4()))

    def session(self, session_id: str) -> SessionKey:
        """The key of a session of this agent."""
        endpoint = self.call.parameter("qualifier") or DEFAULT_ENDPOINT
        return SessionKey(self.agent.runtime.runtime_id, endpoint, session_id)

    @property
    def below(self) -> str:
        """What the request's path has below that of the invocations, still encoded: nothing, or `/…`."""
        parts = self.call.scope["raw_path"].decode("latin-1").split("/", 4)
        return f"/{parts[4]}" if len(parts) > 4 else ""

    def container_headers(self, headers: Mapping[str, str], now: float) -> list[tuple[str, str]]:
        """The header lines for the agent, of which `headers` are the caller's."""
        return container_headers(
            headers,
            session_id=self.key.session_id,
            request_id=self.call.request_id,
            port=self.agent.port,
            allowed=self.agent.runtime.header_allowlist,
            now=now,
            identity=self.caller.headers,
        )

    def own_headers(self) -> list[tuple[str, str]]:
        """What the platform adds to every answer from a session."""
        return [(SESSION_HEADER, self.key.session_id), ("x-amzn-RequestId", self.call.request_id)]


class Front:
    """The way into these agents."""

    def __init__(
        self,
        agents: Agents,
        admission: Admission,
        *,
        faults: Faults | None = None,
        latency: Latency | None = None,
    ) -> None:
        self._agents = agents
        self._admission = admission
        self._faults = faults
        self._latency = latency

    def relayed(
        self, handler: Callable[[Visit], Awaitable[None]], *, reads: bool = False
    ) -> Callable[[Call], Awaitable[None]]:
        """What serves an operation whose handler sends the answer itself; `reads` if its input has a JSON body.

        Errors of an invocation are worded as clients of the agent's protocol expect them.
        """

        async def serve(call: Call) -> None:
            try:
                await handler(await self._enter(call, reads=reads))
            except AWSError as error:
                protocol = self._agents.protocol(call.labels["agentRuntimeArn"], call.parameter("qualifier"))
                if call.operation.name != "InvokeAgentRuntime" or protocol == "HTTP" or call.answering:
                    raise
                if isinstance(error, NotImplementedException):
                    raise  # It names what is not there, which no envelope would.
                if not isinstance(error, RuntimeClientError):
                    # An envelope does not say why; the session's journal does, of what the agent did.
                    _log.warning("request %s: %s: %s", call.request_id, error.code, error.message)
                await call.reply(answer(protocol, error, call.request_id, await call.receive.read()))

        return serve

    def answered(self, handler: Callable[[Visit], Awaitable[Mapping[str, Any]]]) -> Callable[[Call], Awaitable[None]]:
        """What serves an operation with a JSON body whose handler returns the output by member name."""

        async def serve(call: Call) -> None:
            visit = await self._enter(call, reads=True)
            output = call.operation.answer(await handler(visit))
            output.headers.append(("x-amzn-RequestId", call.request_id))
            await call.reply(output)

        return serve

    def public(self, handler: Callable[[AgentRuntime, Call], Awaitable[None]]) -> Callable[[Call], Awaitable[None]]:
        """What serves an operation that takes no credentials and does not reach the agent."""

        async def serve(call: Call) -> None:
            await handler(self._find(call).runtime, call)

        return serve

    def _find(self, call: Call) -> Agent:
        return self._agents.find(
            call.labels["agentRuntimeArn"], call.parameter("accountId"), call.parameter("qualifier")
        )

    async def _enter(self, call: Call, *, reads: bool) -> Visit:
        agent = self._find(call)
        if call.accept is not None:
            # A page cannot set headers on a WebSocket.
            call.headers = {**from_query(call.query), **call.headers}
        caller = await self._admission.admit(agent.runtime, call)
        # After the admission, which may have to see the body first.
        request = call.parse(await call.body() if reads else b"")
        if self._faults:
            self._faults.check(call.operation.name, request.get("runtimeSessionId"))
        if self._latency:
            await self._latency.operation(call.operation.name)
        return Visit(agent, caller, request, call)
