"""A real A2A agent behind the emulator, with the `a2a-sdk`'s own client and with boto3."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from a2a.client import A2ACardResolver, A2AClientError, Client, ClientConfig, ClientFactory
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest, StreamResponse, TaskState
from a2a.utils.errors import A2AError

from agentcore_emulator.testing import EmulatorProcess, new_session

EXAMPLE = Path(__file__).parents[2] / "examples" / "a2a"

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

BLOCKING = """
import asyncio
from a2a.helpers import new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from bedrock_agentcore.runtime import serve_a2a

calls = []


class Executor(AgentExecutor):
    async def execute(self, context, event_queue):
        if context.get_user_input() != "block":
            calls.append("count")
            await event_queue.enqueue_event(new_text_message(str(len(calls))))
            return
        task = new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        await TaskUpdater(event_queue, task.id, task.context_id).add_artifact([new_text_part("blocked")])
        await asyncio.Event().wait()

    async def cancel(self, context, event_queue):
        raise NotImplementedError


serve_a2a(Executor())
"""

Start = Callable[..., EmulatorProcess]


@pytest.fixture
def start(isolation: str, platform: str) -> Iterator[Start]:
    """Starts an emulator of one agent, for as long as the test lasts."""
    with contextlib.ExitStack() as stack:

        def start(agent: Path, *options: str) -> EmulatorProcess:
            own = ("--isolation", isolation, "--platform", platform, "--clock", "virtual", "--quirks", "off")
            return stack.enter_context(EmulatorProcess(agent, *own, *options))

        yield start


@pytest.fixture(params=["V1", "V2"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(emulator: EmulatorProcess) -> str:
    return f"{emulator.url}/runtimes/{quote(emulator.arn, safe='')}/invocations"


@contextlib.asynccontextmanager
async def found(emulator: EmulatorProcess, session: str, *, streaming: bool = True) -> AsyncIterator[Client]:
    """A client of the agent, found by its card."""
    async with httpx.AsyncClient(headers={SESSION: session}, timeout=60) as http:
        card = await A2ACardResolver(http, url_of(emulator)).get_agent_card()
        assert card.supported_interfaces[0].url == url_of(emulator)
        yield ClientFactory(ClientConfig(httpx_client=http, streaming=streaming)).create(card)


def send(client: Client, text: str) -> AsyncIterator[StreamResponse]:
    return client.send_message(SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER)))


async def say(client: Client, text: str) -> list[str]:
    """The texts of the agent's answer, in the order of their coming."""
    said = [get_stream_response_text(event) async for event in send(client, text)]
    return [text for text in said if text]


def test_the_example(start: Start) -> None:
    emulator = start(EXAMPLE)
    done = subprocess.run(
        [sys.executable, EXAMPLE / "client.py"],
        env=emulator.info["environment"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["agent", "['Buy milk']", "['Buy milk', 'Call Ada']"]


async def test_messages_and_tasks(start: Start) -> None:
    emulator = start(EXAMPLE)
    one, two = new_session(), new_session()
    async with found(emulator, one) as client, found(emulator, two) as other:
        assert await say(client, "a") == ["a"]
        assert await say(client, "b") == ["a", "b"]
        assert await say(other, "c") == ["c"]
        events = [event async for event in send(client, "d")]
        assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED
        task = await client.get_task(GetTaskRequest(id=events[0].task.id))
        assert [artifact.parts[0].text for artifact in task.artifacts] == ["a", "b", "d"]
        with pytest.raises(A2AError):
            await other.get_task(GetTaskRequest(id=task.id))
    async with found(emulator, one, streaming=False) as client:
        [event] = [event async for event in send(client, "e")]
        assert [artifact.parts[0].text for artifact in event.task.artifacts] == ["a", "b", "d", "e"]
        emulator.clock.advance(900)
        assert emulator.session(one)["reason"] == "idle for 900 s"
        [event] = [event async for event in send(client, "f")]
        assert [artifact.parts[0].text for artifact in event.task.artifacts] == ["f"], "cold"


@pytest.mark.parametrize("end", ["dies", "is stopped"])
async def test_a_session_that_ends_within_an_answer(start: Start, write_agent: Callable[[str], Path], end: str) -> None:
    agent = write_agent(BLOCKING)
    (agent.parent / ".bedrock_agentcore.yaml").write_text((EXAMPLE / ".bedrock_agentcore.yaml").read_text("utf-8"))
    emulator = start(agent.parent)
    session = new_session()
    async with found(emulator, session) as client:
        assert [await say(client, "count"), await say(client, "count")] == [["1"], ["2"]]
        events = send(client, "block")
        while get_stream_response_text(await anext(events)) != "blocked":
            pass
        if end == "dies":
            await asyncio.to_thread(emulator.kill_session, session)
        else:
            runtime = emulator.client("bedrock-agentcore")
            members = {"agentRuntimeArn": emulator.arn, "runtimeSessionId": session}
            await asyncio.to_thread(lambda: runtime.stop_runtime_session(**members))
        with pytest.raises(A2AClientError):
            await anext(events)
        assert await say(client, "count") == ["1"]


def test_boto3_gets_the_card(start: Start) -> None:
    emulator = start(EXAMPLE)
    client = emulator.client("bedrock-agentcore")
    answer = client.get_agent_card(agentRuntimeArn=emulator.arn)
    card = answer["agentCard"]
    assert (card["name"], card["supportedInterfaces"][0]["url"]) == ("agent", url_of(emulator))
    assert [session["session_id"] for session in emulator.sessions()] == [answer["runtimeSessionId"]]


async def test_a_runtime_that_does_not_let_the_version_through(start: Start) -> None:
    # As on AWS: the header A2A-Version is not on the allow-list, so the server takes the client for an older one.
    emulator = start(EXAMPLE / "agent.py", "--protocol", "A2A")
    async with found(emulator, new_session(), streaming=False) as client:
        with pytest.raises(A2AError, match=r"version '0.3' is not supported"):
            await say(client, "a")
