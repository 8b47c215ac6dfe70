"""Histories of sessions through time, beside a model of what the runtime's limits make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import booleans, sampled_from

from agentcore_contracts.runtime import AgentCore, Stream

if TYPE_CHECKING:
    from agentcore_emulator.testing import EmulatorClock

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


def count(agentcore: AgentCore, session: str) -> int:
    """How often the session was invoked, this time included; 1 is a cold start."""
    return int(agentcore.invoke({"do": "count"}, session).json["count"])


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
