"""Sessions over time: what ends them, and what keeps them. On AWS, whose time nobody moves, most of this is skipped."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from hypothesis.strategies import booleans, sampled_from

from agentcore_contracts import contract, profiles
from agentcore_contracts.commands import run
from agentcore_contracts.runtime import AgentCore, Stream

if TYPE_CHECKING:
    from agentcore_emulator.testing import EmulatorClock

_SETTINGS = "AWS developer guide, 'Configure lifecycle settings'"
_LONG = "AWS developer guide, 'Handle asynchronous and long running agents'"
_STATUS = "bedrock-agentcore 1.25 runtime/app.py, get_current_ping_status"

# An emulator's clock runs meanwhile, so what is looked at is so far on this side of a deadline or on that one.
_MARGIN_SECONDS = 120


class Limits(NamedTuple):
    """What the runtime's sessions are allowed, in seconds: rest, and life."""

    idle: int
    lifetime: int

    @property
    def margin(self) -> int:
        """How far from a deadline to stay."""
        return min(_MARGIN_SECONDS, self.idle // 6)

    @property
    def idle_after_a_change(self) -> int:
        """After how long a session has ended for certain whose health has changed, margin included.

        The SDK's /ping tells the whole second of the change. If a clock is moved within that second, nobody can say
        whether the change came before. So the idle time may count from the first deadline, which asks /ping.
        """
        return 2 * self.idle + self.margin


@pytest.fixture(scope="module")
def limits(agentcore: AgentCore) -> Limits:
    """As GetAgentRuntime tells them."""
    with closing(agentcore.control()) as control:
        found = control.get_agent_runtime(agentRuntimeId=agentcore.arn.rpartition("/")[2])["lifecycleConfiguration"]
    return Limits(found["idleRuntimeSessionTimeout"], found["maxLifetime"])


def count(agentcore: AgentCore, session: str) -> int:
    """How often the session was invoked, this time included; 1 is a cold start."""
    return int(agentcore.invoke({"do": "count"}, session).json["count"])


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


class LifecycleMachine(RuleBasedStateMachine):
    """Two sessions through time, beside a model that knows how long each has rested and lived.

    What is closer to a deadline than the margin is not looked at: the model then forgets the session.
    """

    agentcore: ClassVar[AgentCore]
    clock: ClassVar[EmulatorClock]
    limits: ClassVar[Limits]

    slots = sampled_from(range(2))

    @initialize()
    def name_sessions(self) -> None:
        """Ids that no example has used before."""
        self.ids = [self.agentcore.new_session() for _ in range(2)]
        self.lives: dict[int, Life] = {}

    def used(self, which: int) -> Life:
        """The session's life, begun by this use if need be."""
        life = self.lives.setdefault(which, Life())
        life.count += 1
        life.rested = 0
        return life

    @rule(which=slots)
    def invoke(self, which: int) -> None:
        """It counts on where it lives, and from one where it does not."""
        life = self.used(which)
        assert count(self.agentcore, self.ids[which]) == life.count

    @rule(which=slots)
    def become_busy(self, which: int) -> None:
        """By an invocation."""
        self.change_health(which, "HealthyBusy")

    @rule(which=slots)
    def become_healthy(self, which: int) -> None:
        """Likewise."""
        self.change_health(which, "Healthy")

    def change_health(self, which: int, status: str) -> None:
        """Have /ping say it, in a session that is as old as the model has it."""
        self.invoke(which)
        life = self.used(which)
        life.busy, life.changed = status == "HealthyBusy", True
        self.agentcore.invoke({"do": "force_health", "status": status}, self.ids[which])

    @precondition(lambda self: self.lives)
    @rule(which=slots)
    def stop(self, which: int) -> None:
        """It ends where it lives, and is not found where it does not."""
        self.end_the_streams()
        if self.lives.pop(which, None) is None:
            with pytest.raises(self.agentcore.client.exceptions.ResourceNotFoundException):
                self.agentcore.stop(self.ids[which])
        else:
            assert self.agentcore.stop(self.ids[which]) == 200

    @rule(which=slots)
    def begin_a_stream(self, which: int) -> None:
        """It holds its session from here on, which is as old as the model has it."""
        self.invoke(which)
        if self.lives[which].stream is None:
            life = self.used(which)
            ask = {"do": "numbers", "count": 2, "gate": f"{life.count}-"}
            life.gate = f"{life.count}-1"
            life.stream = self.agentcore.stream(ask, self.ids[which])
            assert next(life.stream) == 0

    @precondition(lambda self: any(life.stream for life in self.lives.values()))
    @rule()
    def end_the_streams(self) -> None:
        """Each comes to its end. What cuts one is for another contract: it takes all of an agent's time to end."""
        for which, life in self.lives.items():
            if life.stream is not None:
                self.used(which)
                self.agentcore.invoke({"do": "release", "gate": life.gate}, self.ids[which])
                assert list(life.stream) == [1]
                life.close()

    @precondition(lambda self: self.lives)
    @rule(half=booleans())
    def rest(self, half: bool) -> None:
        """Not long enough for an end, unless of the lifetime."""
        self.advance(self.limits.idle // 2 if half else self.limits.idle - self.limits.margin)

    @precondition(lambda self: self.lives)
    @rule()
    def rest_too_long(self) -> None:
        """Who is neither busy nor at work ends."""
        self.advance(self.limits.idle_after_a_change)

    @precondition(lambda self: self.lives)
    @rule()
    def grow_too_old(self) -> None:
        """Nobody outlives this."""
        self.advance(self.limits.lifetime + self.limits.margin)

    def advance(self, seconds: int) -> None:
        """Deadlines that are crossed by more than the margin have struck, others have not."""
        limits = self.limits
        if any(life.age + seconds > limits.lifetime - limits.margin for life in self.lives.values()):
            self.end_the_streams()
        self.clock.advance(seconds)
        for which, life in list(self.lives.items()):
            life.age += seconds
            life.rested = 0 if life.busy or life.stream is not None else life.rested + seconds
            idle = limits.idle_after_a_change if life.changed else limits.idle + limits.margin
            if life.rested >= idle or life.age >= limits.lifetime + limits.margin:
                del self.lives[which]
            elif life.rested > limits.idle - limits.margin or life.age > limits.lifetime - limits.margin:
                self.forget(which)

    def forget(self, which: int) -> None:
        """Go on with another id, as nobody can say what has become of this one."""
        del self.lives[which]
        self.ids[which] = self.agentcore.new_session()

    def teardown(self) -> None:
        """Look once more at those that should live, and leave nothing running."""
        self.end_the_streams()
        for which in self.lives:
            self.invoke(which)
            self.agentcore.stop(self.ids[which])


class Life:
    """One session from its first call to its end."""

    def __init__(self) -> None:
        self.count = 0
        self.age = 0
        self.rested = 0
        self.busy = False
        # Whether its /ping has a change to tell of.
        self.changed = False
        self.gate = ""
        self.stream: Stream | None = None

    def close(self) -> None:
        """Hang up."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None


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
