from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.project import AgentRuntime
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
    return session


async def test_active_from_the_first_begin_to_the_last_end(provisioned: Session, clock: FakeClock) -> None:
    began = clock.now
    with provisioned.invocation(clock) as use:
        assert use.microvm is provisioned.microvm
        with contextlib.suppress(KeyError), provisioned.invocation(clock):
            assert provisioned.in_flight == 2
            await clock.advance(10)
            raise KeyError
        assert (provisioned.state, provisioned.in_flight) == (State.ACTIVE, 1)
        assert provisioned.last_used == began + 10
        await clock.advance(10)
    assert (provisioned.state, provisioned.in_flight) == (State.IDLE, 0)
    assert (provisioned.created, provisioned.last_used) == (began, began + 20)


async def test_an_invocation_is_over_once(provisioned: Session, clock: FakeClock) -> None:
    with provisioned.invocation(clock) as use:
        use.over()
        assert (provisioned.state, provisioned.in_flight) == (State.IDLE, 0)
        over = provisioned.last_used
        await clock.advance(10)
    assert provisioned.in_flight == 0
    assert provisioned.last_used == over


async def test_the_end_of_an_invocation_revives_no_session(provisioned: Session, clock: FakeClock) -> None:
    with provisioned.invocation(clock):
        provisioned.state = State.STOPPING
    assert provisioned.state is State.STOPPING


@pytest.mark.parametrize("state", State)
def test_only_active_and_idle_sessions_serve(state: State, tmp_path: Path) -> None:
    runtime = AgentRuntime(
        name="r", runtime_id="r", arn="r", entrypoint=tmp_path, project_dir=tmp_path, python=tmp_path
    )
    session = Session(SessionKey("r", "DEFAULT", "s"), runtime, Journal("s"), 0)
    session.state = state
    assert session.serves == (state in (State.ACTIVE, State.IDLE))
