"""A breakpoint in an agent, sat on from the emulator's terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

from agentcore_emulator.testing import new_session

AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload):
    answer = 41
    breakpoint()
    return answer


app.run()
"""


def test_a_breakpoint_talks_to_the_terminal_under_debug(write_agent: Callable[[str], Path]) -> None:
    ours, theirs = pty.openpty()
    command = ["start", str(write_agent(AGENT)), "--port", "0", "--ephemeral", "--debug", "--quirks", "off"]
    with subprocess.Popen(
        [sys.executable, "-m", "agentcore_emulator", *command],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as emulator:
        assert emulator.stdout is not None
        url = next(line.split()[2] for line in emulator.stdout if line.startswith("Ready at"))
        with urlopen(f"{url}/_emulator/info") as info:
            arn = json.load(info)["default_arn"]
        request = Request(
            f"{url}/runtimes/{quote(arn, safe='')}/invocations",
            data=b"{}",
            headers={
                "Content-Type": "application/json",
                "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": new_session(),
            },
        )
        answers: list[bytes] = []

        def invoke() -> None:
            with urlopen(request) as response:
                answers.append(response.read())

        waiting = threading.Thread(target=invoke)
        waiting.start()
        shown = b""
        while b"(Pdb)" not in shown:
            shown += os.read(ours, 1024)
        assert answers == []
        os.write(ours, b"answer = 42\nc\n")
        waiting.join()
        assert answers == [b"42"]
        emulator.terminate()
    os.close(ours)
    os.close(theirs)
