"""How WebSockets end: by either side, with the session, by a crash and by a limit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.contracts.conversation import GUIDE, QUOTAS, SINCE, ask, closed_with
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import texts
from agentcore_emulator.testing import EmulatorClock

_LARGEST_FRAME = 64 * 1024


# Its end


@contract(
    "WS-020",
    title="The agent's close code and reason reach the client",
    evidence="aws-docs",
    source=f"{GUIDE}, close codes",
    since=SINCE,
)
@given(
    code=st.just(1000) | st.integers(min_value=3000, max_value=4999),
    reason=texts().filter(lambda reason: len(reason.encode()) <= 123),
)
def test_the_agents_close(agentcore: AgentCore, warm_session: str, code: int, reason: str) -> None:
    """A reason has 123 bytes at most."""
    with agentcore.connect(warm_session) as connection:
        connection.send(json.dumps({"do": "close", "code": code, "reason": reason}))
        assert closed_with(connection) == (code, reason)


@contract(
    "WS-021",
    title="The client's close code reaches the agent",
    evidence="aws-docs",
    source=f"{GUIDE}, close codes",
    since=SINCE,
)
@pytest.mark.parametrize("code", [1000, 3000, 4999])
def test_the_clients_close(agentcore: AgentCore, session: str, code: int) -> None:
    """By what the probe has noted."""
    with agentcore.connect(session) as connection:
        ask(connection, {"do": "count"})
        connection.close(code, "enough")
    assert agentcore.invoke({"do": "ends"}, session).json == [code]


@contract(
    "WS-022",
    title="An agent that raises closes its WebSocket with 1011, without a word of the reason",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_websocket",
    since=SINCE,
)
def test_an_agent_that_raises(agentcore: AgentCore, session: str) -> None:
    """The session lives on."""
    with agentcore.connect(session) as connection:
        connection.send(json.dumps({"do": "fail", "message": "out of ink"}))
        code, reason = closed_with(connection)
    assert code == 1011
    assert "ink" not in reason
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "WS-023",
    title="A crash of the agent closes its WebSockets with 1011, and the next connection starts cold",
    evidence="aws-docs",
    source=f"{GUIDE}, close codes: 1011 for an internal error",
    since=SINCE,
)
def test_a_crash(agentcore: AgentCore, session: str) -> None:
    """Also a connection that has not asked for it."""
    with agentcore.connect(session) as one, agentcore.connect(session) as other:
        ask(one, {"do": "count"})
        ask(other, {"do": "count"})
        one.send(json.dumps({"do": "crash", "status": 1}))
        assert closed_with(one)[0] == 1011
        assert closed_with(other)[0] == 1011
    with agentcore.connect(session) as connection:
        assert ask(connection, {"do": "count"})["count"] == 1


@contract(
    "WS-024",
    title="Stopping a session closes its WebSockets with 1001, and the next connection starts cold",
    evidence="aws-docs",
    source=f"{GUIDE}, close codes: 1001 for a side that goes away; 'Stop a running session'",
    since=SINCE,
)
def test_a_stop(agentcore: AgentCore, session: str) -> None:
    """The guide lists the code, and does not say that it is the one of a stop."""
    with agentcore.connect(session) as connection:
        ask(connection, {"do": "count"})
        assert agentcore.stop(session) == 200
        assert closed_with(connection)[0] == 1001
    with agentcore.connect(session) as connection:
        assert ask(connection, {"do": "count"})["count"] == 1


# Limits


@contract(
    "WS-030",
    title="A frame of the client's over 64 KB closes the WebSocket with 1009",
    evidence="aws-docs",
    source=f"{QUOTAS}; {GUIDE}, close codes: 1009 for what is too big",
    since=SINCE,
)
def test_a_frame_of_the_clients_that_is_too_big(agentcore: AgentCore, session: str) -> None:
    """By one byte."""
    with agentcore.connect(session) as connection:
        connection.send(bytes(_LARGEST_FRAME + 1))
        assert closed_with(connection)[0] == 1009


@contract(
    "WS-031",
    title="A frame of the agent's over 64 KB closes the WebSocket with 1009",
    evidence="aws-docs",
    source=f"{QUOTAS}; {GUIDE}, close codes: 1009 for what is too big",
    since=SINCE,
)
def test_a_frame_of_the_agents_that_is_too_big(agentcore: AgentCore, session: str) -> None:
    """The client itself would take it."""
    with agentcore.connect(session, max_size=None) as connection:
        connection.send(json.dumps({"do": "send", "size": _LARGEST_FRAME + 1}))
        assert closed_with(connection)[0] == 1009


@contract(
    "WS-032",
    title="A client that sends more than 250 frames a second is closed with 1008",
    evidence="aws-docs",
    source=f"{QUOTAS}; {GUIDE}, close codes: 1008 for a limit",
    since=SINCE,
)
def test_too_many_frames(agentcore: AgentCore, session: str) -> None:
    """Written at once, as the client of `websockets` does not."""
    with agentcore.connect(session) as connection:
        connection.socket.sendall(b"\x81\x84\0\0\0\0word" * 600)
        assert closed_with(connection)[0] == 1008


@contract(
    "WS-033",
    title="A WebSocket lasts 60 minutes at most, and is then closed with 1008; its session lives on",
    evidence="aws-docs",
    source=f"{QUOTAS}; {GUIDE}, close codes: 1008 for a limit",
    since=SINCE,
)
def test_an_hour(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """Something is said every quarter, or the session would end by itself."""
    with agentcore.connect(session) as connection:
        for quarter in range(4):
            assert ask(connection, {"do": "count"})["count"] == quarter + 1
            clock.advance(850)
        ask(connection, {"do": "count"})
        clock.advance(205)
        assert closed_with(connection)[0] == 1008
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 6


@contract(
    "WS-034",
    title="What is said on a WebSocket keeps its session beyond the idle timeout",
    evidence="aws-docs",
    source=f"{GUIDE}: any message, ping or pong starts the idle time anew",
    since=SINCE,
)
def test_what_is_said_keeps_a_session(agentcore: AgentCore, clock: EmulatorClock, session: str) -> None:
    """Without it, the session ends after 15 minutes."""
    with agentcore.connect(session) as connection:
        first = ask(connection, {"do": "count"})
        clock.advance(600)
        ask(connection, {"do": "count"})
        clock.advance(600)
        assert ask(connection, {"do": "count"}) == {**first, "count": 3}
