from __future__ import annotations

import gc
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorError, EmulatorThread, new_session


@pytest.fixture
def agent(write_agent: Callable[[str], Path], puppet: str) -> Path:
    return write_agent(puppet)


def descriptors() -> set[tuple[str, str]]:
    """This process's open descriptors, with what each is."""
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        try:
            found.add((number.name, str(number.readlink())))
        except FileNotFoundError:
            continue  # That of the listing itself.
    return found


def run_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("agentcore-emulator-*"))


@pytest.fixture(autouse=True)
def temp(short_temp: Path) -> None:
    """A temporary folder of these tests alone."""


def test_it_leaves_nothing_behind(agent: Path) -> None:
    with EmulatorThread(agent) as emulator:  # What is made once and for all, by imports and caches, is there then.
        emulator.invoke({})
    gc.collect()
    before = (descriptors(), threading.enumerate(), sys.excepthook, signal.getsignal(signal.SIGINT))
    with EmulatorThread(agent) as emulator:
        session = new_session()
        assert emulator.invoke({}, session)["count"] == 1
        pid = emulator.session(session)["pid"]
        assert len(run_folders()) == 1
        assert signal.getsignal(signal.SIGINT) == before[3]
    assert not Path(f"/proc/{pid}").exists()
    assert run_folders() == []
    emulator.stop()
    del emulator
    gc.collect()
    assert (descriptors(), threading.enumerate(), sys.excepthook, signal.getsignal(signal.SIGINT)) == before


def test_several_at_once_do_not_meet(agent: Path) -> None:
    session = new_session()
    with EmulatorThread(agent) as one, EmulatorThread(agent, "--clock", "virtual") as other:
        assert [one.invoke({}, session)["count"], other.invoke({}, session)["count"]] == [1, 1]
        other.clock.advance(8 * 3600)
        assert one.session(session)["state"] == "Idle"
        assert other.session(session)["state"] == "Stopped"
    with pytest.raises(EmulatorError, match="no emulator answers"):
        one.sessions()


def test_it_runs_the_options_of_the_command_line(agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (agent.parent / "pyproject.toml").write_text('[tool.agentcore-emulator]\nquirks = "strict"\n')
    monkeypatch.setenv("AGENTCORE_EMULATOR_CLOCK", "virtual")
    with EmulatorThread(agent, "--state-dir", str(tmp_path / "state")) as emulator:
        assert set(emulator.info["quirks"].values()) == {"strict"}
        assert emulator.clock.time() == emulator.clock.time()
    assert (tmp_path / "state" / "state.db").exists()


def test_a_test_that_fails_stops_it_too(agent: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmulatorThread(agent) as emulator:
        1 / 0  # noqa: B018
    with pytest.raises(EmulatorError, match="no emulator answers"):
        emulator.sessions()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--quirks", "loud"], "--quirks: "),
        (["--nonsense"], "No such option: --nonsense (`agentcore-emulator start --help` lists what there is)"),
        (["--help"], "No such option: --help (`agentcore-emulator start --help` lists what there is)"),
        (["--idle-timeout", "900", "--max-lifetime", "60"], "--idle-timeout: 900 must be less than or equal to "),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1 port 0: "),
        (["--python", "no-such-python"], "no-such-python"),
    ],
)
def test_what_keeps_it_from_starting(agent: Path, options: list[str], sentence: str) -> None:
    before = threading.enumerate()
    with pytest.raises(EmulatorError) as failure, EmulatorThread(agent, *options):
        pass
    assert sentence in str(failure.value)
    assert "\n" not in str(failure.value)
    assert threading.enumerate() == before
    assert run_folders() == []


def test_an_agent_that_cannot_start(write_agent: Callable[[str], Path], tmp_path: Path) -> None:
    file = write_agent("import not_there")
    with pytest.raises(EmulatorError, match=r":1: no module named 'not_there'"), EmulatorThread(file):
        pass
    with pytest.raises(EmulatorError, match=r"^there is no file or folder .*missing\.py$"):
        EmulatorThread(tmp_path / "missing.py").__enter__()
    assert run_folders() == []
