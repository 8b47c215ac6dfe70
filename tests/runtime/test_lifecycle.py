from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime import lifecycle
from agentcore_emulator.runtime.lifecycle import Health, Lifecycle, ping
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.session import Session, SessionKey, State
from agentcore_emulator.runtime.sessions import Sessions

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import FakeClock

Order = Callable[[MicroVM, str], Awaitable[Any]]
Until = Callable[[Callable[[], object]], Awaitable[None]]

KEY = SessionKey("agent-0123456789", "DEFAULT", "a-session")
EIGHT_HOURS = 28_800


def state_of(session: Session) -> State:
    """Its state now, of which a type checker knows nothing."""
    return session.state


class Bench:
    """One session of the puppet on a clock that the test moves."""

    def __init__(self, laboratory: Laboratory, clock: FakeClock, order: Order) -> None:
        self.clock = clock
        self.sessions = Sessions(clock, debug=False)
        self._laboratory = laboratory
        self._order = order

    async def start(self, *, busy_needs_time: bool = False, **runtime: Any) -> Session:
        self.sessions = Sessions(self.clock, debug=False, busy_needs_time=busy_needs_time)
        self.session = await self.sessions.get_or_start(KEY, await self._laboratory.agent(**runtime))
        return self.session

    async def say(self, code: str) -> None:
        """One invocation, in which the puppet does something."""
        with self.session.invocation(self.clock) as use:
            await self._order(use.microvm, f"{code}; answer(1)")

    async def pings(self) -> int:
        """How often /ping was asked since `count_pings`."""
        assert self.session.microvm is not None
        return int(await self._order(self.session.microvm, "answer(len(state['pings']))"))


# From here on every /ping is counted, and answered by what `state['reply']` gives.
COUNT = """
state.update(pings=[], reply=lambda: ping)
Handler.do_GET = lambda self: (state['pings'].append(1), self.answer(state['reply']()))
answer(1)
"""


@pytest.fixture
async def bench(laboratory: Laboratory, clock: FakeClock, order: Order) -> Bench:
    return Bench(laboratory, clock, order)


async def test_an_idle_session_ends_at_the_timeout_and_not_before(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("pass")
    await clock.advance(899.999)
    assert state_of(session) is State.IDLE
    await clock.advance(0.001)
    assert state_of(session) is State.STOPPED
    assert list(bench.sessions) == []
    assert session.microvm is not None
    assert not session.microvm.alive
    assert (session.reason, session.ended) == ("idle for 900 s", clock.now)
    assert "stopping: idle for 900 s" in session.journal.lines
    assert list(bench.sessions.ended) == [session]


async def test_a_session_that_was_never_used_ends_too(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


async def test_an_invocation_restarts_the_idle_time_at_its_end(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await clock.advance(600)
    with session.invocation(clock):
        assert state_of(session) is State.ACTIVE
        await clock.advance(5000)
        assert state_of(session) is State.ACTIVE, "what is in flight holds the end off"
    await clock.advance(899)
    assert state_of(session) is State.IDLE
    await clock.advance(1)
    assert session.reason == "idle for 900 s"


async def test_a_busy_agent_is_kept_past_the_timeout(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("import time\nping.update(status='HealthyBusy', time_of_last_update=time.time())")
    await clock.advance(3 * 900)
    assert state_of(session) is State.ACTIVE
    await clock.advance(EIGHT_HOURS)
    assert session.reason == "its maximum lifetime of 28800 s is over"
    assert session.ended == session.created + EIGHT_HOURS


async def test_a_deadline_that_rings_early_ends_nobody_unasked(
    bench: Bench, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await bench.start()
    await bench.say("import time\nping.update(status='HealthyBusy', time_of_last_update=time.time())")
    remaining = Lifecycle._remaining
    # Real time goes on while one looks at it.
    first = iter([1e-7, -1e-7])
    monkeypatch.setattr(Lifecycle, "_remaining", lambda self: next(first, remaining(self)))
    await clock.advance(901)
    assert state_of(session) is State.ACTIVE


async def test_the_idle_time_counts_from_the_end_of_business(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("import time\nping.update(status='HealthyBusy', time_of_last_update=time.time())")
    await clock.advance(2000)
    assert state_of(session) is State.ACTIVE
    assert session.microvm is not None
    await bench._order(
        session.microvm,
        "import time\nping.update(status='Healthy', time_of_last_update=time.time()); answer(1)",
    )
    await clock.advance(700)  # The deadline after the last look, at 1,800: idle since 2,000.
    assert state_of(session) is State.IDLE
    await clock.advance(199.9)
    assert state_of(session) is State.IDLE
    await clock.advance(0.1)
    assert session.reason == "idle for 900 s"


async def test_business_without_a_time_ends_when_it_is_first_seen_to(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("ping.update(status='HealthyBusy')")
    await clock.advance(900)
    assert state_of(session) is State.ACTIVE
    assert session.microvm is not None
    await bench._order(session.microvm, "ping.update(status='Healthy'); answer(1)")
    await clock.advance(900)
    assert state_of(session) is State.IDLE
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


async def test_an_invocation_amid_business_does_not_make_it_forgotten(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("ping.update(status='HealthyBusy')")
    await clock.advance(900)
    await bench.say("pass")
    assert state_of(session) is State.ACTIVE
    assert session.microvm is not None
    await bench._order(session.microvm, "ping.update(status='Healthy'); answer(1)")
    await clock.advance(900)
    assert state_of(session) is State.IDLE, "its end is noticed only now"
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


@pytest.mark.parametrize("stamp", ["", ", time_of_last_update='2026-01-01T00:00:00Z'", ", time_of_last_update=True"])
async def test_business_without_a_number_can_be_set_not_to_count(bench: Bench, clock: FakeClock, stamp: str) -> None:
    session = await bench.start(busy_needs_time=True)
    await bench.say(f"ping.update(status='HealthyBusy'{stamp})")
    await clock.advance(899)
    assert state_of(session) is State.IDLE
    await clock.advance(1)
    assert session.reason == "idle for 900 s"


async def test_a_ping_that_stamps_every_time_keeps_a_session_to_its_lifetime(
    bench: Bench, clock: FakeClock, order: Order
) -> None:
    session = await bench.start()
    assert session.microvm is not None
    await order(session.microvm, COUNT)
    await bench.say("import time\nstate['reply'] = lambda: {'status': 'Healthy', 'time_of_last_update': time.time()}")
    await clock.advance(EIGHT_HOURS - 0.001)
    assert state_of(session) is State.IDLE
    # One for each deadline, and one when it first came to rest.
    assert await bench.pings() == EIGHT_HOURS // 900
    await clock.advance(0.001)
    assert session.reason == "its maximum lifetime of 28800 s is over"


async def test_each_deadline_asks_once(bench: Bench, clock: FakeClock, order: Order) -> None:
    session = await bench.start()
    assert session.microvm is not None
    await order(session.microvm, COUNT)
    await bench.say("ping.update(status='HealthyBusy')")
    await clock.advance(0)
    assert await bench.pings() == 1
    await clock.advance(10 * 900)
    assert await bench.pings() == 11


async def test_a_first_stamp_is_no_change(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("import time\nping.update(time_of_last_update=time.time() + 100)")
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


async def test_a_stamp_of_the_future_is_one_of_now(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("pass")
    await clock.advance(1)
    await bench.say("ping.update(time_of_last_update=9e9)")
    await clock.advance(900)
    assert state_of(session) is State.IDLE
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


async def test_the_lifetime_ends_a_session_in_its_work(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start(idle_timeout=60.0, max_lifetime=300.0)
    with session.invocation(clock):
        await clock.advance(299.9)
        assert state_of(session) is State.ACTIVE
        await clock.advance(0.1)
    assert state_of(session) is State.STOPPED
    assert session.reason == "its maximum lifetime of 300 s is over"


async def test_the_lifetime_counts_from_the_start_of_provisioning(bench: Bench, clock: FakeClock) -> None:
    began = clock.now
    session = await bench.start(idle_timeout=60.0, max_lifetime=60.0)
    assert session.created == began


async def test_a_session_that_has_ended_is_watched_no_more(bench: Bench, clock: FakeClock) -> None:
    await bench.start()
    await bench.sessions.stop(KEY, "enough")
    assert not clock._timers


async def test_nothing_is_watched_while_debugging(laboratory: Laboratory, clock: FakeClock) -> None:
    sessions = Sessions(clock, debug=True)
    session = await sessions.get_or_start(KEY, await laboratory.agent())
    await clock.advance(EIGHT_HOURS)
    assert state_of(session) is State.IDLE
    await sessions.close(grace=0)


async def test_an_agent_of_a_protocol_without_ping_is_not_asked(bench: Bench, clock: FakeClock, puppet: str) -> None:
    session = await bench.start(source=puppet.replace("8080", "8000"), protocol="MCP")
    await bench.say("ping.update(status='HealthyBusy')")
    await clock.advance(900)
    assert session.reason == "idle for 900 s"


async def test_an_agent_whose_ping_hangs_is_not_busy(
    bench: Bench, clock: FakeClock, make_fifo: Callable[[str], Fifo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_PING_SECONDS", 0.05)
    gate = make_fifo("gate")
    session = await bench.start()
    await bench.say(f"Handler.do_GET = lambda self: ({gate.get_here}, self.answer(ping))")
    await clock.advance(900)
    assert session.reason == "idle for 900 s, and its /ping did not answer within 0 s"


async def test_in_real_time_a_busy_session_is_asked_until_it_is_no_more(
    bench: Bench, order: Order, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_POLL_SECONDS", 0.005)
    bench.clock = Clock()  # type: ignore[assignment]
    session = await bench.start()
    assert session.microvm is not None
    await order(session.microvm, COUNT)
    await bench.say("ping.update(status='HealthyBusy')")
    await until(lambda: session.state is State.ACTIVE)
    before = await bench.pings()
    while await bench.pings() < before + 3:
        pass
    await order(session.microvm, "ping.update(status='Healthy'); answer(1)")
    await until(lambda: session.state is State.IDLE)
    await bench.sessions.close(grace=0)


async def test_in_real_time_a_session_whose_ping_becomes_unhealthy_ends(
    bench: Bench, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_POLL_SECONDS", 0.005)
    bench.clock = Clock()  # type: ignore[assignment]
    session = await bench.start()
    await bench.say("ping.update(status='HealthyBusy')")
    await until(lambda: session.state is State.ACTIVE)
    await bench.say("ping.update(status='Broken')")
    await until(lambda: session.state is State.STOPPED)
    assert session.reason == "its /ping is unhealthy: answered with the status 'Broken'"


async def test_an_agent_without_ping_is_told_of_once(bench: Bench, clock: FakeClock) -> None:
    session = await bench.start()
    await bench.say("Handler.do_GET = lambda self: self.answer({}, status=404)")
    await clock.advance(0)
    await bench.say("pass")
    await clock.advance(1)
    told = [line for line in session.journal.lines if "GET /ping answered 404" in line]
    assert len(told) == 1
    assert state_of(session) is State.IDLE


async def test_a_ping_that_is_cut_off_by_the_end_of_its_session_says_nothing_of_the_agent(
    bench: Bench, clock: FakeClock, make_fifo: Callable[[str], Fifo]
) -> None:
    asked, never = make_fifo("asked"), make_fifo("never")
    session = await bench.start()
    await bench.say(f"Handler.do_GET = lambda self: ({asked.put_here}, {never.get_here})")
    await asyncio.to_thread(asked.get)
    await bench.sessions.close(grace=0)
    await clock.advance(0)
    assert not [line for line in session.journal.lines if "GET /ping" in line]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("{'status': 'Healthy', 'time_of_last_update': 17}", Health("Healthy", 17.0, "answered 200")),
        ("{'status': 'HealthyBusy', 'time_of_last_update': 17.5}", Health("HealthyBusy", 17.5, "answered 200")),
        ("{'status': 'HealthyBusy'}", Health("HealthyBusy", None, "answered 200")),
        (
            "{'status': 'HealthyBusy', 'time_of_last_update': '2026-01-01T00:00:00Z'}",
            Health("HealthyBusy", None, "answered 200"),
        ),
        (
            "{'status': 'HealthyBusy', 'time_of_last_update': 10**400}",
            Health("Unhealthy", None, "did not answer with a JSON object"),
        ),
        ("{'status': 'starting'}", Health("Unhealthy", None, "answered with the status 'starting'")),
        ("['Healthy']", Health("Unhealthy", None, "did not answer with a JSON object")),
        ("b'Healthy'", Health("Unhealthy", None, "did not answer with a JSON object")),
        ("b'[' * 60_000", Health("Unhealthy", None, "did not answer with a JSON object")),
        ("b'[' * 100_000", Health("Unhealthy", None, "did not come to an end of its answer")),
        ("{'status': 'Healthy'}, status=503", Health("Unhealthy", None, "answered 503")),
    ],
)
async def test_what_a_ping_says(laboratory: Laboratory, order: Order, answer: str, expected: Health) -> None:
    microvm = await laboratory.start(await laboratory.agent())
    await microvm.ready()
    await order(microvm, f"Handler.do_GET = lambda self: self.answer({answer}); answer(1)")
    assert await ping(microvm) == expected


async def test_the_ping_of_a_dead_agent(laboratory: Laboratory) -> None:
    microvm = await laboratory.start(await laboratory.agent())
    await microvm.ready()
    await microvm.stop(0)
    assert (await ping(microvm)).status == "Unhealthy"
