"""The reference agent in a real emulator, with a memory, under the strictest reading of the platform."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_client import AgentClient, Reply
from chat import latency_table

from agentcore_emulator.testing import EmulatorProcess

AGENT = Path(__file__).parents[2] / "agent" / "memory_agent.py"
_LATENCIES = pytest.StashKey[dict[str, list[float]]]()


def _new_memory(state: Path) -> str:
    with EmulatorProcess(AGENT, "--state-dir", str(state)) as emulator:
        control = emulator.client("bedrock-agentcore-control")
        memory: dict[str, str] = control.create_memory(name="agent_memory", eventExpiryDuration=30)["memory"]
    return memory["id"]


def _with_memory(state: Path, memory_id: str) -> EmulatorProcess:
    options = ("--state-dir", str(state), "--quirks", "strict")
    return EmulatorProcess(AGENT, *options, env={"BEDROCK_AGENTCORE_MEMORY_ID": memory_id})


@pytest.fixture(scope="session")
def agent_file() -> Path:
    return AGENT


@pytest.fixture(scope="session")
def new_memory() -> Callable[[Path], str]:
    """Creates an AgentCore Memory in a state folder and returns its id; the emulator that did it is gone by then."""
    return _new_memory


@pytest.fixture(scope="session")
def with_memory() -> Callable[[Path, str], EmulatorProcess]:
    """An emulator on a state folder whose agent has the AgentCore Memory of that id; not started yet."""
    return _with_memory


@pytest.fixture(scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def memory_id(_state: Path) -> str:
    """The AgentCore Memory of `remembering`."""
    return _new_memory(_state)


@pytest.fixture(scope="session")
def remembering(_state: Path, memory_id: str) -> Iterator[EmulatorProcess]:
    """One emulator for all tests that only need users of their own."""
    with _with_memory(_state, memory_id) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def visitor(remembering: EmulatorProcess) -> Callable[[], AgentClient]:
    """Makes clients: each a user whom nobody knows yet, in a session that does not exist yet."""
    boto = remembering.client("bedrock-agentcore")

    def new() -> AgentClient:
        return AgentClient(remembering.arn, user_id=f"user {uuid.uuid4()}", client=boto)

    return new


@pytest.fixture(scope="session")
def timed(request: pytest.FixtureRequest) -> Callable[[str, Reply], Reply]:
    """Notes how long an answer took, for the table at the end of the run, and hands it on."""
    latencies = request.config.stash.setdefault(_LATENCIES, {})

    def note(kind: str, reply: Reply) -> Reply:
        latencies.setdefault(kind, []).append(reply.seconds)
        return reply

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    latencies = config.stash.get(_LATENCIES, None)
    if latencies:
        terminalreporter.section("the reference agent's latencies")
        terminalreporter.write_line(latency_table(latencies))
