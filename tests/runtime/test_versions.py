from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.session import SessionKey
from agentcore_emulator.runtime.sessions import Sessions

if TYPE_CHECKING:
    from tests.conftest import Laboratory
    from tests.runtime.conftest import FakeClock


def key(name: str) -> SessionKey:
    return SessionKey("agent-0123456789", "DEFAULT", name)


async def test_live_sessions_stay_on_their_version(laboratory: Laboratory, clock: FakeClock) -> None:
    agent = await laboratory.agent()
    sessions = Sessions(clock, debug=False)
    first = await sessions.get_or_start(key("first"), agent)
    old = agent.versions.current
    assert (await agent.versions.update()).number == 2
    second = await sessions.get_or_start(key("second"), agent)
    assert (first.version, second.version) == (1, 2)
    assert await sessions.get_or_start(key("first"), agent) is first
    await asyncio.sleep(0)
    assert [version.gone for version in agent.versions._all] == [False, False], "its session lives"
    await sessions.stop(key("first"), "enough")
    again = await sessions.get_or_start(key("first"), agent)
    assert again.version == 2, "an id that is used again starts on the current version"
    await old.close()
    assert old.gone
    await sessions.close(grace=0)


async def test_a_version_goes_with_its_last_session(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    old = agent.versions.current
    microvms = [await laboratory.start(agent) for _ in range(2)]
    await agent.versions.update()
    await microvms[0].stop(0)
    assert not old.gone
    await microvms[1].stop(0)
    await old.close()
    await agent.versions.update()
    assert old not in agent.versions._all


async def test_a_version_that_does_not_come_up_changes_nothing(laboratory: Laboratory, puppet: str) -> None:
    agent = await laboratory.agent()
    before = agent.versions.current
    laboratory.write("def (")
    with pytest.raises(BootFailure, match=r"agent\.py:1"):
        await agent.versions.update()
    assert agent.versions.current is before
    laboratory.write(puppet)
    assert (await agent.versions.update()).number == 2


async def test_updates_come_one_after_the_other(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    made = await asyncio.gather(*(agent.versions.update() for _ in range(3)))
    assert [version.number for version in made] == [2, 3, 4]
    assert agent.versions.current.number == 4


async def test_a_session_that_does_not_start_holds_no_version(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await laboratory.agent()
    old = agent.versions.current
    (tmp_path / "no folder").touch()
    monkeypatch.setattr(laboratory.run_folder, "path", tmp_path / "no folder")
    with pytest.raises(NotADirectoryError):
        await agent.start(old, Journal("test"), "session")
    monkeypatch.undo()
    await agent.versions.update()
    await old.close()
    assert old.gone


async def test_all_retire_with_their_last_sessions(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    microvm = await laboratory.start(agent)
    await agent.versions.update()
    retiring = asyncio.create_task(agent.versions.retire())
    await agent.versions.current.closed.wait()
    assert not retiring.done()
    await microvm.stop(0)
    await retiring
    assert agent.versions.live() == set()
