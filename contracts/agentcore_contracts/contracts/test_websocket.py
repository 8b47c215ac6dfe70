"""WebSockets to the agent's `/ws`: their sessions, and what it takes to open one."""

from __future__ import annotations

import json
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
