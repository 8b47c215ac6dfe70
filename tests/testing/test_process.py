from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorError, EmulatorProcess, new_session

AGENT = """
    from bedrock_agentcore import BedrockAgentCoreApp

    app = BedrockAgentCoreApp()

    @app.entrypoint
    def invoke(payload):
        print("hello from the agent")
        return payload

    app.run()
"""


def test_the_way_it_is_meant_to_be_used(write_agent: Callable[[str], Path]) -> None:
    with EmulatorProcess(write_agent(AGENT), "--quirks", "strict") as emulator:
        client = emulator.client("bedrock-agentcore")
        session = new_session()
        answer = client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=session, payload=b"[1, 2]")
        assert json.load(answer["response"]) == [1, 2]
        assert [each["session_id"] for each in emulator.sessions()] == [session]
        assert emulator.info["quirks"]["truncation"] == "strict"
        assert Path(f"/proc/{emulator.pid}").exists()
    assert emulator.stop() == 0, "once more does nothing"
    assert "hello from the agent" in emulator.log


def test_a_crash(write_agent: Callable[[str], Path]) -> None:
    with EmulatorProcess(write_agent(AGENT)) as emulator:
        emulator.kill()
        assert not Path(f"/proc/{emulator.pid}/cmdline").exists()
        assert emulator.stop() == -signal.SIGKILL


def test_state_that_is_to_be_kept(write_agent: Callable[[str], Path], tmp_path: Path) -> None:
    agent = write_agent(AGENT)
    with EmulatorProcess(agent, "--state-dir", str(tmp_path / "state")):
        pass
    assert (tmp_path / "state" / "state.db").exists()


def test_one_that_does_not_get_ready(tmp_path: Path) -> None:
    emulator = EmulatorProcess(tmp_path / "missing.py")
    with pytest.raises(EmulatorError, match=r"(?s)did not get ready; it printed:.*missing\.py"), emulator:
        pass


def test_variables_for_the_emulator(write_agent: Callable[[str], Path]) -> None:
    with EmulatorProcess(write_agent(AGENT), env={"AGENTCORE_EMULATOR_QUIRKS": "off"}) as emulator:
        assert set(emulator.info["quirks"].values()) == {"off"}


def test_before_it_was_started(tmp_path: Path) -> None:
    emulator = EmulatorProcess(tmp_path)
    for use in (lambda: emulator.pid, emulator.stop, emulator.kill):
        with pytest.raises(EmulatorError, match="use it in a with block"):
            use()
