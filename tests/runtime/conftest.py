"""An emulator with the puppet agent, a caller of it, and a clock that tests move."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol
from urllib.parse import quote

import pytest
from botocore.config import Config
from starlette.types import Receive, Send

from agentcore_emulator.beginning import Beginning
from agentcore_emulator.call import Call, TrackedSend
from agentcore_emulator.clock import Clock, Timer
from agentcore_emulator.faults import Faults
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.agents import Agent, Agents
from agentcore_emulator.runtime.front import Caller as Admitted
from agentcore_emulator.runtime.front import Front
from agentcore_emulator.runtime.plane import RuntimePlane
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.testing import EmulatorProcess, new_session
from agentcore_emulator.wire.service import load


class Caller:
    """Calls the puppet of one emulator with boto3, without retries."""

    def __init__(self, emulator: EmulatorProcess, *, arn: str | None = None) -> None:
        self.emulator = emulator
        self.arn = arn or emulator.arn
        self.client = emulator.client(
            "bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=100)
        )

    def call(self, session: str, code: str, **members: Any) -> dict[str, Any]:
        """Have the puppet of `session` run `code`; the response as boto3 gives it."""
        answer: dict[str, Any] = self.client.invoke_agent_runtime(
            agentRuntimeArn=self.arn,
            runtimeSessionId=session,
            contentType="text/x-python",
            payload=textwrap.dedent(code),
            **members,
        )
        return answer

    def json(self, session: str, code: str, **members: Any) -> Any:
        """The puppet's JSON answer."""
        return json.loads(self.call(session, code, **members)["response"].read())

    def stop(self, session: str) -> Any:
        """StopRuntimeSession."""
        return self.client.stop_runtime_session(agentRuntimeArn=self.arn, runtimeSessionId=session)

    def logged(self, text: str) -> None:
        """Wait until the emulator has printed `text`, which it does beside answering."""
        for _ in range(1000):
            if text in self.emulator.log:
                return
            self.emulator.sessions()
        pytest.fail(f"{text!r} was not logged")

    def log(self, session: str) -> list[str]:
        """What the emulator keeps of a live session's log."""
        found = [each for each in self.emulator.sessions() if each["session_id"] == session]
        return [str(line) for each in found for line in each["log"]]


@pytest.fixture(scope="session")
def make_caller() -> type[Caller]:
    """For emulators of a test's own."""
    return Caller


@pytest.fixture(scope="session")
def caller(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[Caller]:
    """One emulator process for all tests that leave it as it was, with a caller of its puppet.

    Its guests are not isolated: the tests meet them through the file system, and end them by signals of their own.
    """
    file = tmp_path_factory.mktemp("puppet") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "off", "--isolation", "plain") as emulator:
        yield Caller(emulator)


@pytest.fixture
def session() -> str:
    """A session id of the test's own."""
    return new_session()


class FakeClock(Clock):
    """A clock that stands still until a test moves it, and tells what is due when."""

    def __init__(self) -> None:
        super().__init__(frozen=True)
        self._watchers: list[asyncio.Future[None]] = []

    @property
    def now(self) -> float:
        return self.time()

    def call_later(self, seconds: float, callback: Callable[[], Awaitable[None] | None]) -> Timer:
        timer = super().call_later(seconds, callback)
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)
        return timer

    async def sleep(self, seconds: float) -> None:
        """Not real time: a pause, too, ends when the test says so."""
        if seconds > 0:
            awake = asyncio.Event()
            timer = self.call_later(seconds, awake.set)
            try:
                await awake.wait()
            finally:
                timer.cancel()

    async def due_in(self, seconds: float) -> None:
        """Return as soon as something is due in just that time."""
        moment = self._position() + seconds
        while not any(timer.when == pytest.approx(moment, abs=1e-4) for timer in self._timers):
            watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher
            self._watchers.remove(watcher)


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


class Everybody:
    """Admits all."""

    async def admit(self, runtime: AgentRuntime, call: Call) -> Admitted:
        return Admitted()


class Invoke(Protocol):
    """One InvokeAgentRuntime by way of a plane in this process, with code for the puppet as what `receive` gives."""

    async def __call__(
        self,
        agent: Agent,
        sessions: Sessions,
        clock: Clock,
        *,
        receive: Receive,
        send: Send,
        debug: bool = False,
        faults: Faults | None = None,
    ) -> None: ...


@pytest.fixture
def invoke_in_process() -> Invoke:
    async def invoke(
        agent: Agent,
        sessions: Sessions,
        clock: Clock,
        *,
        receive: Receive,
        send: Send,
        debug: bool = False,
        faults: Faults | None = None,
    ) -> None:
        front = Front(Agents([agent], "123456789012"), Everybody(), faults=faults)
        plane = RuntimePlane(front, sessions, clock, debug=debug, faults=faults)
        path = f"/runtimes/{quote(agent.runtime.arn, safe='')}/invocations"
        found = load("bedrock-agentcore").match("POST", path.encode())
        assert found is not None
        headers = {"content-type": "text/x-python", "x-amzn-bedrock-agentcore-runtime-session-id": new_session()}
        scope = {"type": "http", "method": "POST", "raw_path": path.encode()}
        call = Call(*found, [], headers, "request", scope, Beginning(receive), TrackedSend(send))
        await plane.streaming["InvokeAgentRuntime"](call)

    return invoke
