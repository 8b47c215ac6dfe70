"""A real AG-UI agent behind the emulator, with the `ag-ui-protocol`'s types."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from ag_ui.core import BaseEvent, Event, EventType, RunAgentInput, RunErrorEvent, StateSnapshotEvent, UserMessage
from pydantic import TypeAdapter

from agentcore_emulator.testing import EmulatorProcess, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "agui"

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

BLOCKING = """
import asyncio
from ag_ui.core import RunStartedEvent, StateSnapshotEvent
from bedrock_agentcore.runtime import serve_ag_ui

runs = []


async def run(run_input):
    runs.append(run_input.run_id)
    yield RunStartedEvent(thread_id=run_input.thread_id, run_id=run_input.run_id)
    yield StateSnapshotEvent(snapshot={"runs": len(runs)})
    if run_input.run_id == "block":
        await asyncio.Event().wait()
    raise ValueError("no more")


serve_ag_ui(run)
"""

EVENT: TypeAdapter[BaseEvent] = TypeAdapter(Event)

Start = Callable[[Path], EmulatorProcess]


@pytest.fixture
def start(isolation: str, platform: str) -> Iterator[Start]:
    """Starts an emulator of one agent, for as long as the test lasts."""
    with contextlib.ExitStack() as stack:

        def start(agent: Path) -> EmulatorProcess:
            options = ("--protocol", "AGUI", "--isolation", isolation, "--platform", platform)
            return stack.enter_context(EmulatorProcess(agent, *options, "--clock", "virtual", "--quirks", "off"))

        yield start


@pytest.fixture(params=["V1", "V2"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def running(emulator: EmulatorProcess, session: str, text: str = "", run: str = "run") -> Iterator[Iterator[BaseEvent]]:
    """The events of one run, as they come."""
    url = f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations"
    run_input = RunAgentInput(
        thread_id="thread",
        run_id=run,
        messages=[UserMessage(id="message", content=text)],
        state={},
        tools=[],
        context=[],
        forwarded_props={},
    )
    headers = {SESSION: session, "Content-Type": "application/json", "Accept": "text/event-stream"}
    body = run_input.model_dump_json(by_alias=True)
    with httpx.stream("POST", url, content=body, headers=headers, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.status_code == 200
        lines = answer.iter_lines()
        yield (EVENT.validate_json(line.removeprefix("data: ")) for line in lines if line)


def notes(emulator: EmulatorProcess, session: str, text: str) -> object:
    """What the example has noted."""
    with running(emulator, session, text) as events:
        [state] = [event for event in events if isinstance(event, StateSnapshotEvent)]
    return state.snapshot["notes"]


def test_the_example(start: Start) -> None:
    emulator = start(EXAMPLE / "agent.py")
    done = subprocess.run(
        [sys.executable, EXAMPLE / "client.py"],
        env=emulator.info["environment"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if "STATE" in line] == [
        "STATE_SNAPSHOT {'notes': ['Buy milk']}",
        "STATE_SNAPSHOT {'notes': ['Buy milk', 'Call Ada']}",
    ]
    words = [line.split() for line in lines if "CONTENT" in line]
    assert [word for _, word in words] == ["There", "are", "1", "notes.", "There", "are", "2", "notes."]


def test_runs_in_sessions(start: Start) -> None:
    emulator = start(EXAMPLE / "agent.py")
    one, two = new_session(), new_session()
    assert [notes(emulator, session, text) for session, text in ((one, "a"), (two, "b"), (one, "c"))] == [
        ["a"],
        ["b"],
        ["a", "c"],
    ]
    emulator.clock.advance(900)
    assert emulator.session(one)["reason"] == "idle for 900 s"
    assert notes(emulator, one, "d") == ["d"], "cold"


def test_an_agent_that_raises_says_so_itself(start: Start, write_agent: Callable[[str], Path]) -> None:
    emulator = start(write_agent(BLOCKING))
    with running(emulator, new_session()) as events:
        last = list(events)[-1]
    assert isinstance(last, RunErrorEvent)
    assert (last.code, last.message) == ("INTERNAL_ERROR", "no more")


@pytest.mark.parametrize("end", ["dies", "is stopped"])
def test_a_session_that_ends_within_a_run(start: Start, write_agent: Callable[[str], Path], end: str) -> None:
    emulator = start(write_agent(BLOCKING))
    session = new_session()
    with running(emulator, session) as events:
        assert [event.type for event in events][-1] == EventType.RUN_ERROR
    with running(emulator, session, run="block") as events:
        assert next(events).type == EventType.RUN_STARTED
        state = next(events)
        assert isinstance(state, StateSnapshotEvent)
        assert state.snapshot == {"runs": 2}
        if end == "dies":
            emulator.kill_session(session)
        else:
            client = emulator.client("bedrock-agentcore")
            client.stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=session)
        with pytest.raises(httpx.RemoteProtocolError):
            next(events)
    with running(emulator, session) as events:
        state = list(events)[1]
    assert isinstance(state, StateSnapshotEvent)
    assert state.snapshot == {"runs": 1}
