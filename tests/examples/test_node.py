from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "node"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="NOT TESTED, there is no node on this machine")


@pytest.fixture
def emulator(isolation: str) -> Iterator[EmulatorProcess]:
    options = ["--command", "node server.mjs", "--isolation", isolation, "--clock", "virtual", "--quirks", "off"]
    with EmulatorProcess(EXAMPLE, *options) as process:
        yield process


def test_sessions_are_sticky_and_isolated(emulator: EmulatorProcess) -> None:
    one, two = new_session(), new_session()
    answers = [emulator.invoke({"prompt": name}, session) for name, session in (("a", one), ("b", two), ("c", one))]
    assert [(answer["count"], answer["said"]) for answer in answers] == [(1, "a"), (1, "b"), (2, "c")]
    assert len({session["pid"] for session in emulator.sessions()}) == 2


def test_it_streams(emulator: EmulatorProcess) -> None:
    # It would take an hour to stream all of it, so what is read has come while it was made.
    payload = json.dumps({"stream": ["one", "two"], "pause": 1_800_000})
    session = new_session()
    client = emulator.client("bedrock-agentcore")
    answer = client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=payload)
    assert answer["contentType"] == "text/event-stream"
    assert answer["response"].read(13) == b'data: "one"\n\n'
    client.stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=session)
    answer["response"].close()


def test_it_is_reaped_when_it_is_idle(emulator: EmulatorProcess) -> None:
    session = new_session()
    emulator.invoke({}, session)
    emulator.clock.advance(899)
    assert emulator.session(session)["state"] == "Idle"
    emulator.clock.advance(1)
    ended = emulator.session(session)
    assert (ended["state"], ended["reason"]) == ("Stopped", "idle for 900 s")
    assert [line for line in ended["log"] if line in ("serving", "stopping")] == ["serving", "stopping"]
    assert emulator.invoke({}, session)["count"] == 1
