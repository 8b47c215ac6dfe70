"""kill -9 of the emulator while it writes: nothing acknowledged is lost, and no process is left behind."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_emulator.testing import EmulatorProcess, new_session

ROUNDS = 5
WRITERS = 4
EVENTS_BEFORE_THE_KILL = 40

# What the agent starts: a child, and one that has left its session and its parent behind.
AGENT = """
import subprocess, sys
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
SLEEP = "import sys, time; time.sleep(600)"


@app.entrypoint
def invoke(payload):
    marker = payload.get("marker")
    subprocess.Popen([sys.executable, "-c", SLEEP, marker])
    detach = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
    subprocess.run([sys.executable, "-c", detach, sys.executable, "-c", SLEEP, marker])
    return "started"


app.run()
"""


def living(marker: str) -> list[int]:
    """The processes with `marker` in their command line or environment; zombies have neither."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if marker.encode() in known:
            found.append(int(process.name))
    return found


class Writers:
    """Threads that write events until the emulator is gone, and know which were acknowledged."""

    def __init__(self, emulator: EmulatorProcess, memory_id: str) -> None:
        self.acknowledged: list[tuple[str, str]] = []
        self._enough = threading.Event()
        self._memory_id = memory_id
        once = Config(retries={"total_max_attempts": 1})
        self._threads = [
            threading.Thread(target=self._write, args=(emulator.client("bedrock-agentcore", config=once), f"s{number}"))
            for number in range(WRITERS)
        ]

    def run_until_busy(self) -> None:
        for thread in self._threads:
            thread.start()
        assert self._enough.wait(60)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, client: Any, session: str) -> None:
        while True:
            text = uuid.uuid4().hex
            message = {"conversational": {"role": "USER", "content": {"text": text}}}
            try:
                client.create_event(
                    memoryId=self._memory_id,
                    actorId="actor",
                    sessionId=session,
                    eventTimestamp=dt.datetime.now(dt.UTC),
                    payload=[message],
                )
            except (BotoCoreError, ClientError):
                return
            self.acknowledged.append((session, text))
            if len(self.acknowledged) >= EVENTS_BEFORE_THE_KILL:
                self._enough.set()


def stored(emulator: EmulatorProcess, memory_id: str) -> set[tuple[str, str]]:
    pages = emulator.client("bedrock-agentcore").get_paginator("list_events")
    return {
        (session, event["payload"][0]["conversational"]["content"]["text"])
        for session in (f"s{number}" for number in range(WRITERS))
        for page in pages.paginate(memoryId=memory_id, actorId="actor", sessionId=session, maxResults=100)
        for event in page["events"]
    }


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
def test_kill_9_loses_nothing_acknowledged_and_leaves_no_process(
    tmp_path: Path, write_agent: Callable[[str], Path]
) -> None:
    agent = write_agent(AGENT)
    options = ["--state-dir", str(tmp_path / "state"), "--quirks", "off"]
    acknowledged: set[tuple[str, str]] = set()
    memory_id = ""
    for _ in range(ROUNDS):
        marker = f"crash-{uuid.uuid4().hex}"
        with EmulatorProcess(agent, *options, env={"CRASH_TEST": marker}) as emulator:
            if not memory_id:
                control = emulator.client("bedrock-agentcore-control")
                memory_id = control.create_memory(name="crash", eventExpiryDuration=30)["memory"]["id"]
            emulator.client("bedrock-agentcore").invoke_agent_runtime(
                agentRuntimeArn=emulator.arn,
                runtimeSessionId=new_session(),
                payload=b'{"marker": "%s"}' % marker.encode(),
            )["response"].read()
            assert len(living(marker)) >= 4  # emulator or zygote, guest, child, detached child
            writers = Writers(emulator, memory_id)
            writers.run_until_busy()
            emulator.kill()
            writers.join()
            acknowledged |= set(writers.acknowledged)
        deadline = time.monotonic() + 30
        while living(marker):
            assert time.monotonic() < deadline, f"left behind: {living(marker)}"
    with EmulatorProcess(agent, *options) as emulator:
        assert acknowledged <= stored(emulator, memory_id)
