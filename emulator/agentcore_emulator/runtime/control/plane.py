"""The operations of bedrock-agentcore-control that concern agent runtimes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from agentcore_emulator.clock import Clock
from agentcore_emulator.config import Settings
from agentcore_emulator.errors import InternalServerException
from agentcore_emulator.runtime.agents import Agents
from agentcore_emulator.runtime.builder import Builder
from agentcore_emulator.runtime.control.artifacts import Code
from agentcore_emulator.runtime.control.deployments import Deployments
from agentcore_emulator.runtime.control.described import Configured
from agentcore_emulator.runtime.control.endpoints import Endpoints
from agentcore_emulator.runtime.control.runtimes import Runtimes
from agentcore_emulator.runtime.control.tagged import TaggedRuntimes
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.store import Store
from agentcore_emulator.store.answers import plain

__all__ = ["ControlPlane"]

_Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlPlane:
    """What the app dispatches operations on agent runtimes to.

    `agents` holds those that files configure, and gets those that are made here, whose files are kept below `folder`.
    `python` runs them. Besides what each handler says, all raise InternalServerException when the state file fails
    them.
    """

    services: Sequence[str] = ("bedrock-agentcore-control",)

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        agents: Agents,
        sessions: Sessions,
        builder: Builder,
        folder: Path,
        python: Path,
    ) -> None:
        self._configured = Configured(agents, settings.account_id, clock.time())
        self._deployments = Deployments(store, clock, agents, sessions, builder, folder, python)
        self._region = settings.region
        self.tagged = TaggedRuntimes(self._configured)
        arn = f"arn:aws:bedrock-agentcore:{settings.region}:{settings.account_id}:runtime/"
        runtimes = Runtimes(store, clock, self._deployments, self._configured, arn, settings.platform.of)
        endpoints = Endpoints(store, clock, self._deployments, self._configured)
        handlers: dict[str, _Handler] = {
            "CreateAgentRuntime": runtimes.create_agent_runtime,
            "GetAgentRuntime": runtimes.get_agent_runtime,
            "ListAgentRuntimes": runtimes.list_agent_runtimes,
            "ListAgentRuntimeVersions": runtimes.list_agent_runtime_versions,
            "UpdateAgentRuntime": runtimes.update_agent_runtime,
            "DeleteAgentRuntime": runtimes.delete_agent_runtime,
            "CreateAgentRuntimeEndpoint": endpoints.create_agent_runtime_endpoint,
            "GetAgentRuntimeEndpoint": endpoints.get_agent_runtime_endpoint,
            "ListAgentRuntimeEndpoints": endpoints.list_agent_runtime_endpoints,
            "UpdateAgentRuntimeEndpoint": endpoints.update_agent_runtime_endpoint,
            "DeleteAgentRuntimeEndpoint": endpoints.delete_agent_runtime_endpoint,
        }
        self.operations: Mapping[str, _Handler] = {
            name: plain(handler, InternalServerException) for name, handler in handlers.items()
        }

    async def open(self, app: ASGIApp) -> None:
        """Serve what was made before, and go on with what was under way; `app` is the whole emulator."""

        def code() -> Code:
            # Its HTTP client takes a tenth of a second to import.
            from agentcore_emulator.runtime.control.s3 import S3

            return S3(app, self._region)

        await self._deployments.open(code, self._configured)

    async def close(self) -> None:
        """Close what serves, once all sessions have ended; what is under way goes on with the next start."""
        await self._deployments.close()
