from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess, new_session

READ = """
import resource
def fill():
    try:
        bytearray(9 * 1024 ** 3)
    except MemoryError:
        return "refused"
    return "given"
answer([len(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_DATA)[0], fill()])
"""


def test_a_session_has_two_processors_and_8_gigabytes(write_agent: Callable[[str], Path], puppet: str) -> None:
    with EmulatorProcess(write_agent(puppet), "--limits", "--quirks", "off") as emulator:
        answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            runtimeSessionId=new_session(),
            contentType="text/x-python",
            payload=READ,
        )
        said = json.load(answer["response"])
    assert said == [min(2, len(os.sched_getaffinity(0))), 8 * 1024**3, "refused"]
