"""An emulator for each module, and the environment by which clients find it."""

from __future__ import annotations

import datetime as dt
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorThread, RunningEmulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Of pydantic, about the SDK's models.
    import bedrock_agentcore  # noqa: F401

AGENT = Path(__file__).parents[3] / "agent" / "memory_agent.py"
STRATEGIES: list[dict[str, Any]] = [
    {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}},
    {"userPreferenceMemoryStrategy": {"name": "Likes", "namespaceTemplates": ["/likes/{actorId}/"]}},
    {"summaryMemoryStrategy": {"name": "Sums", "namespaceTemplates": ["/sums/{actorId}/{sessionId}/"]}},
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with EmulatorThread(AGENT, "--quirks", "off") as emulator:
        yield emulator


@pytest.fixture(scope="module")
def environment(emulator: RunningEmulator) -> Iterator[None]:
    """Clients that are made from now on find the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.info["environment"].items():
            patch.setenv(name, value)
        yield


class _Time:
    """The module `time` with another `sleep`."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep
        self.time = time.time


@pytest.fixture
def on_pause(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], object]], None]:
    """An SDK client that waits must return after its first look, for its pauses are longer than a test may take.

    With `on_pause(do)`, each of its pauses does that instead.
    """
    from bedrock_agentcore.memory import client, controlplane

    instead: list[Callable[[float], object]] = []

    def sleep(seconds: float) -> None:
        if not instead:
            raise AssertionError(f"the client would wait for {seconds} s")
        instead[-1](seconds)

    for module in (client, controlplane):
        monkeypatch.setattr(module, "time", _Time(sleep))
    return instead.append


@pytest.fixture
def elsewhere(
    write_agent: Callable[[str], Path],
    puppet: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., RunningEmulator]]:
    """`elsewhere("--option", ...)`: an emulator for this test alone, which clients find from now on."""
    with ExitStack() as stack:

        def started(*options: str) -> RunningEmulator:
            emulator = stack.enter_context(EmulatorThread(write_agent(puppet), *options))
            for name, value in emulator.info["environment"].items():
                monkeypatch.setenv(name, value)
            return emulator

        yield started


@pytest.fixture(scope="module")
def make_memory(emulator: RunningEmulator) -> Callable[..., str]:
    """The id of a new memory with these strategies."""
    control = emulator.client("bedrock-agentcore-control")

    def made(*strategies: dict[str, Any], **more: Any) -> str:
        given = {"name": f"m{uuid.uuid4().hex}", "eventExpiryDuration": 7, "memoryStrategies": strategies, **more}
        memory_id: str = control.create_memory(**given)["memory"]["id"]
        return memory_id

    return made


@pytest.fixture
def memory(make_memory: Callable[..., str]) -> str:
    """A memory that keeps events alone."""
    return make_memory()


@pytest.fixture
def remembering(make_memory: Callable[..., str]) -> str:
    """A memory with /facts/ACTOR/, /likes/ACTOR/ and /sums/ACTOR/SESSION/."""
    return make_memory(*STRATEGIES)


@pytest.fixture
def at() -> Callable[[int], dt.datetime]:
    """`at(3)`: three seconds after the new year. Two events of one millisecond would have no order."""
    return lambda seconds: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
