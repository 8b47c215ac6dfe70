"""A2A: the agent's card, messages and streams on their way to an agent and back, and the platform's errors.

The probe's A2A server is written on bare HTTP, so that nothing but the platform is between a contract and the wire.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore, Raw
from agentcore_contracts.strategies import json_values, texts
from agentcore_emulator.testing import Faults

_GUIDE = "AWS developer guide, 'A2A protocol contract'"
_ERRORS = f"{_GUIDE}, error handling"
_DEPLOY = "AWS developer guide, 'Deploy A2A servers in AgentCore Runtime'"
_MODEL = "botocore 1.44 bedrock-agentcore model, GetAgentCard"

_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
_CUSTOM = "x-amzn-bedrock-agentcore-runtime-custom-"
_CARD = ".well-known/agent-card.json"


def _message(order: Any, *, method: str = "message/send", message_id: Any = 1) -> dict[str, Any]:
    part = {"kind": "data", "data": order}
    message = {"kind": "message", "role": "user", "messageId": "m", "parts": [part]}
    return {"jsonrpc": "2.0", "id": message_id, "method": method, "params": {"message": message}}


def _value(answer: Any) -> Any:
    """What an answer's message has for the order."""
    return answer["result"]["parts"][0]["data"]["value"]


def _do(a2a: AgentCore, session: str, order: dict[str, Any]) -> Any:
    return _value(a2a.invoke(_message(order), session).json)


def _post(a2a: AgentCore, session: str, message: Any, query: str = "", **headers: str) -> Raw:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    lines = {"content-type": "application/json", _SESSION: session, **headers}
    return a2a.post(f"invocations{query}", headers=lines, body=body)


def _error(answer: Raw) -> tuple[int, int]:
    """The HTTP status and the code of an error of JSON-RPC, which has the id of the message."""
    message = json.loads(answer.body)
    assert (message["jsonrpc"], message["id"]) == ("2.0", 1)
    assert message["error"]["message"]
    return answer.status, message["error"]["code"]


@pytest.fixture(scope="module")
def runtime(a2a: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return a2a


# The card, and what else lies below the invocations


@contract(
    "AA-001",
    title="GetAgentCard gives the card that the agent serves, as a document",
    evidence="aws-model",
    source=f"{_MODEL}: agentCard is a document",
)
def test_the_card(a2a: AgentCore, session: str) -> None:
    """With the status and the session beside it."""
    answer = a2a.client.get_agent_card(agentRuntimeArn=a2a.arn, runtimeSessionId=session)
    assert (answer["statusCode"], answer["runtimeSessionId"]) == (200, session)
    card = answer["agentCard"]
    assert card["name"] == "probe"
    assert card["capabilities"] == {"streaming": True}
    assert [skill["id"] for skill in card["skills"]] == ["do"]


@contract(
    "AA-002",
    title="The card lies below the path of the invocations, where clients of A2A look for it",
    evidence="aws-docs",
    source=_DEPLOY,
)
def test_the_cards_path(a2a: AgentCore, session: str) -> None:
    """The same card."""
    answer = a2a.send("GET", f"invocations/{_CARD}", headers={_SESSION: session})
    assert answer.status == 200
    card = a2a.client.get_agent_card(agentRuntimeArn=a2a.arn, runtimeSessionId=session)["agentCard"]
    assert json.loads(answer.body) == card


@contract(
    "AA-003",
    title="The card comes from the session that is named: messages find the same process",
    evidence="aws-model",
    source=f"{_MODEL}, runtimeSessionId",
)
def test_the_cards_session(a2a: AgentCore, session: str) -> None:
    """To get it starts the session, and it is not another one's."""
    a2a.client.get_agent_card(agentRuntimeArn=a2a.arn, runtimeSessionId=session)
    first = _do(a2a, session, {"do": "count"})
    a2a.client.get_agent_card(agentRuntimeArn=a2a.arn, runtimeSessionId=session)
    assert _do(a2a, session, {"do": "count"}) == {**first, "count": 2}


@contract(
    "AA-004",
    title="What GetAgentCard fails with has AWS's own form: 404 for what is not there, 400 for what is not valid",
    evidence="aws-model",
    source=f"{_MODEL}, errors",
)
def test_errors_of_the_card(a2a: AgentCore, session: str) -> None:
    """Not the one of JSON-RPC, for it is no message."""
    with pytest.raises(a2a.client.exceptions.ResourceNotFoundException):
        a2a.client.get_agent_card(agentRuntimeArn=a2a.arn, runtimeSessionId=session, qualifier="nobody_made_this")
    answer = a2a.send("GET", f"invocations/{_CARD}", headers={_SESSION: "too-short"})
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "ValidationException"


@contract(
    "AA-005",
    title="What lies below the path of the invocations is the agent's, by the method that was used",
    evidence="aws-docs",
    source=f"{_DEPLOY}: paths are passed on",
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@given(segments=st.lists(st.text("abcXYZ019-_~", min_size=1, max_size=8), min_size=1, max_size=4))
def test_paths(a2a: AgentCore, warm_session: str, method: str, segments: list[str]) -> None:
    """Any number of segments, as the agent's server sees them."""
    path = "/".join(segments)
    body = b"" if method == "GET" else b'{"a": 1}'
    headers = {_SESSION: warm_session, "content-type": "application/json"}
    answer = a2a.send(method, f"invocations/{path}", headers=headers, body=body)
    seen = json.loads(answer.body)
    assert (answer.status, seen["method"], seen["path"], seen["body"]) == (200, method, f"/{path}", body.decode())


# Messages


@contract(
    "AA-010",
    title="The platform hands on messages as they are: any JSON value in one comes back from the agent",
    evidence="aws-docs",
    source=f"{_GUIDE}: messages are passed through",
)
@given(value=json_values())
def test_any_value(a2a: AgentCore, warm_session: str, value: Any) -> None:
    """Integers of any size, doubles to the bit, text to the character."""
    assert json.dumps(_do(a2a, warm_session, {"do": "echo", "value": value})) == json.dumps(value)


@contract(
    "AA-011",
    title="message/stream is answered by an event stream, of the messages that the agent sent and in their order",
    evidence="aws-docs",
    source=f"{_GUIDE}: message/stream",
)
@given(values=st.lists(json_values(), max_size=5), message_id=st.integers() | texts())
def test_streams(a2a: AgentCore, warm_session: str, values: list[Any], message_id: int | str) -> None:
    """Each has the id of the request."""
    asked = _message({"do": "stream", "values": values}, method="message/stream", message_id=message_id)
    with a2a.stream(asked, warm_session) as events:
        answers = list(events)
    assert json.dumps([_value(answer) for answer in answers]) == json.dumps(values)
    assert [answer["id"] for answer in answers] == [message_id] * len(values)


@contract(
    "AA-012",
    title="An event arrives while the agent is still at work on the next one, and the session takes other messages",
    evidence="aws-docs",
    source=f"{_GUIDE}: message/stream",
)
def test_a_stream_is_not_held_back(a2a: AgentCore, session: str) -> None:
    """The second one is sent only when another message has opened a gate, which is done after the first has come."""
    asked = _message({"do": "stream", "values": ["first", "second"], "gate": "door"}, method="message/stream")
    with a2a.stream(asked, session) as events:
        assert _value(next(events)) == "first"
        assert _do(a2a, session, {"do": "release", "gate": "door"}) is True
        assert [_value(event) for event in events.rest()] == ["second"]


@contract(
    "AA-013",
    title="The agent's own errors of JSON-RPC arrive as it words them, also those for what is no message",
    evidence="aws-docs",
    source=f"{_GUIDE}: messages are passed through",
)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"[1]", -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {}}', -32602),
    ],
)
def test_the_agents_own_errors(a2a: AgentCore, warm_session: str, body: bytes, code: int) -> None:
    """They come with the HTTP status 200, which is why they pass."""
    answer = a2a.invoke(body, warm_session)
    assert answer.json["error"]["code"] == code


@contract(
    "AA-014",
    title="Messages with one session id reach one process, those with another id another",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents'",
)
def test_sessions(a2a: AgentCore) -> None:
    """Interleaved, so that a process shared by both would count on."""
    one, other = a2a.new_session(), a2a.new_session()
    answers = [_do(a2a, session, {"do": "count"}) for session in (one, other, one, other)]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert answers[0]["module"] == answers[2]["module"] != answers[1]["module"] == answers[3]["module"]


@contract(
    "AA-015",
    title="Of a caller's own headers those on the allow-list reach the agent, the others are dropped",
    evidence="aws-docs",
    source="AWS developer guide, 'Pass custom headers to AgentCore Runtime'",
)
def test_headers(a2a: AgentCore, session: str) -> None:
    """A2A-Version, too, has to be on the list to arrive."""
    brought = {f"{_CUSTOM}probe": "allowed", f"{_CUSTOM}other": "dropped", "a2a-version": "dropped"}
    seen = _value(json.loads(_post(a2a, session, _message({"do": "headers"}), **brought).body))
    assert seen[f"{_CUSTOM}probe"] == "allowed"
    assert seen[_SESSION] == session
    assert "dropped" not in seen.values()
    assert "authorization" not in seen


# Errors of the platform


@contract(
    "AA-020",
    title="Whatever status of failure the agent answers with, the client gets 424 with the code -32055",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
def test_statuses_of_the_agents_own(a2a: AgentCore, warm_session: str, status: int) -> None:
    """What it says beside is thrown away."""
    answer = _post(a2a, warm_session, _message({"do": "answer", "status": status}))
    assert _error(answer) == (424, -32055)
    assert b"as you wish" not in answer.body


@contract(
    "AA-021",
    title="A crash of the agent is answered with 424 and -32055, and the next message starts cold",
    evidence="aws-docs",
    source=f"{_ERRORS}: runtime client error",
)
def test_a_crash(a2a: AgentCore, session: str) -> None:
    """Under the same id."""
    before = _do(a2a, session, {"do": "count"})
    assert _error(_post(a2a, session, _message({"do": "crash"}))) == (424, -32055)
    after = _do(a2a, session, {"do": "count"})
    assert after["count"] == 1
    assert after["module"] != before["module"]


@contract(
    "AA-022",
    title="An endpoint that does not exist is 404 with -32051, a session id that is too short 400 with -32052",
    evidence="aws-docs",
    source=_ERRORS,
)
def test_not_found_and_not_valid(a2a: AgentCore, session: str) -> None:
    """Refused before an agent is reached."""
    assert _error(_post(a2a, session, _message({"do": "count"}), "?qualifier=nobody_made_this")) == (404, -32051)
    assert _error(_post(a2a, "too-short", _message({"do": "count"}))) == (400, -32052)


@contract(
    "AA-023",
    title="Throttling and quotas are 429 with -32053, a session in transition is 409 with -32054, what fails within AWS"
    " 500 with -32603",
    evidence="aws-docs",
    source=_ERRORS,
)
@pytest.mark.parametrize(
    ("fault", "error"),
    [("throttle", (429, -32053)), ("quota", (429, -32053)), ("conflict", (409, -32054)), ("internal", (500, -32603))],
)
def test_errors_to_order(a2a: AgentCore, faults: Faults, warm_session: str, fault: str, error: tuple[int, int]) -> None:
    """Once, and then no more; the agent has not seen it."""
    before = _do(a2a, warm_session, {"do": "count"})
    faults.add(fault, operation="InvokeAgentRuntime")
    assert _error(_post(a2a, warm_session, _message({"do": "count"}))) == error
    assert _do(a2a, warm_session, {"do": "count"}) == {**before, "count": before["count"] + 1}


@contract(
    "AA-024",
    title="An error of the platform's carries the id of the message that it answers",
    evidence="aws-docs",
    source=f"{_ERRORS}: the request's id is that of the error",
)
@given(message_id=st.integers() | texts())
@example(message_id=0)
@example(message_id="")
def test_ids_of_errors(a2a: AgentCore, message_id: int | str) -> None:
    """A text or a number."""
    answer = _post(a2a, "too-short", _message({"do": "count"}, message_id=message_id))
    assert json.loads(answer.body)["id"] == message_id


@contract(
    "AA-025",
    title="Who may not call the agent gets 403 in AWS's own form, not in that of JSON-RPC",
    evidence="aws-docs",
    source=f"{_ERRORS}: access denied is a plain HTTP error",
)
def test_access_denied(a2a: AgentCore, session: str) -> None:
    """By a token, where signatures are asked for."""
    headers = {_SESSION: session, "content-type": "application/json", "authorization": "Bearer e30.e30.e30"}
    body = json.dumps(_message({"do": "count"})).encode()
    answer = a2a.send("POST", "invocations", headers=headers, body=body, signed=False)
    assert answer.status == 403
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "AccessDeniedException"
    assert "jsonrpc" not in json.loads(answer.body)


@contract(
    "AA-026",
    title="Stopping a session cuts what its agent streams, and the next message starts cold",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session'",
)
def test_stop_amid_a_stream(a2a: AgentCore, session: str) -> None:
    """The agent waits at a gate that nobody opens, so whatever ends the stream is the stop."""
    asked = _message({"do": "stream", "values": ["first", "second"], "gate": "never"}, method="message/stream")
    with a2a.stream(asked, session) as events:
        assert _value(next(events)) == "first"
        assert a2a.stop(session) == 200
        assert events.rest() == []
    assert _do(a2a, session, {"do": "count"})["count"] == 1
