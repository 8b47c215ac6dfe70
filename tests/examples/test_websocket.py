from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from agentcore_emulator.testing import EmulatorProcess, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "websocket"


@pytest.fixture
def emulator(isolation: str) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(EXAMPLE / "agent.py", "--isolation", isolation) as process:
        yield process


def test_it_talks(emulator: EmulatorProcess) -> None:
    session = new_session()
    with connect(emulator.websocket_url(session), proxy=None) as connection:
        connection.send(json.dumps({"text": "hello"}))
        assert json.loads(connection.recv()) == {"said": 1, "text": "HELLO", "session": session}
        connection.send(json.dumps({"text": "goodbye"}))
        assert json.loads(connection.recv()) == {"text": "Goodbye!"}
    with connect(emulator.websocket_url(session), proxy=None) as connection:
        connection.send(json.dumps({"text": "again"}))
        assert json.loads(connection.recv())["said"] == 2


def test_the_sdks_own_client_reaches_it_by_its_aws_name() -> None:
    command = [sys.executable, "-m", "agentcore_emulator", "exec", str(EXAMPLE / "agent.py"), "--ephemeral", "--"]
    client = [sys.executable, str(EXAMPLE / "client.py"), "hello", "goodbye"]
    done = subprocess.run([*command, *client], env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["HELLO", "Goodbye!"]), done.stderr
