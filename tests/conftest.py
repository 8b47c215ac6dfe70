"""A real emulator for the tests, and throw-away agents and microVMs."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.quirks import Quirks
from agentcore_emulator.runtime.agents import Agent
from agentcore_emulator.runtime.hosts import make_host
from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.fork import ForkHost
from agentcore_emulator.runtime.microvm.host import MicroVM, MicroVMHost
from agentcore_emulator.runtime.microvm.resources import RunFolder
from agentcore_emulator.runtime.microvm.spawn import SpawnHost
from agentcore_emulator.runtime.relay import Exchange
from agentcore_emulator.testing import EmulatorProcess


def pytest_configure() -> None:
    """Programs inherit it when signals are ignored, as they are under nohup and in the background of a script."""
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, default)


REPOSITORY = Path(__file__).parent.parent

PUPPET = '''
"""Serves /invocations with the standard library alone, and does there what the request says in Python.

The code is the body, or the header Mcp-Name if the body is to be left unread.
"""
import json, os, signal, socket, subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

state = {"count": 0}
ping = {"status": "Healthy"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(ping)

    def do_POST(self):
        state["count"] += 1
        code = self.headers["mcp-name"]
        if code is None and self.headers["content-type"] == "text/x-python":
            code = self.body().decode()
        if code is None:
            return self.answer({"received": len(self.body()), "count": state["count"]})
        exec(code, {**globals(), "self": self, "answer": self.answer})

    def body(self):
        if self.headers["content-length"]:
            return self.rfile.read(int(self.headers["content-length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def answer(self, value, status=200, kind="application/json", **headers):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": kind, "content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, kind="text/event-stream"):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data):
        self.raw(b"%x\\r\\n%b\\r\\n" % (len(data), data))

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


Server(("0.0.0.0", 8080), Handler).serve_forever()
'''


@pytest.fixture
def short_temp(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that is this test's alone, and near enough to the root for sockets."""
    tmp_path_factory.getbasetemp()  # Or the first test to want one would have pytest make its own in here.
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    """One emulator with the reference agent and quirks off, shared by the tests that leave nothing behind."""
    with EmulatorProcess(REPOSITORY / "agent" / "memory_agent.py", "--quirks", "off") as process:
        yield process


@pytest.fixture
def write_agent(tmp_path: Path) -> Callable[[str], Path]:
    """Writes an agent file into a project folder of its own and returns its path."""

    def write(source: str) -> Path:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        file = project / "agent.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def puppet() -> str:
    """The puppet's source, to which a test may add."""
    return PUPPET


class Fifo:
    """A named pipe, by which an agent and a test wait for each other. Held open, so that opening it never blocks."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR)
        self.get_here = f"open({str(path)!r}, 'rb', 0).read(1)"
        """Python for the agent: wait for a byte."""
        self.put_here = f"open({str(path)!r}, 'wb', 0).write(b'x')"
        """Python for the agent: send a byte."""

    def put(self, count: int = 1) -> None:
        """Let `count` waits of the agent's go on."""
        os.write(self._descriptor, b"x" * count)

    def get(self, count: int = 1) -> None:
        """Wait for `count` bytes of the agent's; fails the test if they do not come."""
        for _ in range(count):
            ready, _, _ = select.select([self._descriptor], [], [], 30)
            assert ready, "the agent did not get there"
            os.read(self._descriptor, 1)

    def empty(self) -> bool:
        """Whether no byte waits to be read."""
        return not select.select([self._descriptor], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._descriptor)


@pytest.fixture
def make_fifo(tmp_path: Path) -> Iterator[Callable[[str], Fifo]]:
    """Makes named pipes that last as long as the test."""
    made: list[Fifo] = []

    def make(name: str) -> Fifo:
        made.append(Fifo(tmp_path / name))
        return made[-1]

    yield make
    for fifo in made:
        fifo.close()


class PostgreSQLServer:
    """A server of PostgreSQL on a Unix socket in a folder of its own, which asks only `guarded` for a password."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Short, as the path of a socket must be.
        self.folder = Path(tempfile.mkdtemp(prefix="agentcore-postgresql-"))
        self._data = self.folder / "data"
        # PostgreSQL runs as anybody but root.
        self._user: str | None = None
        if os.geteuid() == 0:
            known = subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode == 0
            self._user = "postgres" if known else "nobody"
            shutil.chown(self.folder, self._user)
        self._numbers = itertools.count()
        self._run("initdb", "--pgdata", self._data, "--no-sync", "--auth", "trust", "--username", "ada", "-E", "UTF8")
        (self._data / "pg_hba.conf").write_text("local all guarded scram-sha-256\nlocal all all trust\n")
        self.start()
        self.execute("CREATE ROLE guarded LOGIN PASSWORD 'open sesame'")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB"
        self._run("pg_ctl", "start", "--pgdata", self._data, "--log", self.folder / "log", "--wait", "-o", options)

    def stop(self) -> None:
        """At once, as if the machine had lost its power."""
        self._run("pg_ctl", "stop", "--pgdata", self._data, "--mode", "immediate")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres", user: str = "ada", schema: str = "public") -> str:
        options = f"&options=-csearch_path%3D{schema}"
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}{options}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """The rows that a statement gives."""
        import psycopg

        where = f"host={self.folder} dbname={database} user=ada"
        with psycopg.connect(where, autocommit=True) as connection:
            ran = connection.execute(statement)
            return list(ran.fetchall()) if ran.description else []

    def new_place(self) -> str:
        """The URL of a schema of its own, which is quicker to make than a database."""
        schema = f"place_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {schema}")
        return self.url(schema=schema)

    def _run(self, program: str, *arguments: object) -> None:
        # Its own environment, and not one that says which server clients are to use.
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(
            command,
            user=self._user,
            cwd=self.folder,
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A running server, as Debian's package postgresql brings it; skips where that is not installed."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += [program.parent for program in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    if not found:
        pytest.skip("NOT TESTED, PostgreSQL is not on this machine; on Debian the package postgresql brings it")
    server = PostgreSQLServer(found[0])
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place for a store, on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'state.db'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    return server.new_place()


@functools.cache
def _interpreter(version: str) -> Path | None:
    """A Python of this version that runs, from PATH or from where pyenv keeps them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    candidates = [Path(on_path)] if on_path else []
    for candidate in [*candidates, *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]:
        # A launcher on PATH may know of no such version.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="session")
def need_python() -> Callable[[str], Path]:
    """Finds an interpreter of a version (`3.12`); a test for one that is not here is skipped."""

    def need(version: str) -> Path:
        python = _interpreter(version)
        if python is None:
            pytest.skip(f"there is no python{version} on this machine")
        return python

    return need


@functools.cache
def _namespaces_problem() -> str | None:
    """Why guests cannot be isolated here, found out as the emulator does."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "agent.py"
        file.write_text(PUPPET, encoding="utf-8")
        try:
            with EmulatorProcess(file, "--isolation", "namespaces"):
                return None
        except RuntimeError as error:
            return str(error).splitlines()[-1]


@pytest.fixture(scope="module", params=["plain", "namespaces"])
def isolation(request: pytest.FixtureRequest) -> str:
    """Each way to isolate guests; what this system does not allow is skipped."""
    if request.param == "namespaces" and _namespaces_problem() is not None:
        pytest.skip(f"NOT TESTED, this system has no namespaces for guests: {_namespaces_problem()}")
    return str(request.param)


@pytest.fixture
def namespaces() -> None:
    """Skips where guests cannot be isolated."""
    if _namespaces_problem() is not None:
        pytest.skip(f"NOT TESTED, this system has no namespaces for guests: {_namespaces_problem()}")


@pytest.fixture
def caller_of() -> Callable[[EmulatorProcess], Callable[[str, str], Any]]:
    """For an emulator of the puppet's: a function that has a session run some code, and returns its JSON answer."""

    def make(emulator: EmulatorProcess) -> Callable[[str, str], Any]:
        client = emulator.client("bedrock-agentcore")

        def call(session: str, code: str) -> Any:
            answer = client.invoke_agent_runtime(
                agentRuntimeArn=emulator.arn,
                runtimeSessionId=session,
                contentType="text/x-python",
                payload=textwrap.dedent(code),
            )
            return json.loads(answer["response"].read())

        return call

    return make


class Laboratory:
    """Starts microVMs within the test's own process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.isolated = False
        self.run_folder = RunFolder()
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._microvms: list[MicroVM] = []

    def write(self, source: str, name: str = "agent.py") -> Path:
        """An agent in a project folder of its own."""
        project = self.folder / "project"
        project.mkdir(exist_ok=True)
        file = project / name
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return file

    async def host(
        self, entrypoint: Path, *, kind: str = "fork", python: Path | None = None, **env: str
    ) -> MicroVMHost:
        """An open host for one entry file."""
        host = self._host(entrypoint, kind, python or Path(sys.executable), env)
        self._closing.append(host.close)
        await host.open()
        return host

    def _host(self, entrypoint: Path, kind: str, python: Path, env: Mapping[str, str]) -> MicroVMHost:
        environ = {**os.environ, **env}
        if kind == "fork":
            return ForkHost(
                python=python,
                entrypoint=entrypoint,
                project=entrypoint.parent,
                environ=environ,
                learnt=self.folder / "learnt",
                isolated=self.isolated,
            )
        return SpawnHost(python=python, entrypoint=entrypoint, project=entrypoint.parent, environ=environ)

    async def agent(
        self,
        source: str = PUPPET,
        *,
        quirks: str = "off",
        kind: str = "fork",
        env: Mapping[str, str] = {},
        **runtime: Any,
    ) -> Agent:
        """An agent at work; `runtime` changes members of its `AgentRuntime`."""
        entrypoint = self.write(source)
        python = runtime.pop("python", Path(sys.executable))
        described = AgentRuntime(
            name="agent",
            runtime_id="agent-0123456789",
            arn="arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/agent-0123456789",
            entrypoint=entrypoint,
            project_dir=entrypoint.parent,
            python=python,
        )
        agent = Agent(
            dataclasses.replace(described, **runtime),
            functools.partial(make_host, learnt=self.folder / "learnt", microvms=None)
            if kind == "fork"
            else lambda *_: self._host(entrypoint, kind, python, env),
            {**os.environ, **env},
            Quirks.parse(quirks),
            self.run_folder,
            isolated=self.isolated,
        )
        self._closing.append(agent.versions.close)
        await agent.update()
        return agent

    async def start(self, agent: Agent, journal: Journal | None = None) -> MicroVM:
        """A microVM of `agent`, which may not be ready."""
        microvm = await agent.start(agent.versions.current, journal or Journal("test"), "session")
        self._microvms.append(microvm)
        return microvm

    async def post(self, microvm: MicroVM, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        """POST /invocations to a microVM; status and body of the answer."""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async with microvm.connect() as (reader, writer):
            exchange = Exchange(reader, writer)
            await exchange.request("POST", "/invocations", [("host", "agent"), ("content-type", kind)], receive, None)
            await exchange.head()
            return exchange.status, b"".join([piece async for piece in exchange.body()])

    async def close(self) -> None:
        for microvm in self._microvms:
            await (microvm.stop(0) if microvm.alive else microvm.release())
        for close in self._closing:
            await close()
        self.run_folder.remove()


@pytest.fixture
async def laboratory(tmp_path: Path) -> AsyncIterator[Laboratory]:
    laboratory = Laboratory(tmp_path)
    yield laboratory
    await laboratory.close()


@pytest.fixture
def order(laboratory: Laboratory) -> Callable[..., Any]:
    """Has the puppet in a microVM run some code and returns its JSON answer."""

    async def run(microvm: MicroVM, code: str) -> Any:
        _, body = await laboratory.post(microvm, textwrap.dedent(code).encode(), "text/x-python")
        return json.loads(body)

    return run


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells of what is waited for here
            await asyncio.sleep(0)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Goes on with the event loop until a condition holds; fails the test if it never does."""
    return _until
