"""Platform version V2: all sessions are restored from one snapshot, which is taken once the agent is up."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values
from agentcore_emulator.testing import Admin

_GUIDE = "AWS developer guide, 'Optimize agents for platform version V2'"
_HOW = "AWS developer guide, 'How it works', platform versions"
_ISOLATED = "AWS developer guide, 'Use isolated sessions for agents'"


@pytest.fixture(scope="module")
def runtime(v2: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return v2


@contract(
    "V2-001",
    title="The agent's modules are imported once, for all sessions: what they drew then is the same everywhere",
    evidence="aws-docs",
    source=f"{_HOW}: V2 boots once per version; {_GUIDE}",
)
def test_modules_are_imported_once(v2: AgentCore) -> None:
    """On V1 each session would have its own."""
    births = [v2.invoke({"do": "birth"}).json for _ in range(3)]
    assert len({birth["module"] for birth in births}) == 1


@contract(
    "V2-002",
    title="What the agent changes in its globals is its session's own, from the first call on",
    evidence="aws-docs",
    source=_ISOLATED,
)
def test_sessions_share_no_changes(v2: AgentCore) -> None:
    """Interleaved, so that a process shared by both would count on."""
    one, other = v2.new_session(), v2.new_session()
    answers = [v2.invoke({"do": "count"}, session).json for session in (one, other, one, other)]
    assert [answer["count"] for answer in answers] == [1, 1, 2, 2]
    assert [answer["session"] for answer in answers] == [one, other, one, other]


@contract(
    "V2-003",
    title="The shared generator of `random` goes on from the snapshot, so that each session draws the same numbers",
    evidence="aws-docs",
    source=f"{_GUIDE}: random",
)
def test_random(v2: AgentCore) -> None:
    """And goes on within a session."""
    one, other = v2.new_session(), v2.new_session()
    first = v2.invoke({"do": "draw"}, one).json["random"]
    assert v2.invoke({"do": "draw"}, other).json["random"] == first
    assert v2.invoke({"do": "draw"}, one).json["random"] != first


@contract(
    "V2-004",
    title="os.urandom, secrets and uuid4 are fresh in each session",
    evidence="aws-docs",
    source=f"{_GUIDE}: os.urandom, secrets, uuid",
)
def test_the_systems_random_numbers(v2: AgentCore) -> None:
    """And in each call."""
    session = v2.new_session()
    drawn = [v2.invoke({"do": "draw"}, each).json for each in (session, session, v2.new_session(), v2.new_session())]
    for source in ("urandom", "secrets", "uuid"):
        assert len({each[source] for each in drawn}) == 4


@contract(
    "V2-005",
    title="A time that was taken at start-up stands still at the snapshot, while the clock on the wall has gone on",
    evidence="aws-docs",
    source=f"{_GUIDE}: timestamps",
)
def test_times(v2: AgentCore) -> None:
    """The later session finds the start-up longer ago."""
    one, other = (v2.invoke({"do": "birth"}).json for _ in range(2))
    assert one["born"] == other["born"]
    assert 0 < one["seconds"][0] < other["seconds"][0]


@contract(
    "V2-006",
    title="time.monotonic does not count the time between snapshot and restore",
    evidence="aws-docs",
    source=f"{_GUIDE}: time.monotonic",
)
def test_the_steady_clock(v2: AgentCore) -> None:
    """It lags behind the wall's since the start-up, and more so in the session that is restored later."""
    lags = []
    for _ in range(3):
        wall, steady = v2.invoke({"do": "birth"}).json["seconds"]
        assert steady > 0
        lags.append(wall - steady)
    assert lags == sorted(lags)
    assert len(set(lags)) == 3


@contract(
    "V2-007",
    title="After a stop, or a crash, the session is restored from the snapshot again",
    evidence="aws-docs",
    source=f"{_HOW}; 'Stop a running session'",
)
@pytest.mark.parametrize("end", ["stop", "crash"])
def test_the_next_restore(v2: AgentCore, session: str, end: str) -> None:
    """As new, and with the same module."""
    before = [v2.invoke({"do": "count"}, session).json for _ in range(2)][1]
    if end == "stop":
        assert v2.stop(session) == 200
    else:
        with pytest.raises(v2.client.exceptions.RuntimeClientError):
            v2.invoke({"do": "crash", "status": 1}, session)
    after = v2.invoke({"do": "count"}, session).json
    assert (before["count"], after["count"]) == (2, 1)
    assert after["module"] == before["module"]


@contract(
    "V2-008",
    title="A file that a session writes is there for its next invocation, and not for another session",
    evidence="aws-docs",
    source=_ISOLATED,
)
@pytest.mark.parametrize("folder", ["work", "home", "temp"])
def test_files(v2: AgentCore, folder: str) -> None:
    """Sessions have their memory from one snapshot, and their files for themselves."""
    one, other = v2.new_session(), v2.new_session()
    file = {"folder": folder, "name": "contract.txt"}
    v2.invoke({"do": "write", **file, "text": "one's own"}, one)
    assert v2.invoke({"do": "read", **file}, one).json == {"text": "one's own"}
    assert v2.invoke({"do": "read", **file}, other).json == {"text": None}


@contract(
    "V2-009",
    title="The host is called localhost and the agent's process has the number 1, in every session",
    evidence="aws-docs",
    source=f"{_GUIDE}: hostname and PID",
)
def test_host_and_process(v2: AgentCore) -> None:
    """Where an emulator cannot isolate sessions they have the machine's, which its documentation says."""
    if v2.endpoint is not None:
        runtimes = Admin(v2.endpoint).get("info")["runtimes"]
        if any(each["isolation"] != "namespaces" for each in runtimes):
            pytest.skip("nothing was measured: the emulator cannot isolate sessions on this machine")
    births = [v2.invoke({"do": "birth"}).json for _ in range(2)]
    assert [(birth["host"], birth["pid"]) for birth in births] == [("localhost", 1)] * 2


@contract(
    "V2-010",
    title="Sessions that are started at once are restored each for itself",
    evidence="aws-docs",
    source=f"{_HOW}; {_ISOLATED}",
)
def test_sessions_at_once(v2: AgentCore) -> None:
    """Eight, each of which is asked twice."""
    sessions = [v2.new_session() for _ in range(8)]

    def ask(session: str) -> list[Any]:
        return [v2.invoke({"do": "count"}, session).json for _ in range(2)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, sessions))
    assert [[each["count"] for each in pair] for pair in answers] == [[1, 2]] * 8
    assert [pair[0]["session"] for pair in answers] == sessions


@contract(
    "V2-011",
    title="Payloads and answers are those of V1: any JSON value passes both ways",
    evidence="aws-docs",
    source=f"{_HOW}: versions differ in how they boot",
)
@given(value=json_values())
def test_any_value(v2: AgentCore, warm_session: str, value: Any) -> None:
    """As the bytes of json.dumps."""
    answer = v2.invoke({"do": "echo", "value": value}, warm_session)
    assert answer.raw == json.dumps(value, ensure_ascii=False).encode("utf-8")


@contract(
    "V2-012",
    title="Streams are those of V1, from plain and from asynchronous generators, and are not held back",
    evidence="aws-docs",
    source=f"{_HOW}: versions differ in how they boot",
)
@given(values=st.lists(json_values(), max_size=4), asynchronous=st.booleans())
def test_streams(v2: AgentCore, warm_session: str, values: list[Any], asynchronous: bool) -> None:
    """The event loops and the threads of a restored session work."""
    with v2.stream({"do": "stream", "values": values, "asynchronous": asynchronous}, warm_session) as events:
        assert json.dumps(list(events)) == json.dumps(values)


@contract(
    "V2-013",
    title="A WebSocket reaches a restored session, whose globals it shares with invocations",
    evidence="aws-docs",
    source="AWS developer guide, 'Get started with bidirectional streaming using WebSocket'",
    since="1.1.0",
)
def test_a_websocket(v2: AgentCore, session: str) -> None:
    """It restores one if need be."""
    with v2.connect(session) as connection:
        connection.send(json.dumps({"do": "count"}))
        assert json.loads(connection.recv())["count"] == 1
    assert v2.invoke({"do": "count"}, session).json["count"] == 2


@contract(
    "V2-014",
    title="Each session sees the headers of its own calls, and none of the snapshot's",
    evidence="aws-docs",
    source=f"{_HOW}; 'Use isolated sessions for agents'",
    since="1.1.0",
)
def test_headers(v2: AgentCore) -> None:
    """The session's id among them, which the SDK keeps in a context variable."""
    one, other = v2.new_session(), v2.new_session()
    for session in (one, other, one):
        assert v2.invoke({"do": "count"}, session).json["session"] == session
        seen = v2.invoke({"do": "headers"}, session).json["request"]
        assert seen["x-amzn-bedrock-agentcore-runtime-session-id"] == session


@contract(
    "V2-015",
    title="GetAgentRuntime tells the platform version of a runtime",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore-control model, GetAgentRuntimeResponse.platformVersion",
)
def test_get_agent_runtime(v2: AgentCore, agentcore: AgentCore) -> None:
    """RT-003 and V2-001 show what it means."""
    with closing(v2.control()) as control:
        found = [
            control.get_agent_runtime(agentRuntimeId=runtime.arn.rpartition("/")[2]) for runtime in (agentcore, v2)
        ]
    assert [each["platformVersion"] for each in found] == ["V1", "V2"]
    assert [each["status"] for each in found] == ["READY", "READY"]
