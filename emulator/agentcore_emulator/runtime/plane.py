"""The operations of an agent runtime, each by way of `front`.

Wire facts: botocore's model of `bedrock-agentcore`; behaviour around it: AWS developer guide, "Invoke an AgentCore
Runtime agent" and "Stop a running session".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from agentcore_emulator.auth.resource import get_runtime_protected_resource_metadata
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import NotImplementedException
from agentcore_emulator.faults import Faults
from agentcore_emulator.runtime.a2a import A2A
from agentcore_emulator.runtime.commands import Commands
from agentcore_emulator.runtime.front import Front, Visit
from agentcore_emulator.runtime.invocation import Errand, Invoker
from agentcore_emulator.runtime.mcp import MCP
from agentcore_emulator.runtime.session import SessionKey
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.runtime.shell.door import Shells
from agentcore_emulator.runtime.websocket import WebSockets

__all__ = ["RuntimePlane"]

# How long a client token is good for is not documented; a client repeats a call within seconds.
_STOPS_REMEMBERED = 100


class RuntimePlane:
    """The data plane of AgentCore Runtime."""

    services: Sequence[str] = ("bedrock-agentcore",)

    def __init__(
        self, front: Front, sessions: Sessions, clock: Clock, *, debug: bool, faults: Faults | None = None
    ) -> None:
        self._sessions = sessions
        self._invoker = Invoker(sessions, clock, debug=debug, faults=faults)
        self._mcp = MCP(self._invoker)
        self._a2a = A2A(self._invoker)
        self._stopped: deque[tuple[SessionKey, str | None]] = deque(maxlen=_STOPS_REMEMBERED)
        self.operations: dict[str, Any] = {}
        self.streaming = {
            "GetAgentCard": front.relayed(self._a2a.get_agent_card),
            "GetRuntimeProtectedResourceMetadata": front.public(get_runtime_protected_resource_metadata),
            "InvokeAgentRuntime": front.relayed(self.invoke_agent_runtime),
            "InvokeAgentRuntimeCommand": front.relayed(Commands(sessions, clock), reads=True),
            "InvokeAgentRuntimeCommandShell": front.relayed(Shells(sessions, clock)),
            "InvokeAgentRuntimeWithWebSocketStream": front.relayed(WebSockets(sessions, clock, debug=debug)),
            "StopRuntimeSession": front.answered(self.stop_runtime_session),
        }

    async def stop_runtime_session(self, visit: Visit) -> dict[str, Any]:
        """End a session at once, with whatever it streams; a second stop finds nothing (404).

        The same `clientToken` again is the same call again, whose answer may have been lost (botocore model).
        """
        asked = (visit.key, visit.request.get("clientToken"))
        if asked not in self._stopped:
            await self._sessions.stop(visit.key, "StopRuntimeSession")
            if asked[1] is not None:
                self._stopped.append(asked)
        return {"runtimeSessionId": visit.key.session_id, "statusCode": 200}

    async def invoke_agent_runtime(self, visit: Visit) -> None:
        """Relay one invocation to the session's microVM, starting it if need be."""
        protocol, call = visit.agent.runtime.protocol, visit.call
        if protocol == "MCP":
            await self._mcp(visit)
            return
        if protocol == "A2A":
            await self._a2a(visit)
            return
        if call.scope["method"] != "POST" or visit.below:
            raise NotImplementedException(
                f"{call.scope['method']} {call.scope['raw_path'].decode('latin-1')[:200]}", "bedrock-agentcore"
            )
        await self._invoker.invoke(visit, Errand(target=visit.agent.path, headers=call.headers))
