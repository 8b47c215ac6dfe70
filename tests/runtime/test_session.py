from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.session import Session, SessionKey, State

if TYPE_CHECKING:
    from tests.conftest import Laboratory
    from tests.runtime.conftest import FakeClock


@pytest.fixture
async def provisioned(laboratory: Laboratory, clock: FakeClock) -> Session:
    agent = await laboratory.agent()
    session = Session(SessionKey("r", "DEFAULT", "s"), agent.runtime, Journal("s"), clock.now)
    session.microvm = await laboratory.start(agent)
    session.state = State.IDLE
    session.idle.set()
    return session


async def test_active_from_the_first_begin_to_the_last_end(provisioned: Session, clock: FakeClock) -> None:
    began = clock.now
    with provisioned.invocation(clock) as microvm:
        assert microvm is provisioned.microvm
        with contextlib.suppress(KeyError), provisioned.invocation(clock):
            assert provisioned.in_flight == 2
            clock.advance(10)
            raise KeyError
        assert (provisioned.state, provisioned.in_flight) == (State.ACTIVE, 1)
        assert not provisioned.idle.is_set()
        assert provisioned.last_used == began + 10
        clock.advance(10)
    assert (provisioned.state, provisioned.in_flight) == (State.IDLE, 0)
    assert provisioned.idle.is_set()
    assert (provisioned.created, provisioned.last_used) == (began, began + 20)


async def test_the_end_of_an_invocation_revives_no_session(provisioned: Session, clock: FakeClock) -> None:
    with provisioned.invocation(clock):
        provisioned.state = State.STOPPING
    assert provisioned.state is State.STOPPING
