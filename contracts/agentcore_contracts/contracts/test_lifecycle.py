"""Sessions over time: what ends them, and what keeps them. On AWS, whose time nobody moves, most of this is skipped."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis.stateful import run_state_machine_as_test as run_machine

from agentcore_contracts import contract, profiles
from agentcore_contracts.commands import run
from agentcore_contracts.lifecycle_histories import LifecycleMachine, Limits, count
from agentcore_contracts.runtime import AgentCore

if TYPE_CHECKING:
    from agentcore_emulator.testing import EmulatorClock

_SETTINGS = "AWS developer guide, 'Configure lifecycle settings'"
_LONG = "AWS developer guide, 'Handle asynchronous and long running agents'"
_STATUS = "bedrock-agentcore 1.25 runtime/app.py, get_current_ping_status"

# An emulator's clock runs meanwhile, so what is looked at is so far on this side of a deadline or on that one.
_MARGIN_SECONDS = 120


@pytest.fixture(scope="module")
def limits(agentcore: AgentCore) -> Limits:
    """As GetAgentRuntime tells them."""
    with closing(agentcore.control()) as control:
        found = control.get_agent_runtime(agentRuntimeId=agentcore.arn.rpartition("/")[2])["lifecycleConfiguration"]
    return Limits(found["idleRuntimeSessionTimeout"], found["maxLifetime"])


@contract(
    "LC-001",
    title="A session that is not used for the idle timeout ends, and starts cold then; each use starts the time anew",
    evidence="aws-docs",
    source=_SETTINGS,
)
def test_idle(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """Not much before, not much after."""
    for expected in (1, 2, 3):
        assert count(agentcore, session) == expected
        clock.advance(limits.idle - limits.margin)
    clock.advance(2 * limits.margin)
    assert count(agentcore, session) == 1


@contract(
    "LC-002",
    title="The idle time is each session's own",
    evidence="aws-docs",
    source=_SETTINGS,
)
def test_idle_by_itself(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """One is used meanwhile, the other is not."""
    other = agentcore.new_session()
    assert [count(agentcore, session), count(agentcore, other)] == [1, 1]
    clock.advance(limits.idle - limits.margin)
    assert count(agentcore, session) == 2
    clock.advance(2 * limits.margin)
    assert [count(agentcore, session), count(agentcore, other)] == [3, 1]


@contract(
    "LC-003",
    title="At its maximum lifetime a session ends, however much it is used; its id then starts cold",
    evidence="aws-docs",
    source=_SETTINGS,
)
def test_lifetime(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """With calls that leave it no time to rest."""
    step = limits.idle * 2 // 3
    steps = -(-limits.lifetime // step) - 1
    for expected in range(1, steps + 1):
        assert count(agentcore, session) == expected
        clock.advance(step)
    # Once more, or what ends it next would be that it has not been used.
    assert count(agentcore, session) == steps + 1
    clock.advance(limits.lifetime - steps * step + limits.margin)
    assert count(agentcore, session) == 1


@contract(
    "LC-004",
    title="HealthyBusy keeps a session past its idle timeout; back at Healthy, the idle time runs again",
    evidence="aws-docs",
    source=_LONG,
)
def test_busy(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """Three times as long as without."""
    agentcore.invoke({"do": "force_health", "status": "HealthyBusy"}, session)
    clock.advance(3 * limits.idle)
    assert agentcore.invoke({"do": "force_health", "status": "Healthy"}, session).json["status"] == "Healthy"
    assert count(agentcore, session) == 3
    clock.advance(limits.idle_after_a_change)
    assert count(agentcore, session) == 1


@contract(
    "LC-005",
    title="HealthyBusy does not keep a session past its maximum lifetime",
    evidence="aws-docs",
    source=_SETTINGS,
)
def test_busy_for_ever(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """Nothing resets that time."""
    agentcore.invoke({"do": "force_health", "status": "HealthyBusy"}, session)
    clock.advance(limits.lifetime - limits.margin)
    assert count(agentcore, session) == 2
    clock.advance(2 * limits.margin)
    assert count(agentcore, session) == 1


@contract(
    "LC-006",
    title="A task of add_async_task keeps its session past the idle timeout, until complete_async_task",
    evidence="aws-docs",
    source=_LONG,
)
def test_tasks_keep_a_session(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """Two tasks, of which the second is enough."""
    first, second = (agentcore.invoke({"do": "begin_task", "name": "work"}, session).json["task"] for _ in range(2))
    clock.advance(2 * limits.idle)
    agentcore.invoke({"do": "complete_task", "task": first}, session)
    clock.advance(2 * limits.idle)
    assert agentcore.invoke({"do": "complete_task", "task": second}, session).json["known"] is True
    assert count(agentcore, session) == 5
    clock.advance(limits.idle_after_a_change)
    assert count(agentcore, session) == 1


@contract(
    "LC-007",
    title="/ping is HealthyBusy as long as a task is under way, and Healthy otherwise, also while an invocation runs",
    evidence="sdk-source",
    source=_STATUS,
)
def test_tasks_decide_the_status(agentcore: AgentCore, session: str) -> None:
    """What asks is itself an invocation."""
    assert agentcore.invoke({"do": "health"}, session).json == {"status": "Healthy", "tasks": 0}
    begun = [agentcore.invoke({"do": "begin_task", "name": "work"}, session).json for _ in range(2)]
    assert [(each["status"], each["tasks"]) for each in begun] == [("HealthyBusy", 1), ("HealthyBusy", 2)]
    over = [agentcore.invoke({"do": "complete_task", "task": each["task"]}, session).json for each in begun]
    assert over == [
        {"known": True, "status": "HealthyBusy", "tasks": 1},
        {"known": True, "status": "Healthy", "tasks": 0},
    ]


@contract(
    "LC-008",
    title="A status that the agent forces goes before what its tasks say, until it is taken back",
    evidence="sdk-source",
    source=f"{_STATUS}: forced, then custom, then automatic",
)
def test_forced_status(agentcore: AgentCore, session: str) -> None:
    """Either way."""
    forced = agentcore.invoke({"do": "force_health", "status": "HealthyBusy"}, session).json
    assert forced == {"status": "HealthyBusy", "tasks": 0}
    agentcore.invoke({"do": "begin_task", "name": "work"}, session)
    assert agentcore.invoke({"do": "force_health", "status": "Healthy"}, session).json == {
        "status": "Healthy",
        "tasks": 1,
    }
    assert agentcore.invoke({"do": "force_health"}, session).json == {"status": "HealthyBusy", "tasks": 1}


@contract(
    "LC-009",
    title="complete_async_task says whether it knew the task: of each once, and of what never was one not at all",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, complete_async_task",
)
def test_unknown_tasks(agentcore: AgentCore, session: str) -> None:
    """An unknown task ends none of those that run."""
    task = agentcore.invoke({"do": "begin_task", "name": "work"}, session).json["task"]
    known = [agentcore.invoke({"do": "complete_task", "task": each}, session).json for each in (task + 1, task, task)]
    assert [(each["known"], each["tasks"]) for each in known] == [(False, 1), (True, 0), (False, 0)]


@contract(
    "LC-010",
    title="An answer that is under way holds its session, however long it takes; its idle time starts at its end",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': a session is active while it processes a request",
)
def test_streams_hold_a_session(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """A stream that waits between its events."""
    with agentcore.stream({"do": "stream", "values": [1, 2], "gate": "next"}, session) as events:
        assert next(events) == 1
        clock.advance(2 * limits.idle)
        agentcore.invoke({"do": "release", "gate": "next"}, session)
        assert list(events) == [2]
    clock.advance(limits.idle - limits.margin)
    assert count(agentcore, session) == 3


@contract(
    "LC-011",
    title="A command is a use of its session: it starts the idle time anew",
    evidence="aws-docs",
    source=_SETTINGS,
)
def test_commands_keep_a_session(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """Without an invocation in between."""
    assert count(agentcore, session) == 1
    for _ in range(3):
        clock.advance(limits.idle - limits.margin)
        run(agentcore, "true", session)
    assert count(agentcore, session) == 2


@contract(
    "LC-012",
    title="The files of a session that has ended by itself are gone, and there is nothing to stop",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents' and 'Stop a running session'",
)
def test_what_is_left(agentcore: AgentCore, clock: EmulatorClock, limits: Limits, session: str) -> None:
    """404, as for a session that never was."""
    file = {"folder": "work", "name": f"{uuid.uuid4()}.txt"}
    agentcore.invoke({"do": "write", "text": "mine", **file}, session)
    clock.advance(limits.idle + limits.margin)
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException):
        agentcore.stop(session)
    assert agentcore.invoke({"do": "read", **file}, session).json == {"text": None}


@contract(
    "LC-013",
    title="Whatever the order of uses, health, streams, stops and time, a session lives until it is stopped, rests"
    " for the idle timeout or reaches its lifetime, and counts on exactly while it lives",
    evidence="aws-docs",
    source=f"{_SETTINGS}; {_LONG}; 'Use isolated sessions for agents' and 'Stop a running session'",
)
def test_histories(agentcore: AgentCore, clock: EmulatorClock, limits: Limits) -> None:
    """Histories are Hypothesis's."""
    members: dict[str, Any] = {"agentcore": agentcore, "clock": clock, "limits": limits}
    run_machine(type("LifecycleMachine", (LifecycleMachine,), members), settings=profiles.of_histories())


@contract(
    "LC-014",
    title="GetAgentRuntime always tells both of a runtime's limits, and the idle timeout is not beyond the lifetime",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore-control model, GetAgentRuntimeResponse.lifecycleConfiguration; the order:"
    f" {_SETTINGS}",
)
def test_limits_are_told(limits: Limits) -> None:
    """Whether they were configured or not."""
    assert 60 <= limits.idle <= limits.lifetime
