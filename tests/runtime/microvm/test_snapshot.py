"""Platform version V2 beside V1, by real emulators; what is shared, what is fresh, and what becomes of the snapshot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.microvm import snapshot
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.conftest import Laboratory

HANDLER = """
import asyncio, contextlib, os, random, socket, time, uuid
from bedrock_agentcore import BedrockAgentCoreApp

ID = str(uuid.uuid4())
DRAWN = random.random()
note = open("notes.txt", "a")
note.write("boot ")
note.flush()
state = {"ticks": 0, "count": 0}


@contextlib.asynccontextmanager
async def lifespan(app):
    state["lifespan"] = str(uuid.uuid4())

    async def tick():
        while True:
            await asyncio.sleep(0.001)
            state["ticks"] += 1

    task = asyncio.create_task(tick())
    yield
    task.cancel()


app = BedrockAgentCoreApp(LIFESPAN)


@app.entrypoint
ASYNC def invoke(payload):
    state["count"] += 1
    note.write(payload.get("note") or "")
    note.flush()
    before = state["ticks"]
    while "lifespan" in state and state["ticks"] < before + 3:
        WAIT(0.001)
    return {
        "id": ID,
        "lifespan": state.get("lifespan"),
        "ticks": state["ticks"] > before,
        "count": state["count"],
        "drawn": [DRAWN, *(random.random() for _ in range(3))],
        "urandom": os.urandom(8).hex(),
        "uuid4": str(uuid.uuid4()),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "notes": open("notes.txt").read(),
    }


app.run()
"""

SYNC = HANDLER.replace("ASYNC ", "").replace("WAIT", "time.sleep")
ASYNC = HANDLER.replace("ASYNC", "async").replace("WAIT", "await asyncio.sleep")
SOURCES = {
    "sync": SYNC.replace("LIFESPAN", ""),
    "async": ASYNC.replace("LIFESPAN", ""),
    "sync with lifespan": SYNC.replace("LIFESPAN", "lifespan=lifespan"),
    "async with lifespan": ASYNC.replace("LIFESPAN", "lifespan=lifespan"),
}


def two_sessions(emulator: EmulatorProcess) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first answers of two sessions; each is asked a second time to see that it goes on."""
    first, second = new_session(), new_session()
    answers = emulator.invoke({"note": "one"}, first), emulator.invoke({"note": "two"}, second)
    for session, answer in zip((first, second), answers, strict=True):
        again = emulator.invoke({}, session)
        assert (again["id"], again["count"]) == (answer["id"], 2)
    return answers


@pytest.mark.parametrize("kind", SOURCES)
def test_what_sessions_on_v2_share(write_agent: Callable[[str], Path], isolation: str, kind: str) -> None:
    options = ["--platform", "V2", "--isolation", isolation, "--quirks", "off"]
    with EmulatorProcess(write_agent(SOURCES[kind]), *options) as emulator:
        one, two = two_sessions(emulator)
        assert "its snapshot is taken" in emulator.log
    assert one["id"] == two["id"]
    assert one["drawn"] == two["drawn"]
    assert (one["lifespan"] is not None) == ("lifespan" in kind)
    assert one["lifespan"] == two["lifespan"]
    assert one["ticks"] == two["ticks"] == ("lifespan" in kind)
    assert one["urandom"] != two["urandom"]
    assert one["uuid4"] != two["uuid4"]
    assert one["count"] == two["count"] == 1
    assert [one["notes"], two["notes"]] == ["boot one", "boot two"], "an open file goes on in each on its own"
    if isolation == "namespaces":
        assert (one["pid"], one["host"]) == (two["pid"], two["host"]) == (1, "localhost")


@pytest.mark.parametrize("kind", ["sync", "async with lifespan"])
def test_what_sessions_on_v1_share(write_agent: Callable[[str], Path], isolation: str, kind: str) -> None:
    with EmulatorProcess(write_agent(SOURCES[kind]), "--isolation", isolation, "--quirks", "off") as emulator:
        one, two = two_sessions(emulator)
    for name in ("id", "drawn", "urandom", "uuid4"):
        assert one[name] != two[name], name
    assert "lifespan" not in kind or one["lifespan"] != two["lifespan"]
    assert [one["notes"], two["notes"]] == ["boot one", "boot two"]


# Any server


SERVERS = {
    "http.server": "Server(('0.0.0.0', 8080), Handler).serve_forever()",
    "asyncio": """
import asyncio

async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = next((int(l.split(b":")[1]) for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length")), 0)
    body = await reader.readexactly(length)
    if head.startswith(b"GET"):
        said = ping
    else:
        state["count"] += 1
        said = {"count": state["count"], "boot": BOOT, "later": state.get("later")}
    data = json.dumps(said).encode()
    head = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n"
    writer.write(head % len(data) + data)
    await writer.drain()
    writer.close()

async def main():
    async def later():
        state["later"] = True
    task = asyncio.create_task(later())
    server = await asyncio.start_server(serve, "127.0.0.1", 8080)
    async with server:
        await server.serve_forever()

asyncio.run(main())
""",
}


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("server", SERVERS)
def test_any_server_can_be_restored_on_every_python(
    write_agent: Callable[[str], Path],
    puppet: str,
    need_python: Callable[[str], Path],
    version: str,
    isolation: str,
    server: str,
) -> None:
    python = need_python(version)
    source = puppet.replace(SERVERS["http.server"].replace("'", '"'), f"BOOT = os.urandom(8).hex()\n{SERVERS[server]}")
    source = source.replace('"count": state["count"]}', '"count": state["count"], "boot": BOOT}')
    options = ["--platform", "V2", "--isolation", isolation, "--python", str(python), "--quirks", "off"]
    with EmulatorProcess(write_agent(source), *options) as emulator:
        sessions = [new_session(), new_session()]
        answers = [emulator.invoke({}, session) for session in sessions for _ in range(2)]
    assert [answer["count"] for answer in answers] == [1, 2, 1, 2]
    assert len({answer["boot"] for answer in answers}) == 1
    assert server != "asyncio" or answers[0]["later"], "a task that was waiting goes on"


# The outside is anew


def test_connections_of_the_boot_are_dead_and_nobodys(
    write_agent: Callable[[str], Path], puppet: str, isolation: str, caller_of: Callable[[EmulatorProcess], Any]
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as peer:
        boot = f"line = socket.create_connection(('127.0.0.1', {peer.getsockname()[1]}))\n"
        source = puppet.replace("state = {", f"{boot}state = {{", 1)
        with EmulatorProcess(write_agent(source), "--platform", "V2", "--isolation", isolation) as emulator:
            call = caller_of(emulator)
            connection, _ = peer.accept()
            with connection:
                code = (
                    "try: said = line.send(b'x')\n"
                    "except OSError as error: said = type(error).__name__\n"
                    "answer([line.recv(10).decode(), said])"
                )
                assert [call(new_session(), code) for _ in range(2)] == [["", "BrokenPipeError"]] * 2
                connection.setblocking(False)
                with pytest.raises(BlockingIOError):
                    connection.recv(1)


def test_no_time_passes_between_snapshot_and_restore(
    write_agent: Callable[[str], Path], puppet: str, caller_of: Callable[[EmulatorProcess], Any]
) -> None:
    source = puppet.replace("state = {", "import time\nBEGAN = time.monotonic()\nstate = {", 1)
    with EmulatorProcess(write_agent(source), "--platform", "V2") as emulator:
        call = caller_of(emulator)
        code = "answer([time.monotonic() - BEGAN, time.clock_gettime(time.CLOCK_MONOTONIC) - BEGAN])"
        shown, passed = call(new_session(), code)
        later_shown, later_passed = call(new_session(), code)
    # The second session was restored later than the first by the system's clock, and not by its own.
    assert later_passed - passed > abs(later_shown - shown)
    assert shown < passed


# Snapshots that fail, and such as come late


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("raise ValueError('no such thing')", "ValueError: no such thing at {file}:"),
        ("def (", "{file}:"),
        ("import sys; sys.exit(3)", "the agent exited with status 3 before it served"),
        ("os._exit(3)", "the agent's process exited with status 3 before it served"),
    ],
)
def test_an_agent_that_does_not_boot_fails_the_start(
    write_agent: Callable[[str], Path], puppet: str, change: str, reason: str
) -> None:
    file = write_agent(puppet.replace("state = {", f"{change}\nstate = {{", 1))
    command = ["start", str(file), "--port", "0", "--ephemeral", "--platform", "V2"]
    ended = subprocess.run([sys.executable, "-m", "agentcore_emulator", *command], capture_output=True, text=True)
    assert ended.returncode == 1
    assert reason.format(file=file) in ended.stderr.splitlines()[-1]


async def test_an_agent_that_stays_unhealthy_fails_its_version(
    laboratory: Laboratory, puppet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_BOOT_SECONDS", 1.0)
    monkeypatch.setattr(snapshot, "_RUN_ON_SECONDS", 0.01)
    source = puppet.replace('ping = {"status": "Healthy"}', 'ping = {"status": "Starting"}')
    with pytest.raises(BootFailure, match="/ping was not healthy within 1 s: GET /ping answered with the status 'Star"):
        await laboratory.agent(source, platform="V2")
    assert list(laboratory.run_folder.path.iterdir()) == []


LATE = """
import asyncio, contextlib
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
import uvicorn

state = {"loaded": 0}

@contextlib.asynccontextmanager
async def lifespan(app):
    async def load():
        while state["loaded"] < 5:
            await asyncio.sleep(0.01)
            state["loaded"] += 1
    task = asyncio.create_task(load())
    yield

async def ping(request):
    if state["loaded"] < 5:
        return JSONResponse({"status": "Loading"}, 503)
    return JSONResponse({"status": "Healthy"})

async def invoke(request):
    return JSONResponse({"loaded": state["loaded"]})

app = Starlette(routes=[Route("/ping", ping), Route("/invocations", invoke, methods=["POST"])], lifespan=lifespan)
uvicorn.run(app, port=8080, log_level="error")
"""


def test_the_snapshot_waits_for_the_first_healthy_ping(write_agent: Callable[[str], Path], isolation: str) -> None:
    options = ["--platform", "V2", "--isolation", isolation]
    with EmulatorProcess(write_agent(LATE), *options) as emulator:
        assert emulator.invoke({}) == {"loaded": 5}


PING_IMPORTS = """
import sys
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
seen = []


@app.ping
def ping():
    import wave
    from bedrock_agentcore.runtime.models import PingStatus
    seen.append(1)
    return PingStatus.HEALTHY


@app.entrypoint
def invoke(payload):
    return {"loaded": [name for name in ("wave", "mailbox") if name in sys.modules], "seen": seen}


app.run()
"""


def test_what_the_first_healthy_ping_imports_is_in_the_snapshot_and_nothing_else_of_it(
    write_agent: Callable[[str], Path], isolation: str
) -> None:
    options = ["--platform", "V2", "--isolation", isolation, "--quirks", "off"]
    with EmulatorThread(write_agent(PING_IMPORTS), *options) as emulator:
        # A session is invoked before anybody asks its own /ping.
        assert emulator.invoke({}) == {"loaded": ["wave"], "seen": []}


def test_an_agent_that_insists_on_uvloop_boots_cold(write_agent: Callable[[str], Path]) -> None:
    pytest.importorskip("uvloop")
    source = LATE.replace('log_level="error"', 'log_level="error", loop="uvloop"')
    with EmulatorProcess(write_agent(source), "--platform", "V2") as emulator:
        assert "cannot be restored from a snapshot: its event loop is uvloop's; use asyncio's own" in emulator.log
        assert "loaded" in emulator.invoke({})


def test_an_agent_that_has_started_a_program_boots_cold(
    write_agent: Callable[[str], Path], puppet: str, isolation: str
) -> None:
    start = "helper = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
    source = puppet.replace("state = {", f"{start}state = {{", 1)
    source = source.replace('"count": state', '"up": helper.poll() is None, "count": state')
    with EmulatorProcess(write_agent(source), "--platform", "V2", "--isolation", isolation) as emulator:
        assert "cannot be restored from a snapshot: it has started processes ('python" in emulator.log
        assert [emulator.invoke({})["up"] for _ in range(2)] == [True, True]


def test_a_lost_snapshot_is_taken_again(write_agent: Callable[[str], Path], isolation: str) -> None:
    options = ["--platform", "V2", "--isolation", isolation, "--quirks", "off"]
    with EmulatorThread(write_agent(SOURCES["sync"]), *options) as emulator:
        before = emulator.invoke({})["id"]
        [pid] = [session["pid"] for session in emulator.sessions()]
        # The second field is the command's name in parentheses and may hold anything.
        zygote = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(zygote, signal.SIGKILL)
        after = emulator.invoke({})
        assert after["count"] == 1
        assert after["id"] != before


def test_a_redeploy_takes_a_snapshot_of_its_own(write_agent: Callable[[str], Path]) -> None:
    with EmulatorThread(write_agent(SOURCES["sync"]), "--platform", "V2", "--quirks", "off") as emulator:
        old, new = new_session(), new_session()
        before = emulator.invoke({}, old)
        emulator.redeploy()
        after = emulator.invoke({}, new)
        assert after["id"] != before["id"]
        assert emulator.invoke({}, old)["id"] == before["id"]


# Every Python that is here


@pytest.mark.parametrize("platform", ["V1", "V2"])
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_on_every_python(
    write_agent: Callable[[str], Path],
    puppet: str,
    need_python: Callable[[str], Path],
    version: str,
    platform: str,
    isolation: str,
) -> None:
    python = need_python(version)
    boot = "import random, uuid\nBOOT = [str(uuid.uuid4()), random.random()]\n"
    source = puppet.replace("state = {", f"{boot}state = {{", 1).replace(
        '"count": state["count"]}',
        '"count": state["count"], "boot": BOOT, "drawn": random.random(), "py": sys.version}',
    )
    options = ["--platform", platform, "--isolation", isolation, "--python", str(python), "--quirks", "off"]
    with EmulatorProcess(write_agent(source), *options) as emulator:
        one, two = emulator.invoke({}), emulator.invoke({})
    assert one["py"].startswith(f"{version}.")
    assert one["count"] == two["count"] == 1
    assert (one["boot"] == two["boot"], one["drawn"] == two["drawn"]) == ((platform == "V2"),) * 2
