"""Agent runtimes that a file or a yaml configures, as the control plane shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agentcore_emulator.auth.authorizer import Authorizer
from agentcore_emulator.errors import ConflictException
from agentcore_emulator.runtime.agents import DEFAULT_ENDPOINT, Agent

__all__ = ["Configured"]


class Configured:
    """These agents, which are there and ready since `now`, in seconds since the epoch."""

    def __init__(self, agents: Iterable[Agent], account: str, now: float) -> None:
        self._by_id = {agent.runtime.runtime_id: agent for agent in agents}
        self._role = f"arn:aws:iam::{account}:role/agentcore-emulator"
        self._now = now

    def __iter__(self) -> Iterator[Agent]:
        """The agents."""
        return iter(self._by_id.values())

    def __contains__(self, runtime_id: object) -> bool:
        """Whether there is one with this id."""
        return runtime_id in self._by_id

    def get(self, runtime_id: str) -> Agent | None:
        """The agent with this id."""
        return self._by_id.get(runtime_id)

    def refuse(self, runtime_id: str, what: str) -> None:
        """Raise ConflictException for the id of one: `what` is done to what configures it, not here."""
        agent = self._by_id.get(runtime_id)
        if agent is not None:
            where = agent.runtime.project_dir
            raise ConflictException(
                f"{agent.runtime.name} is configured by a file in {where}, not by CreateAgentRuntime: {what}"
            )

    def shown(self, agent: Agent, number: int | None = None) -> dict[str, Any]:
        """The output of GetAgentRuntime, of a version or of the newest.

        Of a role, which is required there, nothing is known; it is one that does not exist.
        """
        runtime = agent.runtime
        given: dict[str, Any] = {
            **self.summary(agent, number),
            "createdAt": self._now,
            "roleArn": self._role,
            "lifecycleConfiguration": {
                "idleRuntimeSessionTimeout": int(runtime.idle_timeout),
                "maxLifetime": int(runtime.max_lifetime),
            },
            "protocolConfiguration": {"serverProtocol": runtime.protocol},
            "platformVersion": runtime.platform,
        }
        del given["description"]
        if runtime.environment:
            given["environmentVariables"] = dict(runtime.environment)
        if runtime.header_allowlist:
            given["requestHeaderConfiguration"] = {"requestHeaderAllowlist": sorted(runtime.header_allowlist)}
        if runtime.authorizer is not None:
            given["authorizerConfiguration"] = {"customJWTAuthorizer": _authorizer(runtime.authorizer)}
        return given

    def summary(self, agent: Agent, number: int | None = None) -> dict[str, Any]:
        """The model's `AgentRuntime`."""
        return {
            "agentRuntimeArn": agent.runtime.arn,
            "agentRuntimeId": agent.runtime.runtime_id,
            "agentRuntimeVersion": str(number or agent.versions.current.number),
            "agentRuntimeName": agent.runtime.name,
            "description": "",
            "lastUpdatedAt": self._now,
            "status": "READY",
        }

    def endpoint(self, agent: Agent) -> dict[str, Any]:
        """Its one endpoint, DEFAULT, as the model's `AgentRuntimeEndpoint`."""
        version = str(agent.versions.current.number)
        return {
            "name": DEFAULT_ENDPOINT,
            "id": DEFAULT_ENDPOINT + agent.runtime.runtime_id[-11:],
            "liveVersion": version,
            "targetVersion": version,
            "agentRuntimeEndpointArn": f"{agent.runtime.arn}/runtime-endpoint/{DEFAULT_ENDPOINT}",
            "agentRuntimeArn": agent.runtime.arn,
            "status": "READY",
            "createdAt": self._now,
            "lastUpdatedAt": self._now,
        }


def _authorizer(authorizer: Authorizer) -> dict[str, Any]:
    """The model's `CustomJWTAuthorizerConfiguration`."""
    lists = {
        "allowedAudience": list(authorizer.audience),
        "allowedClients": list(authorizer.clients),
        "allowedScopes": list(authorizer.scopes),
        "advertisedScopeMapping": dict(authorizer.advertised),
        "customClaims": [
            {
                "inboundTokenClaimName": rule.name,
                "inboundTokenClaimValueType": "STRING_ARRAY" if rule.array else "STRING",
                "authorizingClaimMatchValue": {
                    "claimMatchOperator": "CONTAINS_ANY" if rule.array else "EQUALS",
                    "claimMatchValue": (
                        {"matchValueStringList": list(rule.values)}
                        if rule.array
                        else {"matchValueString": rule.values[0]}
                    ),
                },
            }
            for rule in authorizer.claims
        ],
    }
    return {"discoveryUrl": authorizer.discovery_url, **{name: value for name, value in lists.items() if value}}
