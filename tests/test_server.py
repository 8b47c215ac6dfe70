from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from agentcore_emulator import project
from agentcore_emulator.clock import Clock
from agentcore_emulator.config import Platforms, Settings
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.server import Emulator, StartError
from agentcore_emulator.testing import new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


@pytest.fixture
def agent(write_agent: Callable[[str], Path], puppet: str) -> Path:
    return write_agent(puppet)


@pytest.fixture
def settings(agent: Path, tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        values: dict[str, Any] = {
            "target": agent,
            "port": 0,
            "state_dir": tmp_path / "state",
            "quirks": Quirks.parse("off"),
            **changes,
        }
        # The tests meet the agents through the file system.
        return Settings(**{"isolation": "plain", **values})

    return make


@pytest.fixture(autouse=True)
def temp(short_temp: Path) -> Path:
    """The temporary folder of these tests alone, in which nothing must stay behind."""
    return short_temp


def content(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def listening_on(port: int) -> set[str]:
    """The local addresses, in hexadecimal, of listeners on a TCP port of this machine."""
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}


def exists(*parts: object) -> bool:
    return Path(*map(str, parts)).exists()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Emulator]:
    emulator = Emulator(settings, project.load(settings))
    await emulator.start()
    try:
        yield emulator
    finally:
        await emulator.stop()


async def call(emulator: Emulator, session: str, code: str) -> httpx.Response:
    """Have the puppet of a session run `code`."""
    url = f"{emulator.url}/runtimes/{quote(emulator.runtimes[0].arn, safe='')}/invocations"
    async with httpx.AsyncClient() as client:
        return await client.post(url, content=code, headers={SESSION: session, "content-type": "text/x-python"})


async def test_from_start_to_stop(settings: Callable[..., Settings], temp: Path, tmp_path: Path) -> None:
    async with running(settings()) as emulator:
        assert emulator.url.startswith("http://127.0.0.1:")
        serving = asyncio.create_task(emulator.serve())
        session = new_session()
        for count in (1, 2):
            assert (await call(emulator, session, "answer(state['count'])")).json() == count
        pid = (await call(emulator, session, "answer(os.getpid())")).json()
        assert not serving.done()
        await emulator.stop()
        await serving
    assert not exists("/proc", pid)
    assert content(temp) == []
    assert exists(tmp_path, "state", "state.db")
    with pytest.raises(httpx.ConnectError):
        await call(emulator, session, "answer(1)")


async def test_two_in_one_process(settings: Callable[..., Settings], tmp_path: Path) -> None:
    async with running(settings()) as one, running(settings(state_dir=tmp_path / "other")) as other:
        session = new_session()
        assert (await call(one, session, "answer(state['count'])")).json() == 1
        assert (await call(other, session, "answer(state['count'])")).json() == 1


async def test_stop_ends_what_is_in_flight(
    settings: Callable[..., Settings], make_fifo: Callable[[str], Fifo], temp: Path
) -> None:
    entered, never = make_fifo("entered"), make_fifo("never")
    async with running(settings()) as emulator:
        answer = asyncio.create_task(call(emulator, new_session(), f"{entered.put_here}; {never.get_here}"))
        stream = asyncio.create_task(
            call(emulator, new_session(), f"self.stream(); self.chunk(b'1'); {entered.put_here}; {never.get_here}")
        )
        await asyncio.to_thread(entered.get, 2)
        await emulator.stop()
        assert (await answer).status_code == 424
        with pytest.raises(httpx.RemoteProtocolError):
            await stream
    assert content(temp) == []


async def test_stop_ends_a_session_that_is_being_provisioned(
    settings: Callable[..., Settings],
    write_agent: Callable[[str], Path],
    make_fifo: Callable[[str], Fifo],
    temp: Path,
    tmp_path: Path,
) -> None:
    entered, never = make_fifo("entered"), make_fifo("never")
    pid_file = tmp_path / "pid"
    write_agent(
        f"import os\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\n{entered.put_here}; {never.get_here}"
    )
    async with running(settings()) as emulator:
        answer = asyncio.create_task(call(emulator, new_session(), ""))
        await asyncio.to_thread(entered.get)
        await emulator.stop()
        await asyncio.wait([answer])
    assert not exists("/proc", pid_file.read_text())
    assert content(temp) == []


async def test_an_ephemeral_one_keeps_nothing(settings: Callable[..., Settings], temp: Path, tmp_path: Path) -> None:
    async with running(settings(ephemeral=True)) as emulator:
        assert (await call(emulator, new_session(), "answer(1)")).json() == 1
        assert len(content(temp)) == 1, "its run folder"
    assert content(temp) == []
    assert not exists(tmp_path, "state")


async def test_info(settings: Callable[..., Settings]) -> None:
    async with running(settings(quirks=Quirks.parse("warn,truncation=strict"))) as emulator:
        info = emulator.info()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{emulator.url}/_emulator/info")).json() == json.loads(json.dumps(info))
        assert info["quirks"]["truncation"] == "strict"
        assert info["environment"]["AGENTCORE_RUNTIME_ARN"] == info["default_arn"] == emulator.runtimes[0].arn
        assert info["environment"]["HTTPS_PROXY"] == emulator.proxy_url


@pytest.mark.parametrize(
    ("host", "url"), [("::1", "http://[::1]:"), ("0.0.0.0", "http://127.0.0.1:"), ("localhost", "http://127.0.0.1:")]
)
async def test_addresses(settings: Callable[..., Settings], host: str, url: str) -> None:
    async with running(settings(host=host)) as emulator:
        assert emulator.url.startswith(url)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{emulator.url}/_emulator/info")).status_code == 200


async def test_by_default_it_listens_on_loopback_alone(settings: Callable[..., Settings]) -> None:
    async with running(settings()) as emulator:
        port = urlsplit(emulator.url).port or 0
        assert listening_on(port) == {f"0100007F:{port:04X}"}


# What keeps it from starting, with nothing left behind


async def refused(settings: Settings) -> str:
    emulator = Emulator(settings, project.load(settings))
    with pytest.raises(StartError) as failure:
        await emulator.start()
    await emulator.stop()
    return str(failure.value)


async def test_a_port_in_use(settings: Callable[..., Settings], temp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = await refused(settings(port=port))
    assert sentence.startswith(
        f"port {port} of 127.0.0.1 is in use, perhaps by another emulator; choose one with --port"
    )
    assert content(temp) == []


async def test_an_address_that_is_not_this_machines(settings: Callable[..., Settings]) -> None:
    assert "cannot listen on 192.0.2.1 port 0: " in await refused(settings(host="192.0.2.1"))
    assert "cannot listen on no.such.host.invalid port 0: " in await refused(settings(host="no.such.host.invalid"))


async def test_an_agent_that_cannot_start(
    settings: Callable[..., Settings], write_agent: Callable[[str], Path], temp: Path
) -> None:
    file = write_agent("import os\nimport not_there")
    assert (await refused(settings())).startswith(f"{file}:2: no module named 'not_there' for ")
    assert content(temp) == []
    write_agent("x = (")
    assert f"{file}:1: '(' was never closed" in await refused(settings())


async def test_one_agent_of_several_that_cannot_start(
    settings: Callable[..., Settings], agent: Path, write_agent: Callable[[str], Path], temp: Path, puppet: str
) -> None:
    """They boot side by side, and none goes on when another has failed."""
    broken = write_agent("import not_there").rename(agent.parent / "broken.py")
    write_agent(puppet)
    entries = {"one": "agent.py", "two": "broken.py", "three": "agent.py"}
    agents = ", ".join(f"{name}: {{name: {name}, entrypoint: {file}}}" for name, file in entries.items())
    (agent.parent / ".bedrock_agentcore.yaml").write_text(f"agents: {{{agents}}}")
    refusal = await refused(settings(target=agent.parent, platform=Platforms("V2")))
    assert refusal.startswith(f"{broken}:1: no module named 'not_there' for ")
    assert content(temp) == []


async def test_a_state_folder_that_is_none(settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in await refused(settings(state_dir=tmp_path / "file"))


async def test_a_fault_file_that_is_none(settings: Callable[..., Settings], tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    assert await refused(settings(faults=file)) == f"{file} cannot be read: No such file or directory"
    file.write_text("- fault: kill\n  times: 0\n")
    assert await refused(settings(faults=file)) == f"{file}:2: [0].times: 0 is not a whole number of calls, 1 or more"


async def test_faults_and_pauses_from_the_start(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Recorder(Clock):
        async def sleep(self, seconds: float) -> None:
            if seconds > 2:  # What a start may take at most, and the like.
                await super().sleep(seconds)
            else:
                pauses.append(seconds)

    monkeypatch.setattr("agentcore_emulator.server.Clock", Recorder)
    file = tmp_path / "faults.yaml"
    file.write_text("- {fault: throttle, operation: InvokeAgentRuntime}")
    async with running(settings(faults=file, latency="observed")) as emulator, httpx.AsyncClient() as client:
        session = new_session()
        answers = [await call(emulator, session, "answer(1)") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 200, 200]
        assert pauses == [pytest.approx(seconds) for seconds in (0.18, 1.52, 0.18)]
        memory = f"{emulator.url}/memories/notes-0123456789/actors"
        assert (await client.post(memory, json={})).status_code == 404
        assert pauses[3:] == [0.3]


async def test_a_rule_file_that_is_none(settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: 7")
    assert "rules.yaml" in await refused(settings(model_rules=tmp_path / "rules.yaml"))


async def test_a_project_that_wants_long_term_memory(settings: Callable[..., Settings], agent: Path) -> None:
    (agent.parent / ".bedrock_agentcore.yaml").write_text(
        "agents: {one: {name: one, entrypoint: agent.py, deployment_type: direct_code_deploy,"
        " memory: {mode: STM_AND_LTM, memory_name: notes}}}"
    )
    async with running(settings(target=agent.parent)) as emulator, httpx.AsyncClient(base_url=emulator.url) as client:
        memory_id = (await call(emulator, new_session(), "answer(os.environ['BEDROCK_AGENTCORE_MEMORY_ID'])")).json()
        memory = (await client.get(f"/memories/{memory_id}/details")).json()["memory"]
        assert (memory["name"], memory["status"]) == ("notes", "ACTIVE")
        assert {strategy["type"] for strategy in memory["strategies"]} == {
            "SEMANTIC",
            "SUMMARIZATION",
            "USER_PREFERENCE",
        }


@pytest.mark.parametrize(("delays", "status"), [("none", "ACTIVE"), ("observed", "CREATING")])
async def test_memories_that_take_their_time(settings: Callable[..., Settings], delays: str, status: str) -> None:
    async with (
        running(settings(memory_delays=delays)) as emulator,
        httpx.AsyncClient(base_url=emulator.url) as client,
    ):
        created = await client.post("/memories/create", json={"name": "notes", "eventExpiryDuration": 7})
        shown = await client.get(f"/memories/{created.json()['memory']['id']}/details")
        assert shown.json()["memory"]["status"] == status
