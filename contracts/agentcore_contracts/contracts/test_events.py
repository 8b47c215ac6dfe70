"""Streams of any length and content, event by event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import EventStream, sse_streams

_SDK = "bedrock-agentcore 1.25 runtime/app.py"
_STREAMING = "AWS developer guide, 'HTTP protocol contract', streaming responses"

_BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["generator", "asynchronous generator"])


@contract(
    "RT-045",
    title="Text that holds line ends, or looks like an event, stays within its event",
    evidence="sdk-source",
    source=f"{_SDK}, _convert_to_sse: JSON escapes line ends",
)
@given(stream=sse_streams(), asynchronous=st.booleans())
def test_any_text(agentcore: AgentCore, warm_session: str, stream: EventStream, asynchronous: bool) -> None:
    """To the byte."""
    ask = {"do": "stream", "values": stream.values, "asynchronous": asynchronous}
    assert agentcore.invoke(ask, warm_session).raw == stream.body


@contract(
    "RT-046",
    title="An event of megabytes arrives whole",
    evidence="aws-docs",
    source="AWS developer guide, 'Quotas': a chunk of a stream has 10 MB at most",
)
@_BOTH
def test_large_events(agentcore: AgentCore, warm_session: str, asynchronous: bool) -> None:
    """Between two small ones."""
    values = ["before", "é" * 1_000_000, "after"]
    answer = agentcore.invoke({"do": "stream", "values": values, "asynchronous": asynchronous}, warm_session)
    assert answer.raw == f'data: "before"\n\ndata: "{values[1]}"\n\ndata: "after"\n\n'.encode()


@contract(
    "RT-047",
    title="Thousands of events arrive, each once and in order",
    evidence="aws-docs",
    source=_STREAMING,
)
@_BOTH
def test_many_events(agentcore: AgentCore, warm_session: str, asynchronous: bool) -> None:
    """None is joined with another."""
    answer = agentcore.invoke({"do": "numbers", "count": 3000, "asynchronous": asynchronous}, warm_session)
    assert answer.raw == b"".join(b"data: %d\n\n" % number for number in range(3000))


@contract(
    "RT-048",
    title="Each of many events arrives before the agent is at work on the next one",
    evidence="aws-docs",
    source=_STREAMING,
)
@_BOTH
def test_each_event_at_once(agentcore: AgentCore, session: str, asynchronous: bool) -> None:
    """A second invocation lets the agent go on, and is made only after the event has come."""
    ask = {"do": "numbers", "count": 20, "gate": "next", "asynchronous": asynchronous}
    with agentcore.stream(ask, session) as events:
        assert next(events) == 0
        for number in range(1, 20):
            agentcore.invoke({"do": "release", "gate": f"next{number}"}, session)
            assert next(events) == number
        assert list(events) == []


@contract(
    "RT-049",
    title="Two streams of one session do not wait for each other",
    evidence="sdk-source",
    source=f"{_SDK}, _handle_invocation: each invocation has a response of its own",
)
@_BOTH
def test_two_streams(agentcore: AgentCore, session: str, asynchronous: bool) -> None:
    """The later one ends first."""
    ask = {"do": "stream", "values": ["first", "last"], "asynchronous": asynchronous}
    with (
        agentcore.stream({**ask, "gate": "one"}, session) as one,
        agentcore.stream({**ask, "gate": "other"}, session) as other,
    ):
        assert [next(one), next(other)] == ["first", "first"]
        agentcore.invoke({"do": "release", "gate": "other"}, session)
        assert list(other) == ["last"]
        agentcore.invoke({"do": "release", "gate": "one"}, session)
        assert list(one) == ["last"]


@contract(
    "RT-053",
    title="A generator that fails before its first value is a stream of one event, its error, with status 200",
    evidence="sdk-source",
    source=f"{_SDK}, _stream_with_error_handling and _sync_stream_with_error_handling",
)
@_BOTH
def test_failure_at_once(agentcore: AgentCore, warm_session: str, asynchronous: bool) -> None:
    """An entrypoint that is no generator would become 424."""
    ask = {"do": "stream", "values": [], "fail": "out of ink", "asynchronous": asynchronous}
    with agentcore.stream(ask, warm_session) as events:
        [event] = list(events)
    assert (event["error"], event["error_type"]) == ("out of ink", "RuntimeError")
