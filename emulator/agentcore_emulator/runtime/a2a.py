"""Requests to agents that speak A2A, and `GetAgentCard`.

AWS developer guide, "Deploy A2A servers in AgentCore Runtime": what lies below the path of the invocations is the
agent's, whatever the method.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus

from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.invocation import Errand, Invoker

__all__ = ["A2A"]

# What the query tells the platform; the rest is the agent's.
_PLATFORMS: Final = ("qualifier", "accountid", "x-amz-")


class A2A:
    """Relays requests to an agent's server at the path that they name there."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    async def __call__(self, visit: Visit) -> None:
        """Relay one request: to `/` what is meant for the path of the invocations, the rest to what lies below it.

        The path is relayed as it came, still encoded, on a connection that leads to the agent's server and nowhere
        else, so it is for that server to say what it means.
        """
        call = visit.call
        target = visit.below or visit.agent.path
        query = _own(call.scope["query_string"].decode("latin-1"))
        await self._invoker.invoke(
            visit,
            Errand(method=call.scope["method"], target=f"{target}?{query}" if query else target, headers=call.headers),
        )

    async def get_agent_card(self, visit: Visit) -> None:
        """The agent's card, for which a session is started if need be."""
        await self._invoker.invoke(
            visit, Errand(method="GET", target="/.well-known/agent-card.json", headers=visit.call.headers)
        )


def _own(query: str) -> str:
    """The part of a query that is the agent's, as it came."""
    pairs = (pair for pair in query.split("&") if pair)
    return "&".join(pair for pair in pairs if not _is_platforms(unquote_plus(pair.partition("=")[0])))


def _is_platforms(name: str) -> bool:
    qualifier, account, signature = _PLATFORMS
    return name.lower() in (qualifier, account) or name.lower().startswith(signature)
