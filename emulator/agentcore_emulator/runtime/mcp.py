"""Invocations of agents that speak MCP over streamable HTTP.

AWS developer guide, "MCP protocol contract": `Mcp-Session-Id` is what leads a request to its session. A stateless
server gets one that the platform invents; a stateful one issues its own in the answer to `initialize`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from agentcore_emulator.errors import AWSError, McpRequestUnacceptableException, NotImplementedException
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.invocation import Errand, Invoker
from agentcore_emulator.wire.request import Answer

__all__ = ["MCP"]

_ID: Final = "Mcp-Session-Id"

_ACCEPTED: Final = frozenset({"application/json", "text/event-stream"})

# botocore model, `mcpSessionId`: a client cannot name a longer one.
_LONGEST_ID: Final = 1024

_ALIASES_KEPT: Final = 10_000


class MCP:
    """Leads requests to sessions by their `Mcp-Session-Id`, and sees to it that every answer carries one."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        # (runtime id, id that a server has issued) to the session id, the oldest first. They outlive the session's
        # microVM, as the session's id does.
        self._aliases: dict[tuple[str, str], str] = {}

    async def __call__(self, visit: Visit) -> None:
        """Relay one message."""
        call = visit.call
        if visit.below:
            raise NotImplementedException(f"{visit.below[:200]} of an MCP agent", "bedrock-agentcore")
        if call.scope["method"] != "POST":
            # What the specification of streamable HTTP has a server answer that offers no stream to GET, and no end of
            # a session to DELETE. AWS documents POST alone.
            await call.reply(Answer(405, [("Allow", "POST"), ("x-amzn-RequestId", call.request_id)], b""))
            return
        accepted = {kind.partition(";")[0].strip().lower() for kind in call.headers.get("accept", "").split(",")}
        if not accepted >= _ACCEPTED:
            raise McpRequestUnacceptableException("MCP needs the header Accept: application/json, text/event-stream")
        given: str | None = visit.request.get("mcpSessionId")
        if given is not None:
            visit.key = visit.session(self._aliases.get((visit.key.runtime_id, given), given))
        starts = given is None and _is_initialize(await call.receive.read())
        sent = given or (None if starts else visit.key.session_id)

        def answer_headers(answer: Mapping[str, str]) -> Sequence[tuple[str, str]]:
            issued = answer.get("mcp-session-id")
            if issued and issued != sent:
                self._remember(visit, issued)
            return [(_ID, issued or sent or visit.key.session_id)]

        headers = {**call.headers, "mcp-session-id": sent} if sent else call.headers
        try:
            await self._invoker.invoke(
                visit, Errand(target=visit.agent.path, headers=headers, answer_headers=answer_headers)
            )
        except AWSError as error:
            # A client must not take up a session of MCP that did not come about.
            if sent:
                error.headers = (*error.headers, (_ID, sent))
            raise

    def _remember(self, visit: Visit, issued: str) -> None:
        if len(issued) > _LONGEST_ID:
            return
        key = (visit.key.runtime_id, issued)
        self._aliases.pop(key, None)
        self._aliases[key] = visit.key.session_id
        if len(self._aliases) > _ALIASES_KEPT:
            del self._aliases[next(iter(self._aliases))]


def _is_initialize(body: bytes) -> bool:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("method") == "initialize"
