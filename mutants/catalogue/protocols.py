"""The protocols beside HTTP: WebSockets, MCP, A2A and AG-UI."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="websocket-stop-is-no-going-away",
        file="runtime/websocket.py",
        old="_GOING_AWAY, _POLICY, _TOO_BIG, _INTERNAL_ERROR = 1001,",
        new="_GOING_AWAY, _POLICY, _TOO_BIG, _INTERNAL_ERROR = 1000,",
        breaks="A client whose session was stopped takes the conversation for finished.",
        contracts=("WS-024",),
    ),
    Mutant(
        name="websocket-frames-change-places",
        file="runtime/websocket.py",
        old="        to.write(data)\n        return count\n",
        new="""        from agentcore_emulator.runtime.frames import _measure

        head, payload = _measure(data)
        first = head + (payload or 0)
        to.write(data[first:] + data[:first] if count > 1 and scanner.between else data)
        return count
""",
        breaks="Messages that come together arrive in another order.",
        contracts=("WS-014",),
    ),
    Mutant(
        name="websocket-keeps-no-session",
        file="runtime/websocket.py",
        old="            self._use.session.last_used = self._clock.time()\n",
        new="            pass\n",
        breaks="A session ends at the idle timeout in the middle of a conversation.",
        contracts=("WS-034",),
    ),
    Mutant(
        name="websocket-query-is-ignored",
        file="runtime/front.py",
        old="call.headers = {**from_query(call.query), **call.headers}",
        new="call.headers = {**call.headers}",
        breaks="A page, which cannot set headers, gets another session each time.",
        contracts=("WS-001",),
    ),
    Mutant(
        name="mcp-session-id-is-lost",
        file="runtime/mcp.py",
        old="return [(_ID, issued or sent or visit.key.session_id)]",
        new="return [(_ID, issued)] if issued else []",
        breaks="A client of a stateless server is told no id, and starts cold with each message.",
        contracts=("MC-010",),
    ),
    Mutant(
        name="mcp-id-of-a-server-leads-nowhere",
        file="runtime/mcp.py",
        old="        self._aliases[key] = visit.key.session_id\n",
        new="        self._aliases[key] = issued\n",
        breaks="Messages with the id that a stateful server has issued reach another server.",
        contracts=("MC-013",),
    ),
    Mutant(
        name="mcp-accept-is-half-checked",
        file="runtime/mcp.py",
        old="if not accepted >= _ACCEPTED:",
        new="if not accepted & _ACCEPTED:",
        breaks="A client that cannot read event streams works here, and fails on AWS.",
        contracts=("MC-020",),
    ),
    Mutant(
        name="mcp-failure-has-another-code",
        file="runtime/envelopes.py",
        old="            -32010, 200,",
        new="            -32603, 200,",
        breaks="A client of MCP cannot tell a failure of the server from one of the platform.",
        contracts=("MC-021",),
    ),
    Mutant(
        name="json-rpc-error-without-its-id",
        file="runtime/envelopes.py",
        old='"id": _id(body), "error": detail',
        new='"id": None, "error": detail',
        breaks="A client of JSON-RPC does not know which of its messages has failed.",
        contracts=("MC-026", "AA-024"),
    ),
    Mutant(
        name="a2a-failure-has-another-code",
        file="runtime/envelopes.py",
        old="            -32055, 424,",
        new="            -32603, 424,",
        breaks="A client of A2A cannot tell a failure of the agent from one of the platform.",
        contracts=("AA-020",),
    ),
    Mutant(
        name="a2a-path-below-is-dropped",
        file="runtime/a2a.py",
        old="target = visit.below or visit.agent.path",
        new="target = visit.agent.path",
        breaks="What an A2A agent serves below the path of its invocations cannot be reached.",
        contracts=("AA-005",),
    ),
    Mutant(
        name="agui-failure-has-another-status",
        file="runtime/envelopes.py",
        old='"AGENT_ERROR", 200,',
        new='"AGENT_ERROR", 424,',
        breaks="A client of AG-UI does not read the event that tells of a failure.",
        contracts=("AG-010",),
    ),
)
