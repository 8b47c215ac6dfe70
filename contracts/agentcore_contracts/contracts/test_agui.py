"""AG-UI: events on their way from an agent, and the platform's errors, which are events too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore, Raw
from agentcore_contracts.strategies import json_values, texts
from agentcore_emulator.testing import Faults

_GUIDE = "AWS developer guide, 'AG-UI protocol contract'"
_ERRORS = f"{_GUIDE}, error handling"

_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
_CUSTOM = "x-amzn-bedrock-agentcore-runtime-custom-"

_IDS = {"threadId": "thread", "runId": "run"}
_STARTED = {"type": "RUN_STARTED", **_IDS}
_FINISHED = {"type": "RUN_FINISHED", **_IDS}


def _input(order: dict[str, Any], **members: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"state": {}, "messages": [], "tools": [], "context": []}
    return {**_IDS, **empty, "forwardedProps": order, **members}


def _run(agui: AgentCore, session: str, order: dict[str, Any], **members: Any) -> list[Any]:
    with agui.stream(_input(order, **members), session, accept="text/event-stream") as events:
        return list(events)


def _do(agui: AgentCore, session: str, order: dict[str, Any]) -> Any:
    """What the probe has for an order, between the start and the end of the run."""
    started, result, finished = _run(agui, session, order)
    assert (started, finished) == (_STARTED, _FINISHED)
    return result["value"]


def _post(agui: AgentCore, session: str, run: Any, query: str = "", **headers: str) -> Raw:
    body = run if isinstance(run, bytes) else json.dumps(run).encode()
    lines = {"content-type": "application/json", "accept": "text/event-stream", _SESSION: session, **headers}
    return agui.post(f"invocations{query}", headers=lines, body=body)


def _error(answer: Raw) -> tuple[int, str]:
    """The HTTP status and the code of an answer that is one event, an error."""
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert answer.headers["x-amzn-requestid"]
    assert answer.body.startswith(b"data: ")
    assert answer.body.endswith(b"\n\n")
    event = json.loads(answer.body[6:])
    assert event["type"] == "RUN_ERROR"
    assert event["message"]
    return answer.status, event["code"]


@pytest.fixture(scope="module")
def runtime(agui: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return agui


@contract(
    "AG-001",
    title="The events of a run arrive as server-sent events, to the byte and in the order in which the agent sent them",
    evidence="aws-docs",
    source=f"{_GUIDE}: events are passed through",
)
@given(deltas=st.lists(texts(), max_size=4), state=json_values())
def test_events(agui: AgentCore, warm_session: str, deltas: list[str], state: Any) -> None:
    """A message in pieces of any text, and a snapshot of any state."""
    values = [
        {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
        *({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": delta} for delta in deltas),
        {"type": "TEXT_MESSAGE_END", "messageId": "m"},
        {"type": "STATE_SNAPSHOT", "snapshot": state},
    ]
    answer = agui.invoke(_input({"do": "events", "values": values}), warm_session, accept="text/event-stream")
    assert answer.content_type.partition(";")[0] == "text/event-stream"
    assert answer.raw.decode() == "".join(f"data: {json.dumps(each)}\n\n" for each in [_STARTED, *values, _FINISHED])


@contract(
    "AG-002",
    title="An event arrives while the agent is still at work on the next one, and the session takes other runs",
    evidence="aws-docs",
    source=f"{_GUIDE}: events are streamed as they are made",
)
def test_a_stream_is_not_held_back(agui: AgentCore, session: str) -> None:
    """The second one is sent only when another run has opened a gate, which is done after the first has come."""
    first, second = ({"type": "CUSTOM", "name": name, "value": None} for name in ("first", "second"))
    asked = _input({"do": "events", "values": [first, second], "gate": "door"})
    with agui.stream(asked, session, accept="text/event-stream") as events:
        assert [next(events), next(events)] == [_STARTED, first]
        assert _do(agui, session, {"do": "release", "gate": "door"}) is True
        assert events.rest() == [second, _FINISHED]


@contract(
    "AG-003",
    title="The platform hands on the input as it is: any JSON value in it reaches the agent",
    evidence="aws-docs",
    source=f"{_GUIDE}: input is passed through",
)
@given(value=json_values())
def test_any_value(agui: AgentCore, warm_session: str, value: Any) -> None:
    """Integers of any size, doubles to the bit, text to the character."""
    assert json.dumps(_do(agui, warm_session, {"do": "echo", "value": value})) == json.dumps(value)


@contract(
    "AG-004",
    title="A session is that of the session header, whatever thread and run the input names",
    evidence="aws-docs",
    source=f"{_GUIDE}; 'Use isolated sessions for agents'",
)
def test_sessions(agui: AgentCore) -> None:
    """One thread in two sessions, and two threads in one."""
    one, other = agui.new_session(), agui.new_session()
    runs = [(one, "a"), (other, "a"), (one, "b"), (other, "b")]
    answers = [_run(agui, session, {"do": "count"}, threadId=thread)[1]["value"] for session, thread in runs]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert answers[0]["module"] == answers[2]["module"] != answers[1]["module"] == answers[3]["module"]


@contract(
    "AG-005",
    title="An error that the agent tells of by an event of its own arrives as it words it",
    evidence="aws-docs",
    source=f"{_GUIDE}: events are passed through",
)
@given(message=texts())
def test_the_agents_own_errors(agui: AgentCore, warm_session: str, message: str) -> None:
    """The HTTP status is 200, for the run had begun."""
    error = {"type": "RUN_ERROR", "message": message, "code": "INTERNAL_ERROR"}
    assert _run(agui, warm_session, {"do": "fail", "message": message}) == [_STARTED, error]


@contract(
    "AG-006",
    title="Of a caller's own headers those on the allow-list reach the agent, the others are dropped",
    evidence="aws-docs",
    source="AWS developer guide, 'Pass custom headers to AgentCore Runtime'",
)
def test_headers(agui: AgentCore, session: str) -> None:
    """What is modelled reaches it too."""
    brought = {f"{_CUSTOM}probe": "allowed", f"{_CUSTOM}other": "dropped", "x-other": "dropped"}
    answer = _post(agui, session, _input({"do": "headers"}), **brought)
    seen = json.loads(answer.body.split(b"\n\n")[1][6:])["value"]
    assert seen[f"{_CUSTOM}probe"] == "allowed"
    assert (seen[_SESSION], seen["accept"]) == (session, "text/event-stream")
    assert "dropped" not in seen.values()
    assert "authorization" not in seen


@contract(
    "AG-007",
    title="Stopping a session cuts the run in it, and the next run starts cold",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session'",
)
def test_stop_amid_a_run(agui: AgentCore, session: str) -> None:
    """The agent waits at a gate that nobody opens, so whatever ends the stream is the stop."""
    with agui.stream(_input({"do": "events", "values": [1, 2], "gate": "never"}), session) as events:
        assert [next(events), next(events)] == [_STARTED, 1]
        assert agui.stop(session) == 200
        assert events.rest() == []
    assert _do(agui, session, {"do": "count"})["count"] == 1


@contract(
    "AG-010",
    title="Whatever status of failure the agent answers with, the client gets AGENT_ERROR with the status 200",
    evidence="aws-docs",
    source=f"{_ERRORS}: AGENT_ERROR",
)
@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
def test_statuses_of_the_agents_own(agui: AgentCore, warm_session: str, status: int) -> None:
    """What it says beside is thrown away."""
    answer = _post(agui, warm_session, _input({"do": "answer", "status": status}))
    assert _error(answer) == (200, "AGENT_ERROR")
    assert b"as you wish" not in answer.body


@contract(
    "AG-011",
    title="Input that is none is the agent's to refuse, so that the client gets AGENT_ERROR",
    evidence="aws-docs",
    source=f"{_ERRORS}: AGENT_ERROR; that the agent answers 400: bedrock-agentcore 1.25 runtime/ag_ui.py",
)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_malformed(agui: AgentCore, warm_session: str, body: bytes) -> None:
    """And the session takes the next run."""
    before = _do(agui, warm_session, {"do": "count"})
    assert _error(_post(agui, warm_session, body)) == (200, "AGENT_ERROR")
    assert _do(agui, warm_session, {"do": "count"}) == {**before, "count": before["count"] + 1}


@contract(
    "AG-012",
    title="A crash within a run cuts its events, and the next run starts cold",
    evidence="aws-docs",
    source=f"{_GUIDE}; 'Use isolated sessions for agents'",
)
def test_a_crash(agui: AgentCore, session: str) -> None:
    """The run had begun, so there is no other answer any more."""
    before = _do(agui, session, {"do": "count"})
    with agui.stream(_input({"do": "crash"}), session) as events:
        assert events.rest() == [_STARTED]
    after = _do(agui, session, {"do": "count"})
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "AG-013",
    title="A session id that is too short is the event VALIDATION_ERROR with the status 400",
    evidence="aws-docs",
    source=_ERRORS,
)
@pytest.mark.parametrize("length", [1, 32, 257])
def test_not_valid(agui: AgentCore, length: int) -> None:
    """Or too long."""
    assert _error(_post(agui, "x" * length, _input({"do": "count"}))) == (400, "VALIDATION_ERROR")


@contract(
    "AG-014",
    title="Throttling is the event RATE_LIMIT_EXCEEDED with 429, a quota SERVICE_QUOTA_EXCEEDED with 429, a session in"
    " transition SESSION_BUSY with 409, what fails within AWS INTERNAL_ERROR with 500",
    evidence="aws-docs",
    source=_ERRORS,
)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttle", (429, "RATE_LIMIT_EXCEEDED")),
        ("quota", (429, "SERVICE_QUOTA_EXCEEDED")),
        ("conflict", (409, "SESSION_BUSY")),
        ("internal", (500, "INTERNAL_ERROR")),
    ],
)
def test_errors_to_order(
    agui: AgentCore, faults: Faults, warm_session: str, fault: str, error: tuple[int, str]
) -> None:
    """Once, and then no more; the agent has not seen it."""
    before = _do(agui, warm_session, {"do": "count"})
    faults.add(fault, operation="InvokeAgentRuntime")
    assert _error(_post(agui, warm_session, _input({"do": "count"}))) == error
    assert _do(agui, warm_session, {"do": "count"}) == {**before, "count": before["count"] + 1}


@contract(
    "AG-015",
    title="Who may not call the agent gets the event ACCESS_DENIED with the status 403",
    evidence="aws-docs",
    source=_ERRORS,
)
def test_access_denied(agui: AgentCore, session: str) -> None:
    """By a token, where signatures are asked for."""
    headers = {_SESSION: session, "content-type": "application/json", "authorization": "Bearer e30.e30.e30"}
    body = json.dumps(_input({"do": "count"})).encode()
    answer = agui.send("POST", "invocations", headers=headers, body=body, signed=False)
    assert _error(answer) == (403, "ACCESS_DENIED")
