"""An emulator with the puppet agent, a caller of it, and a clock that tests move."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from agentcore_emulator.clock import Clock
from agentcore_emulator.testing import EmulatorProcess, new_session


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
    """One emulator process for all tests that leave it as it was, with a caller of its puppet."""
    file = tmp_path_factory.mktemp("puppet") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "off") as emulator:
        yield Caller(emulator)


@pytest.fixture
def session() -> str:
    """A session id of the test's own."""
    return new_session()


class FakeClock(Clock):
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self._timers: list[asyncio.TimerHandle] = []
        self._watchers: list[asyncio.Future[None]] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if wake.done() else wake.set_result(None))
        try:
            await wake
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(self.now + seconds, callback, (), asyncio.get_running_loop())
        self._timers.append(timer)
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)
        return timer

    async def due_at(self, moment: float) -> None:
        """Return as soon as something is due at exactly `moment`."""
        while not any(timer.when() == pytest.approx(moment, abs=1e-6) for timer in self._pending()):
            watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher
            self._watchers.remove(watcher)

    def advance(self, seconds: float) -> None:
        """Move on, and do whatever is due by then."""
        self.now += seconds
        for timer in sorted(self._pending(), key=asyncio.TimerHandle.when):
            if timer.when() <= self.now + 1e-6:
                self._timers.remove(timer)
                timer._run()

    def _pending(self) -> list[asyncio.TimerHandle]:
        self._timers = [timer for timer in self._timers if not timer.cancelled()]
        return self._timers


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()
