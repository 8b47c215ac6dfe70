"""WebSockets to the agent's `/ws`: their sessions, and what it takes to open one."""

from __future__ import annotations

import hashlib
import json
<<<<<<< HEAD
=======
from collections import deque
from collections.abc import Iterator
>>>>>>> 5f61979 (Record what is said on WebSockets)
from typing import Any, Literal

import pytest
from websockets.exceptions import InvalidStatus

from agentcore_contracts import contract
from agentcore_contracts.contracts.conversation import CUSTOM, GUIDE, SESSION, SINCE, ask
from agentcore_contracts.runtime import AgentCore

Auth = Literal["query", "headers"]


def _refused(runtime: AgentCore, session: str | None, **options: Any) -> tuple[int, str]:
    """The status and the name of the error of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        runtime.connect(session, **options)
    response = refused.value.response
    return response.status_code, response.headers.get("x-amzn-errortype", "").partition(":")[0]


# The session


@contract(
    "WS-001",
    title="A WebSocket is led to its session by the id in the query or a header, and shares globals with invocations",
    evidence="aws-docs",
    source=GUIDE,
    since=SINCE,
)
@pytest.mark.parametrize("auth", ["query", "headers"])
def test_a_connection_is_part_of_its_session(agentcore: AgentCore, session: str, auth: Auth) -> None:
    """Counted in turn, and in one process; the agent's context names the session too."""
    first = agentcore.invoke({"do": "count"}, session).json
    with agentcore.connect(session, auth=auth) as connection:
        second = ask(connection, {"do": "count"})
        third = agentcore.invoke({"do": "count"}, session).json
        fourth = ask(connection, {"do": "count"})
    assert [each["count"] for each in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert {(each["module"], each["session"]) for each in (second, third, fourth)} == {(first["module"], session)}


@contract(
    "WS-002",
    title="A WebSocket starts a session that does not live yet, and its end does not end the session",
    evidence="aws-docs",
    source=f"{GUIDE}; 'Use isolated sessions for agents': a session lives on when its client goes away",
    since=SINCE,
)
def test_a_connection_starts_a_session(agentcore: AgentCore, session: str) -> None:
    """Left by the client, then taken up again, then invoked."""
    counts = []
    for _ in range(2):
        with agentcore.connect(session) as connection:
            counts.append(ask(connection, {"do": "count"})["count"])
    counts.append(agentcore.invoke({"do": "count"}, session).json["count"])
    assert counts == [1, 2, 3]


@contract(
    "WS-003",
    title="WebSockets of different sessions share no globals",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents'",
    since=SINCE,
)
def test_connections_of_two_sessions(agentcore: AgentCore) -> None:
    """Open at once, and asked in turn."""
    with (
        agentcore.connect(agentcore.new_session()) as one,
        agentcore.connect(agentcore.new_session()) as other,
    ):
        answers = [ask(connection, {"do": "count"}) for connection in (one, other, one, other)]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert len({answer["module"] for answer in answers}) == 2


@contract(
    "WS-004",
    title="A session may have several WebSockets at once, and each has its own answers",
    evidence="aws-docs",
    source=GUIDE,
    since=SINCE,
)
def test_connections_of_one_session(agentcore: AgentCore, session: str) -> None:
    """Both are asked before either is listened to."""
    with agentcore.connect(session) as one, agentcore.connect(session) as other:
        for number in range(5):
            one.send(f"one {number}")
            other.send(f"other {number}")
        assert [one.recv() for _ in range(5)] == [f"one {number}" for number in range(5)]
        assert [other.recv() for _ in range(5)] == [f"other {number}" for number in range(5)]


@contract(
    "WS-005",
    title="The answer to the handshake names the session, and to a client that names none the platform gives one",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': the id is returned in the response header",
    since=SINCE,
)
def test_the_answer_names_the_session(agentcore: AgentCore, session: str) -> None:
    """The id that was given leads back to the session."""
    with agentcore.connect(session) as connection:
        assert connection.response is not None
        assert connection.response.headers[SESSION] == session
    with agentcore.connect() as connection:
        assert connection.response is not None
        given = connection.response.headers[SESSION]
        assert ask(connection, {"do": "count"})["count"] == 1
    assert agentcore.invoke({"do": "count"}, given).json["count"] == 2
    agentcore.stop(given)


@contract(
    "WS-006",
    title="While the agent is at work for a WebSocket it takes invocations of the same session",
    evidence="aws-docs",
    source=GUIDE,
    since=SINCE,
)
def test_an_invocation_beside_a_connection(agentcore: AgentCore, session: str) -> None:
    """What is asked on the connection is answered only after the invocation has opened a gate."""
    with agentcore.connect(session) as connection:
        connection.send(json.dumps({"do": "hold", "gate": "door"}))
        assert agentcore.invoke({"do": "release", "gate": "door"}, session).json == {"passed": False}
        assert json.loads(connection.recv()) == {"released": True}


<<<<<<< HEAD
=======
# What is said


@contract(
    "WS-010",
    title="Any text arrives at the agent and comes back as a text message",
    evidence="aws-docs",
    source=f"{_GUIDE}: text and binary messages",
    since=_SINCE,
)
@given(text=texts())
@example(text="")
@example(text="\x00\ufeff\U0010ffff")
def test_any_text(line: ClientConnection, text: str) -> None:
    """Not normalised, not trimmed, and not made binary."""
    line.send(text)
    assert line.recv() == text


@contract(
    "WS-011",
    title="Any bytes arrive at the agent and come back as a binary message",
    evidence="aws-docs",
    source=f"{_GUIDE}: text and binary messages",
    since=_SINCE,
)
@given(data=st.binary(max_size=2000))
@example(data=b"")
@example(data=b'{"do": "count"}')
def test_any_bytes(line: ClientConnection, data: bytes) -> None:
    """Also those that would be text."""
    line.send(data)
    assert line.recv() == data


@contract(
    "WS-012",
    title="Messages of all sizes up to 32 KB pass whole, both ways",
    evidence="aws-docs",
    source=f"{_QUOTAS}: 64 KB a frame; {_GUIDE} has 32 KB",
    since=_SINCE,
)
@given(size=st.integers(min_value=0, max_value=32 * 1024))
@example(size=125)
@example(size=126)
@example(size=32 * 1024)
def test_any_size(line: ClientConnection, size: int) -> None:
    """From 126 bytes on a frame's length is written in another way."""
    # Other bytes for each size, and the same in every run.
    data = hashlib.sha256(b"%d" % size).digest() * (size // 32 + 1)
    line.send(data[:size])
    assert line.recv() == data[:size]


@contract(
    "WS-013",
    title="The order of messages is kept, both ways, however many are on their way",
    evidence="aws-docs",
    source=_GUIDE,
    since=_SINCE,
)
@given(messages=st.lists(texts() | st.binary(max_size=100), max_size=20))
def test_the_order_of_messages(line: ClientConnection, messages: list[str | bytes]) -> None:
    """All are sent before the first answer is read."""
    for message in messages:
        line.send(message)
    assert [line.recv() for _ in messages] == messages


@contract(
    "WS-014",
    title="An agent may say much without being asked again",
    evidence="aws-docs",
    source=_GUIDE,
    since=_SINCE,
)
def test_a_burst(line: ClientConnection) -> None:
    """In order, and none is lost."""
    line.send(json.dumps({"do": "burst", "count": 200}))
    assert [line.recv() for _ in range(200)] == [f"{number}" for number in range(200)]


@contract(
    "WS-015",
    title="A message may come in several frames, and have more than a frame may have",
    evidence="aws-docs",
    source=f"{_QUOTAS}: the limit is that of a frame",
    since=_SINCE,
)
def test_a_message_of_many_frames(line: ClientConnection) -> None:
    """Of the parts of an order the agent has made one message, or it would not have understood it."""
    order = json.dumps({"do": "echo", "padding": "x" * 2 * _LARGEST_FRAME, "value": [1, 2]})
    line.send(order[at : at + 10_000] for at in range(0, len(order), 10_000))
    assert json.loads(line.recv()) == [1, 2]


@contract(
    "WS-016",
    title="A ping of the client's is answered with its own data",
    evidence="aws-docs",
    source=f"{_GUIDE}: pings and pongs keep a connection",
    since=_SINCE,
)
def test_a_ping(line: ClientConnection) -> None:
    """RFC 6455, section 5.5.3."""
    assert line.ping(b"are you there").wait(20)


@contract(
    "WS-017",
    title="What an agent computes of an order on a WebSocket is what it computes of a payload",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_websocket hands the connection to the agent",
    since=_SINCE,
)
@given(value=json_values())
def test_any_json(line: ClientConnection, value: Any) -> None:
    """Through a text message there and one back."""
    assert json.dumps(_ask(line, {"do": "echo", "value": value})) == json.dumps(value)


# Its end


@contract(
    "WS-020",
    title="The agent's close code and reason reach the client",
    evidence="aws-docs",
    source=f"{_GUIDE}, close codes",
    since=_SINCE,
)
@given(
    code=st.just(1000) | st.integers(min_value=3000, max_value=4999),
    reason=texts().filter(lambda reason: len(reason.encode()) <= 123),
)
def test_the_agents_close(agentcore: AgentCore, warm_session: str, code: int, reason: str) -> None:
    """A reason has 123 bytes at most."""
    with agentcore.connect(warm_session) as connection:
        connection.send(json.dumps({"do": "close", "code": code, "reason": reason}))
        assert _closed_with(connection) == (code, reason)


@contract(
    "WS-021",
    title="The client's close code reaches the agent",
    evidence="aws-docs",
    source=f"{_GUIDE}, close codes",
    since=_SINCE,
)
@pytest.mark.parametrize("code", [1000, 3000, 4999])
def test_the_clients_close(agentcore: AgentCore, session: str, code: int) -> None:
    """By what the probe has noted."""
    with agentcore.connect(session) as connection:
        _ask(connection, {"do": "count"})
        connection.close(code, "enough")
    assert agentcore.invoke({"do": "ends"}, session).json == [code]


@contract(
    "WS-022",
    title="An agent that raises closes its WebSocket with 1011, without a word of the reason",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_websocket",
    since=_SINCE,
)
def test_an_agent_that_raises(agentcore: AgentCore, session: str) -> None:
    """The session lives on."""
    with agentcore.connect(session) as connection:
        connection.send(json.dumps({"do": "fail", "message": "out of ink"}))
        code, reason = _closed_with(connection)
    assert code == 1011
    assert "ink" not in reason
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "WS-023",
    title="A crash of the agent closes its WebSockets with 1011, and the next connection starts cold",
    evidence="aws-docs",
    source=f"{_GUIDE}, close codes: 1011 for an internal error",
    since=_SINCE,
)
def test_a_crash(agentcore: AgentCore, session: str) -> None:
    """Also a connection that has not asked for it."""
    with agentcore.connect(session) as one, agentcore.connect(session) as other:
        _ask(one, {"do": "count"})
        _ask(other, {"do": "count"})
        one.send(json.dumps({"do": "crash", "status": 1}))
        assert _closed_with(one)[0] == 1011
        assert _closed_with(other)[0] == 1011
    with agentcore.connect(session) as connection:
        assert _ask(connection, {"do": "count"})["count"] == 1


@contract(
    "WS-024",
    title="Stopping a session closes its WebSockets with 1001, and the next connection starts cold",
    evidence="aws-docs",
    source=f"{_GUIDE}, close codes: 1001 for a side that goes away; 'Stop a running session'",
    since=_SINCE,
)
def test_a_stop(agentcore: AgentCore, session: str) -> None:
    """The guide lists the code, and does not say that it is the one of a stop."""
    with agentcore.connect(session) as connection:
        _ask(connection, {"do": "count"})
        assert agentcore.stop(session) == 200
        assert _closed_with(connection)[0] == 1001
    with agentcore.connect(session) as connection:
        assert _ask(connection, {"do": "count"})["count"] == 1


# Limits


@contract(
    "WS-030",
    title="A frame of the client's over 64 KB closes the WebSocket with 1009",
    evidence="aws-docs",
    source=f"{_QUOTAS}; {_GUIDE}, close codes: 1009 for what is too big",
    since=_SINCE,
)
def test_a_frame_of_the_clients_that_is_too_big(agentcore: AgentCore, session: str) -> None:
    """By one byte."""
    with agentcore.connect(session) as connection:
        connection.send(bytes(_LARGEST_FRAME + 1))
        assert _closed_with(connection)[0] == 1009


@contract(
    "WS-031",
    title="A frame of the agent's over 64 KB closes the WebSocket with 1009",
    evidence="aws-docs",
    source=f"{_QUOTAS}; {_GUIDE}, close codes: 1009 for what is too big",
    since=_SINCE,
)
def test_a_frame_of_the_agents_that_is_too_big(agentcore: AgentCore, session: str) -> None:
    """The client itself would take it."""
    with agentcore.connect(session, max_size=None) as connection:
        connection.send(json.dumps({"do": "send", "size": _LARGEST_FRAME + 1}))
        assert _closed_with(connection)[0] == 1009


@contract(
    "WS-032",
    title="A client that sends more than 250 frames a second is closed with 1008",
    evidence="aws-docs",
    source=f"{_QUOTAS}; {_GUIDE}, close codes: 1008 for a limit",
    since=_SINCE,
)
def test_too_many_frames(agentcore: AgentCore, session: str) -> None:
    """Written at once, as the client of `websockets` does not."""
    with agentcore.connect(session) as connection:
        connection.socket.sendall(b"\x81\x84\0\0\0\0word" * 600)
        assert _closed_with(connection)[0] == 1008


@contract(
    "WS-033",
    title="A WebSocket lasts 60 minutes at most, and is then closed with 1008; its session lives on",
    evidence="aws-docs",
    source=f"{_QUOTAS}; {_GUIDE}, close codes: 1008 for a limit",
    since=_SINCE,
)
def test_an_hour(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """Something is said every ten minutes, or the session would end by itself."""
    with agentcore.connect(session) as connection:
        for minute in range(6):
            assert _ask(connection, {"do": "count"})["count"] == minute + 1
            clock.advance(600)
        assert _closed_with(connection)[0] == 1008
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 7


@contract(
    "WS-034",
    title="What is said on a WebSocket keeps its session beyond the idle timeout",
    evidence="aws-docs",
    source=f"{_GUIDE}: any message, ping or pong starts the idle time anew",
    since=_SINCE,
)
def test_what_is_said_keeps_a_session(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """Without it, the session ends after 15 minutes."""
    with agentcore.connect(session) as connection:
        first = _ask(connection, {"do": "count"})
        clock.advance(600)
        _ask(connection, {"do": "count"})
        clock.advance(600)
        assert _ask(connection, {"do": "count"}) == {**first, "count": 3}


>>>>>>> 5f61979 (Record what is said on WebSockets)
# The handshake


@contract(
    "WS-040",
    title="A WebSocket to an agent runtime or endpoint that does not exist is refused with 404 before the upgrade",
    evidence="aws-docs",
    source=f"{GUIDE}: errors before the upgrade are HTTP statuses with x-amzn-ErrorType",
    since=SINCE,
)
def test_what_is_not_there(agentcore: AgentCore, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DEFAULT does exist."""
    not_found = (404, "ResourceNotFoundException")
    assert _refused(agentcore, session, query={"qualifier": "nobody_made_this"}) == not_found
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(agentcore, "arn", f"{agentcore.arn[:-10]}0000000000")
        assert _refused(agentcore, session) == not_found
    with agentcore.connect(session, query={"qualifier": "DEFAULT"}) as connection:
        assert ask(connection, {"do": "count"})["count"] == 1


@contract(
    "WS-041",
    title="A session id of less than 33 or more than 256 characters is refused with 400 before the upgrade",
    evidence="aws-docs",
    source=f"{GUIDE}: errors before the upgrade are HTTP statuses with x-amzn-ErrorType; botocore 1.44, SessionType",
    since=SINCE,
)
@pytest.mark.parametrize("auth", ["query", "headers"])
@pytest.mark.parametrize("length", [1, 32, 257])
def test_ids_that_are_refused(agentcore: AgentCore, auth: Auth, length: int) -> None:
    """Wherever it stands."""
    assert _refused(agentcore, "x" * length, auth=auth) == (400, "ValidationException")


@contract(
    "WS-042",
    title="An agent that does not accept a WebSocket is told of as 424 before the upgrade",
    evidence="aws-docs",
    source=f"{GUIDE}: errors before the upgrade; 'Troubleshoot AgentCore Runtime': what an agent refuses is 424",
    since=SINCE,
)
def test_an_agent_that_refuses(agentcore: AgentCore, session: str) -> None:
    """And the next connection is accepted, by the same process."""
    agentcore.invoke({"do": "count"}, session)
    refusal = {f"{CUSTOM}Probe": "refuse"}
    assert _refused(agentcore, session, auth="headers", headers=refusal) == (424, "RuntimeClientError")
    with agentcore.connect(session) as connection:
        assert ask(connection, {"do": "count"})["count"] == 2


@contract(
    "WS-043",
    title="A WebSocket brings the headers on the allow-list in its headers or, custom ones, in its query; no others",
    evidence="aws-docs",
    source=f"{GUIDE}; 'Pass custom headers to AgentCore Runtime'",
    since=SINCE,
)
@pytest.mark.parametrize("auth", ["query", "headers"])
def test_headers_of_the_caller(agentcore: AgentCore, session: str, auth: Auth) -> None:
    """The probe's configuration allows the first of these."""
    brought = {f"{CUSTOM}Probe": "allowed", f"{CUSTOM}Other": "dropped", "X-Other": "dropped"}
    where = {"query": brought} if auth == "query" else {"headers": brought}
    with agentcore.connect(session, auth=auth, **where) as connection:
        seen = ask(connection, {"do": "headers"})
    assert seen["request"][f"{CUSTOM}Probe".lower()] == seen["context"][f"{CUSTOM}Probe".lower()] == "allowed"
    assert "dropped" not in seen["request"].values()
    assert seen["request"][SESSION] == session


@contract(
    "WS-044",
    title="A bearer token is no way into an agent runtime that takes signatures: 403 before the upgrade",
    evidence="aws-docs",
    source="AWS developer guide, 'Authenticate and authorize with Inbound Auth': one kind or the other",
    since=SINCE,
)
def test_a_token_for_signatures(agentcore: AgentCore, session: str) -> None:
    """Whatever the token is."""
    bearer = {"Authorization": "Bearer e30.e30.e30"}
    assert _refused(agentcore, session, auth="none", headers=bearer) == (403, "AccessDeniedException")
