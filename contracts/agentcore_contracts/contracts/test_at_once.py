"""Calls of one session at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_CALLERS = 5


@contract(
    "RT-007",
    title="Invocations of one session run at the same time in its process",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _invoke_handler: handlers run in threads",
)
def test_invocations_meet(agentcore: AgentCore, session: str) -> None:
    """None is answered before all have come."""
    agentcore.invoke({"do": "count"}, session)
    ask = {"do": "meet", "meeting": "all", "count": _CALLERS}
    with ThreadPoolExecutor(_CALLERS) as threads:
        answers = list(threads.map(lambda _: agentcore.invoke(ask, session).json, range(_CALLERS)))
    assert len({answer["pid"] for answer in answers}) == 1


@contract(
    "RT-008",
    title="First calls of one session at the same time start one microVM; who is too early gets 409"
    " RetryableConflictException, if not an answer",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents' and 'Troubleshoot AgentCore Runtime':"
    " RetryableConflictException while a session is provisioned",
)
def test_first_calls_at_once(agentcore: AgentCore, session: str) -> None:
    """As many calls are counted as were answered."""
    ready = Barrier(_CALLERS)

    def call(_: int) -> tuple[str, int] | None:
        ready.wait()
        try:
            answer = agentcore.invoke({"do": "count"}, session).json
        except agentcore.client.exceptions.RetryableConflictException:
            return None
        return answer["module"], answer["count"]

    with ThreadPoolExecutor(_CALLERS) as threads:
        answers = [answer for answer in threads.map(call, range(_CALLERS)) if answer is not None]
    assert answers
    assert len({module for module, _ in answers}) == 1
    assert sorted(count for _, count in answers) == list(range(1, len(answers) + 1))
