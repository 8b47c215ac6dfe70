from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.storage import SessionStorage
from agentcore_emulator.testing import EmulatorProcess, new_session

if TYPE_CHECKING:
    from tests.runtime.conftest import FakeClock

DAY = 86_400


@pytest.fixture
def runtime(tmp_path: Path) -> AgentRuntime:
    project = tmp_path / "project"
    project.mkdir()
    file = project / "agent.py"
    file.touch()
    return AgentRuntime(
        name="agent",
        runtime_id="agent-0123456789",
        arn="arn",
        entrypoint=file,
        project_dir=project,
        python=file,
        session_storage="data",
    )


@pytest.fixture
def storage(tmp_path: Path, runtime: AgentRuntime, clock: FakeClock) -> SessionStorage:
    made = SessionStorage(tmp_path / "storage", runtime, clock)
    made.add_version(1, set())
    return made


def folder_of(storage: SessionStorage, session: str, version: int = 1) -> Path:
    opened = storage.open(version, session)
    assert opened is not None
    assert opened.mount_point == Path("/mnt/data")
    return opened.folder


def test_a_session_finds_what_it_left(storage: SessionStorage) -> None:
    (folder_of(storage, "one") / "note").write_text("kept")
    assert (folder_of(storage, "one") / "note").read_text() == "kept"
    assert list(folder_of(storage, "another").iterdir()) == []


@pytest.mark.parametrize("session", ["../../up", "a/b", "x" * 256, "\ud800", "."])
def test_an_id_is_no_path(storage: SessionStorage, tmp_path: Path, session: str) -> None:
    folder = folder_of(storage, session)
    assert folder.parent.parent == tmp_path / "storage" / "agent-0123456789"
    assert len(folder.name) == 64


async def test_it_goes_after_14_days_without_use(storage: SessionStorage, clock: FakeClock) -> None:
    (folder_of(storage, "one") / "note").touch()
    await clock.advance(14 * DAY)
    assert list(folder_of(storage, "one").iterdir()) != []
    await clock.advance(10 * DAY)
    storage.used(1, "one")
    await clock.advance(14 * DAY)
    assert list(folder_of(storage, "one").iterdir()) != []
    await clock.advance(14 * DAY + 1)
    assert list(folder_of(storage, "one").iterdir()) == []


def test_a_new_version_has_none_of_it(storage: SessionStorage, tmp_path: Path) -> None:
    old = folder_of(storage, "one")
    (old / "note").touch()
    storage.add_version(2, {1})
    assert list(folder_of(storage, "one", 2).iterdir()) == []
    assert (old / "note").exists(), "a session of the version before may still run"
    storage.add_version(3, {2})
    assert not old.exists()
    storage.used(1, "one")  # Its session ends now, and there is nothing to be noted any more.
    assert not old.parent.exists()


def test_an_agent_that_was_changed_meanwhile_is_a_new_version(
    storage: SessionStorage, runtime: AgentRuntime, tmp_path: Path, clock: FakeClock
) -> None:
    (folder_of(storage, "one") / "note").touch()
    again = SessionStorage(tmp_path / "storage", runtime, clock)
    again.add_version(1, set())
    assert [entry.name for entry in folder_of(again, "one").iterdir()] == ["note"]
    runtime.entrypoint.write_text("changed = True")
    changed = SessionStorage(tmp_path / "storage", runtime, clock)
    changed.add_version(1, set())
    assert list(folder_of(changed, "one").iterdir()) == []


def test_without_it_nothing_is_kept(runtime: AgentRuntime, tmp_path: Path, clock: FakeClock) -> None:
    storage = SessionStorage(tmp_path / "storage", dataclasses.replace(runtime, session_storage=None), clock)
    storage.add_version(1, set())
    assert storage.open(1, "one") is None
    storage.used(1, "one")
    assert not (tmp_path / "storage").exists()


@pytest.mark.parametrize("platform", ["V1", "V2"])
def test_the_agent_writes_there(
    write_agent: Callable[[str], Path], puppet: str, isolation: str, platform: str, tmp_path: Path
) -> None:
    options = ["--isolation", isolation, "--platform", platform, "--session-storage", "/mnt/data"]
    code = (
        "place = os.environ['AGENTCORE_EMULATOR_SESSION_STORAGE']\n"
        "with open(place + '/note', 'a') as file: file.write('x')\n"
        "answer([place, open(place + '/note').read(), state['count']])"
    )

    def call(emulator: EmulatorProcess, session: str) -> Any:
        client = emulator.client("bedrock-agentcore")
        answer = client.invoke_agent_runtime(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session, contentType="text/x-python", payload=code
        )
        return json.load(answer["response"])

    agent, session, state = write_agent(puppet), new_session(), tmp_path / "state"
    with EmulatorProcess(agent, *options, "--quirks", "off", "--state-dir", str(state)) as emulator:
        place, *first = call(emulator, session)
        assert first == ["x", 1]
        assert (place == "/mnt/data") == (isolation == "namespaces")
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert call(emulator, session) == [place, "xx", 1]
        assert call(emulator, new_session())[1:] == ["x", 1]
    with EmulatorProcess(agent, *options, "--quirks", "off", "--state-dir", str(state)) as emulator:
        assert call(emulator, session)[1:] == ["xxx", 1], "it outlives the emulator, too"
