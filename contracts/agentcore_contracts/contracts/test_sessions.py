"""Sessions: each one's microVM, and what is shared with no other."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from

from agentcore_contracts import contract, profiles
from agentcore_contracts.runtime import AgentCore

_ISOLATED = "AWS developer guide, 'Use isolated sessions for agents'"


@contract(
    "RT-001",
    title="Invocations with one session id reach one process, whose module globals live on",
    evidence="aws-docs",
    source=_ISOLATED,
)
def test_a_session_is_one_process(agentcore: AgentCore, session: str) -> None:
    """By a counter, an id drawn at import, and the process id."""
    answers = [agentcore.invoke({"do": "count"}, session).json for _ in range(3)]
    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert len({(answer["module"], answer["pid"]) for answer in answers}) == 1


@contract(
    "RT-002",
    title="Another session has globals of its own, and starts cold",
    evidence="aws-docs",
    source=_ISOLATED,
)
def test_sessions_share_no_globals(agentcore: AgentCore) -> None:
    """Interleaved, so that a process shared by both would count on."""
    one, other = agentcore.new_session(), agentcore.new_session()
    counts = [agentcore.invoke({"do": "count"}, session).json["count"] for session in (one, other, one, other)]
    assert counts == [1, 1, 2, 2]


@contract(
    "RT-003",
    title="On platform version V1, a session imports the agent's modules afresh",
    evidence="aws-docs",
    source="AWS developer guide, 'How it works', platform versions: V1 boots on the first invocation",
)
def test_modules_are_imported_per_session(agentcore: AgentCore) -> None:
    """A V2 runtime restores all sessions from one snapshot, and would show one id."""
    modules = {agentcore.invoke({"do": "count"}).json["module"] for _ in range(3)}
    assert len(modules) == 3


@contract(
    "RT-004",
    title="A file that a session writes is there for its next invocation, and not for another session",
    evidence="aws-docs",
    source=_ISOLATED,
)
@pytest.mark.parametrize("folder", ["work", "home", "temp"])
def test_files_are_the_sessions_own(agentcore: AgentCore, session: str, folder: str) -> None:
    """In the working directory, the home folder, and where Python puts temporary files."""
    file = {"folder": folder, "name": f"{uuid.uuid4()}.txt"}
    agentcore.invoke({"do": "write", "text": "mine", **file}, session)
    assert agentcore.invoke({"do": "read", **file}, session).json == {"text": "mine"}
    assert agentcore.invoke({"do": "read", **file}).json == {"text": None}


@contract(
    "RT-005",
    title="An agent that is busy in one session holds up no other session, and no other invocation of its own",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': each session has resources of its own; and"
    " bedrock-agentcore, runtime/app.py, _invoke_handler: handlers run in threads",
)
def test_a_busy_session_holds_up_nobody(agentcore: AgentCore, session: str) -> None:
    """The first session is known to be busy by its first event; its second needs the others' answers to come."""
    busy = {"do": "stream", "values": ["busy", "done"], "gate": "busy"}
    with agentcore.stream(busy, session) as events:
        assert next(events) == "busy"
        assert agentcore.invoke({"do": "count"}).json["count"] == 1
        assert agentcore.invoke({"do": "release", "gate": "busy"}, session).json == {"passed": False}
        assert list(events) == ["done"]


class SessionMachine(RuleBasedStateMachine):
    """Three sessions, invoked, stopped and crashed in any order, beside a model of their counters."""

    agentcore: ClassVar[AgentCore]

    def __init__(self) -> None:
        super().__init__()
        self._ids: list[str] = []
        self._counts: dict[int, int] = {}

    @initialize()
    def name_sessions(self) -> None:
        """Three ids that no example has used before."""
        self._ids = [self.agentcore.new_session() for _ in range(3)]

    @rule(which=sampled_from(range(3)))
    def invoke(self, which: int) -> None:
        """It counts on where it lives, and from one where it does not."""
        self._counts[which] = self._counts.get(which, 0) + 1
        answer = self.agentcore.invoke({"do": "count"}, self._ids[which])
        assert answer.json["count"] == self._counts[which]
        assert answer.session == self._ids[which]

    @rule(which=sampled_from(range(3)))
    def stop(self, which: int) -> None:
        """It ends where it lives, and is not found where it does not."""
        if self._counts.pop(which, None) is not None:
            assert self.agentcore.stop(self._ids[which]) == 200
        else:
            with pytest.raises(self.agentcore.client.exceptions.ResourceNotFoundException):
                self.agentcore.stop(self._ids[which])

    @rule(which=sampled_from(range(3)))
    def crash(self, which: int) -> None:
        """It takes its session with it, whether that lived before or not."""
        self._counts.pop(which, None)
        with pytest.raises(self.agentcore.client.exceptions.RuntimeClientError):
            self.agentcore.invoke({"do": "crash", "status": 3}, self._ids[which])

    def teardown(self) -> None:
        """Leave nothing running."""
        for which in self._counts:
            self.agentcore.stop(self._ids[which])


@contract(
    "RT-006",
    title="Whatever the order of invocations, stops and crashes, a session counts on while it lives and from one after",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents' and 'Stop a running session'",
)
def test_histories_of_sessions(agentcore: AgentCore) -> None:
    """Histories are Hypothesis's."""
    machine = type("SessionMachine", (SessionMachine,), {"agentcore": agentcore})
    run_state_machine_as_test(machine, settings=profiles.of_histories())
