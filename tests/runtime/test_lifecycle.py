from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.lifecycle import ping
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.session import Session, SessionKey, State
from agentcore_emulator.runtime.sessions import Sessions

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import FakeClock

Order = Callable[[MicroVM, str], Awaitable[Any]]

KEY = SessionKey("agent-0123456789", "DEFAULT", "a-session")


async def start(laboratory: Laboratory, sessions: Sessions, **runtime: Any) -> Session:
    return await sessions.get_or_start(KEY, await laboratory.agent(**runtime))


@pytest.fixture
async def sessions(clock: FakeClock) -> Sessions:
    return Sessions(clock, debug=False)


async def ended(session: Session) -> None:
    """Wait until what watches over a session has come to its end."""
    assert session.watch is not None
    await session.watch


async def test_an_idle_session_ends_at_the_timeout(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock
) -> None:
    session = await start(laboratory, sessions)
    await clock.due_at(clock.now + 900)
    clock.advance(899.999)
    await asyncio.sleep(0)
    assert session.state is State.IDLE
    clock.advance(0.001)
    await ended(session)
    assert list(sessions) == []
    assert session.microvm is not None
    assert not session.microvm.alive
    assert "stopping: idle for 900 s" in session.journal.lines


async def test_an_invocation_restarts_the_idle_time_at_its_end(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock
) -> None:
    session = await start(laboratory, sessions)
    began = clock.now
    clock.advance(600)
    with session.invocation(clock):
        assert session.state is State.ACTIVE
        clock.advance(5000)
        await asyncio.sleep(0)
        assert session.state is State.ACTIVE, "what is in flight holds the end off"
    await clock.due_at(began + 600 + 5000 + 900)
    clock.advance(900)
    await ended(session)


async def test_a_busy_agent_is_not_idle(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, order: Order
) -> None:
    session = await start(laboratory, sessions)
    assert session.microvm is not None
    await order(session.microvm, "ping.update(status='HealthyBusy'); answer(1)")
    clock.advance(900)
    await clock.due_at(clock.now + 2)  # It was asked, and will be asked again.
    clock.advance(2)
    await clock.due_at(clock.now + 2)
    done = clock.now + 1
    await order(session.microvm, f"ping.update(status='Healthy', time_of_last_update={done}); answer(1)")
    clock.advance(2)
    await clock.due_at(done + 900)  # The idle time counts from the change.
    clock.advance(899)
    await ended(session)
    assert "stopping: idle for 900 s" in session.journal.lines


async def test_a_stamp_of_the_future_puts_the_end_off_by_one_timeout_at_most(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, order: Order
) -> None:
    session = await start(laboratory, sessions)
    assert session.microvm is not None
    await order(session.microvm, "ping.update(time_of_last_update=9e9); answer(1)")
    clock.advance(900)
    await clock.due_at(clock.now + 900)


async def test_the_lifetime_ends_a_session_in_its_work(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock
) -> None:
    session = await start(laboratory, sessions, idle_timeout=60.0, max_lifetime=300.0)
    await clock.due_at(clock.now + 300)
    with session.invocation(clock):
        clock.advance(300)
        await ended(session)
    assert list(sessions) == []
    assert "stopping: its maximum lifetime of 300 s is over" in session.journal.lines


async def test_a_stopped_session_is_watched_no_more(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock
) -> None:
    session = await start(laboratory, sessions)
    assert session.watch is not None
    await sessions.stop(KEY, "enough")
    await asyncio.wait([session.watch])
    assert session.watch.cancelled()


async def test_nothing_is_watched_while_debugging(laboratory: Laboratory, clock: FakeClock) -> None:
    sessions = Sessions(clock, debug=True)
    session = await start(laboratory, sessions)
    assert session.watch is None


async def test_an_agent_whose_ping_hangs_is_not_busy(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, make_fifo: Callable[[str], Fifo], order: Order
) -> None:
    asked, gate = make_fifo("asked"), make_fifo("gate")
    session = await start(laboratory, sessions)
    assert session.microvm is not None
    await order(
        session.microvm,
        f"Handler.do_GET = lambda self: ({asked.put_here}, {gate.get_here}, self.answer(ping)); answer(1)",
    )
    clock.advance(900)
    await asyncio.to_thread(asked.get)
    await clock.due_at(clock.now + 5)
    clock.advance(5)
    await ended(session)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("{'status': 'Healthy', 'time_of_last_update': 17}", ("Healthy", 17.0)),
        ("{'status': 'HealthyBusy', 'time_of_last_update': 17.5}", ("HealthyBusy", 17.5)),
        ("{'status': 'HealthyBusy'}", ("HealthyBusy", None)),
        ("{'status': 'HealthyBusy', 'time_of_last_update': '2026-01-01T00:00:00Z'}", ("HealthyBusy", None)),
        ("{'status': 'HealthyBusy', 'time_of_last_update': 10**400}", ("Unhealthy", None)),
        ("['Healthy']", ("Unhealthy", None)),
        ("b'Healthy'", ("Unhealthy", None)),
        ("b'[' * 100_000", ("Unhealthy", None)),
        ("{'status': 'Healthy'}, status=503", ("Unhealthy", None)),
    ],
)
async def test_what_a_ping_says(
    laboratory: Laboratory, clock: FakeClock, order: Order, answer: str, expected: tuple[str, float | None]
) -> None:
    microvm = await laboratory.start(await laboratory.agent())
    await microvm.ready()
    await order(microvm, f"Handler.do_GET = lambda self: self.answer({answer}); answer(1)")
    assert await ping(microvm, clock) == expected


async def test_the_ping_of_a_dead_agent(laboratory: Laboratory, clock: FakeClock) -> None:
    microvm = await laboratory.start(await laboratory.agent())
    await microvm.ready()
    await microvm.stop(0)
    assert await ping(microvm, clock) == ("Unhealthy", None)
