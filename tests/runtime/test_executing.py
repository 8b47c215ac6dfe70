"""Programs for sessions whose microVM has died, or ends, unnoticed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session


def test_a_death_that_is_not_known_yet_is_none_of_the_callers(write_agent: Callable[[str], Path], puppet: str) -> None:
    with EmulatorProcess(write_agent(puppet), "--quirks", "off", "--isolation", "plain") as emulator:
        session = new_session()
        client = emulator.client("bedrock-agentcore")

        def run(command: str) -> str:
            answer = client.invoke_agent_runtime_command(
                agentRuntimeArn=emulator.arn, runtimeSessionId=session, body={"command": command}
            )
            return "".join(event["chunk"].get("contentDelta", {}).get("stdout", "") for event in answer["stream"])

        assert run("echo $$; touch note") != ""
        for _ in range(5):
            [found] = emulator.sessions()
            assert found["pid"] is not None
            os.kill(found["pid"], signal.SIGKILL)
            assert run("test -e note && echo warm || echo cold; touch note") == "cold\n"
        assert "failed inside the emulator" not in emulator.log
