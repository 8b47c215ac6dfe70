"""Streamed answers: how they are framed, that they are not held back, and how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values

_SDK = "bedrock-agentcore 1.25 runtime/app.py"


@contract(
    "RT-040",
    title="What a generator yields arrives as text/event-stream: for each value, in order, `data: `, its JSON and an"
    " empty line",
    evidence="sdk-source",
    source=f"{_SDK}, _convert_to_sse",
)
@given(values=st.lists(json_values(), max_size=5), asynchronous=st.booleans())
def test_framing(agentcore: AgentCore, warm_session: str, values: list[Any], asynchronous: bool) -> None:
    """To the byte, from plain and from asynchronous generators, also one that yields nothing."""
    answer = agentcore.invoke({"do": "stream", "values": values, "asynchronous": asynchronous}, warm_session)
    assert answer.content_type.partition(";")[0] == "text/event-stream"
    assert answer.raw == b"".join(
        b"data: " + json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n\n" for value in values
    )


@contract(
    "RT-041",
    title="An event arrives while the agent is still at work on the next one",
    evidence="aws-docs",
    source="AWS developer guide, 'HTTP protocol contract', streaming responses",
)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["generator", "asynchronous generator"])
def test_events_are_not_held_back(agentcore: AgentCore, session: str, asynchronous: bool) -> None:
    """By the order of events: the agent does not go on before a second invocation, made after the first event came."""
    ask = {"do": "stream", "values": ["first", "second", "third"], "gate": "next", "asynchronous": asynchronous}
    with agentcore.stream(ask, session) as events:
        assert next(events) == "first"
        assert agentcore.invoke({"do": "release", "gate": "next"}, session).json == {"passed": False}
        assert list(events) == ["second", "third"]


@contract(
    "RT-042",
    title="An exception amid a stream becomes its last event, with `error`, `error_type` and `message`; the status was"
    " 200 before",
    evidence="sdk-source",
    source=f"{_SDK}, _stream_with_error_handling and _sync_stream_with_error_handling",
)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["generator", "asynchronous generator"])
def test_exceptions_amid_a_stream(agentcore: AgentCore, session: str, asynchronous: bool) -> None:
    """Unlike before the first byte, the client gets the exception's text."""
    with agentcore.stream(
        {"do": "stream", "values": [1, 2], "fail": "out of ink", "asynchronous": asynchronous}, session
    ) as events:
        assert list(events) == [
            1,
            2,
            {"error": "out of ink", "error_type": "RuntimeError", "message": "An error occurred during streaming"},
        ]


@contract(
    "RT-043",
    title="Events that were sent before the agent crashed arrive, nothing follows them, and the next call starts cold",
    evidence="aws-docs",
    source="AWS developer guide, 'HTTP protocol contract', streaming responses, and 'Use isolated sessions for agents'."
    " No source says how the break shows, so any end will do here",
)
def test_crash_amid_a_stream(agentcore: AgentCore, session: str) -> None:
    """The status line has gone out, so there cannot be a 424."""
    with agentcore.stream({"do": "stream", "values": ["one", "two"], "exit": 3}, session) as events:
        assert events.rest() == ["one", "two"]
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1


@contract(
    "RT-044",
    title="A client that hangs up does not end the agent's work",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': closing the connection does not stop the session",
)
def test_a_client_that_hangs_up(agentcore: AgentCore, session: str) -> None:
    """The stream is let go on only after its client has gone, and comes to its end."""
    with agentcore.stream({"do": "stream", "values": ["first", "second"], "gate": "next"}, session) as events:
        assert next(events) == "first"
    assert agentcore.invoke({"do": "release", "gate": "next"}, session).json == {"passed": False}
    assert agentcore.invoke({"do": "end_of", "gate": "next"}, session).json == {"passed": True}
