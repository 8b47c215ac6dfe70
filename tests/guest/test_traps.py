"""The trap report of a version's boot, by a real emulator on platform version V2."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess

# The line of each trap ends in the kind that it is to be reported as.
AGENT = """
import datetime, os, random, secrets, socket, time, uuid
from datetime import date
from random import Random
from secrets import token_hex
from uuid import uuid4
import boto3
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
ONE = uuid.uuid4()  # uuid
TWO = uuid4()  # uuid
STARTED = time.time()  # time
NOW = datetime.datetime.now(datetime.timezone.utc)  # time
DAY = date.today()  # time
DRAWN = random.random()  # random
PICKED = random.choice([1, 2])  # random
random.shuffle([1, 2])  # random
GENERATOR = Random()  # random
TOKEN = token_hex(8)  # secrets
NOISE = os.urandom(8)  # secrets
SAFE = random.SystemRandom().randint(1, 6)  # secrets


def make_id():
    return uuid.uuid1().hex  # uuid


class Settings:
    id = make_id()


client = boto3.client("bedrock-runtime")  # credentials
connection = socket.create_connection(("127.0.0.1", {port}))  # socket
with socket.create_connection(("127.0.0.1", {port})):
    pass  # Closed again, and so no trap.
BEGAN = time.monotonic()  # What only measures is no trap.


@app.entrypoint
def invoke(payload):
    return [str(uuid.uuid4()), time.time(), random.random(), secrets.token_hex(8), os.urandom(8).hex()]


app.run()
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody who takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def reported(log: str) -> list[tuple[str, int]]:
    """The kind and line of each trap that the log tells of."""
    found = []
    for line in log.splitlines():
        _, mark, rest = line.partition("snapshot trap ")
        if mark:
            kind, _, place = rest.partition(": ")
            found.append((kind, int(place.partition(".py:")[2].partition(":")[0])))
    return sorted(found)


def expected(source: str) -> list[tuple[str, int]]:
    kinds = ("uuid", "time", "random", "secrets", "credentials", "socket", "thread")
    lines = enumerate(source.splitlines(), 1)
    return sorted((line.rpartition("# ")[2], number) for number, line in lines if line.rpartition("# ")[2] in kinds)


def test_each_trap_is_named_with_its_line_and_nothing_else_is(write_agent: Callable[[str], Path], port: int) -> None:
    file = write_agent(AGENT.replace("{port}", str(port)))
    with EmulatorProcess(file, "--platform", "V2", "--quirks", "off") as emulator:
        emulator.client("bedrock-agentcore").invoke_agent_runtime(agentRuntimeArn=emulator.arn, payload=b"{}")
        assert reported(emulator.log) == expected(file.read_text())
        _, line = expected(file.read_text())[-1]
        told = f"snapshot trap uuid: {file}:{line}: uuid.uuid1() is called before the snapshot; every session has"
        assert f"{told} the same id: make it in the handler" in emulator.log


THREADS = """
import threading
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
threading.Thread(target=print).start()
stays = threading.Event()
threading.Thread(target=stays.wait, name="stays", daemon=True).start()  # thread
count = 0


@app.entrypoint
def invoke(payload):
    global count
    count += 1
    return count


app.run()
"""


def test_a_thread_is_a_trap_with_which_sessions_boot_cold(write_agent: Callable[[str], Path]) -> None:
    file = write_agent(THREADS)
    with EmulatorProcess(file, "--platform", "V2", "--quirks", "off") as emulator:
        assert reported(emulator.log) == expected(file.read_text())
        assert "cannot be restored from a snapshot: it has started threads ('stays')" in emulator.log
        assert "its sessions boot cold, as on V1" in emulator.log
        assert emulator.invoke({}) == 1
