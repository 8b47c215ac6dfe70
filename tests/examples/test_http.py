from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "http"


@pytest.fixture(params=["V1", "V2"])
def emulator(request: pytest.FixtureRequest, isolation: str) -> Iterator[EmulatorProcess]:
    options = ["--isolation", isolation, "--platform", str(request.param), "--clock", "virtual", "--quirks", "strict"]
    with EmulatorProcess(EXAMPLE / "agent.py", *options) as process:
        yield process


def test_the_example(emulator: EmulatorProcess) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE / "client.py"],
        env=emulator.info["environment"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["{'notes': 1}", "{'notes': 2}", "Buy milk", "Call Ada"]


def test_its_notes_last_as_long_as_the_session(emulator: EmulatorProcess) -> None:
    one, two = new_session(), new_session()
    assert [emulator.invoke({"note": "a"}, session)["notes"] for session in (one, one, two)] == [1, 2, 1]
    emulator.clock.advance(900)
    assert emulator.session(one)["reason"] == "idle for 900 s"
    assert emulator.invoke({"note": "a"}, one) == {"notes": 1}
    emulator.kill_session(one)
    assert emulator.invoke({"note": "a"}, one) == {"notes": 1}
