"""StopRuntimeSession."""

from __future__ import annotations

import pytest

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_STOP = "AWS developer guide, 'Stop a running session'"


@contract(
    "RT-080",
    title="A stopped session is gone, and its id starts cold when it is used again",
    evidence="aws-docs",
    source=f"{_STOP} and 'Use isolated sessions for agents'",
)
def test_stop(agentcore: AgentCore, session: str) -> None:
    """200, and another process afterwards."""
    before = agentcore.invoke({"do": "count"}, session).json
    assert agentcore.stop(session) == 200
    after = agentcore.invoke({"do": "count"}, session).json
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "RT-081",
    title="To stop a session that has ended, or never was, is 404 ResourceNotFoundException",
    evidence="aws-docs",
    source=_STOP,
)
def test_stop_of_nothing(agentcore: AgentCore, session: str) -> None:
    """So a second stop is not like the first, although the model calls the operation idempotent."""
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException):
        agentcore.stop(session)
    agentcore.invoke({"do": "count"}, session)
    agentcore.stop(session)
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException) as raised:
        agentcore.stop(session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@contract(
    "RT-082",
    title="Stopping a session cuts what it streams",
    evidence="aws-docs",
    source=_STOP,
)
def test_stop_amid_a_stream(agentcore: AgentCore, session: str) -> None:
    """The agent waits for a gate that nobody opens, so whatever ends the stream is the stop."""
    with agentcore.stream({"do": "stream", "values": ["first", "second"], "gate": "never"}, session) as events:
        assert next(events) == "first"
        assert agentcore.stop(session) == 200
        assert events.rest() == []
