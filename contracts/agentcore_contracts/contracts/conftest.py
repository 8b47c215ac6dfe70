"""What all contracts share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from packaging.version import Version

from agentcore_contracts import profiles
from agentcore_contracts.contracts.tokens import Issuer
from agentcore_contracts.declaration import MARK
from agentcore_contracts.long_term import LongTerm
from agentcore_contracts.memory import Memory
from agentcore_contracts.runtime import AgentCore


def pytest_configure(config: pytest.Config) -> None:
    """Before the modules are imported, since that is when Hypothesis looks at its profile."""
    profiles.load(config)


_PROBE_COUNTS = {"count", "module", "pid", "session"}


@pytest.fixture(scope="session")
def sdk(agentcore: AgentCore) -> Version:
    """The version of the probe's SDK.

    Ends the run when another agent than the probe is behind the ARN: nothing that it answers would mean anything.
    """
    try:
        answer = agentcore.invoke({"do": "count"}).json
    except (agentcore.client.exceptions.RuntimeClientError, ValueError) as error:
        answer = error
    if not isinstance(answer, dict) or answer.keys() != _PROBE_COUNTS:
        pytest.exit(
            f"the agent at {agentcore.arn} is not the probe agent, which these contracts call (it answered: {answer});"
            " deploy or start the folder agentcore_contracts/probe",
            pytest.ExitCode.USAGE_ERROR,
        )
    agentcore.versions = agentcore.invoke({"do": "versions"}).json
    return Version(agentcore.versions["bedrock-agentcore"])


@pytest.fixture(autouse=True)
def _since(request: pytest.FixtureRequest, sdk: Version) -> None:
    """Skip what the probe's SDK is too old for."""
    since: str = request.node.get_closest_marker(MARK).args[0].since
    if sdk < Version(since):
        pytest.skip(f"needs bedrock-agentcore {since}, and the probe runs on {sdk}")


@pytest.fixture(scope="module")
def runtime(agentcore: AgentCore) -> AgentCore:
    """The agent runtime whose sessions the following two give; modules about another one have their own."""
    return agentcore


@pytest.fixture
def session(runtime: AgentCore) -> str:
    """A session id that nobody has used."""
    return runtime.new_session()


@pytest.fixture(scope="module")
def warm_session(runtime: AgentCore) -> str:
    """A session for the many examples of a property that leaves nothing behind in it."""
    return runtime.new_session()


@pytest.fixture(scope="session")
def mcp(agentcore: AgentCore) -> Iterator[AgentCore]:
    """The probe as an MCP server."""
    yield from _named(agentcore, "contracts_mcp")


@pytest.fixture(scope="session")
def a2a(agentcore: AgentCore) -> Iterator[AgentCore]:
    """The probe as an A2A server."""
    yield from _named(agentcore, "contracts_a2a")


@pytest.fixture(scope="session")
def agui(agentcore: AgentCore) -> Iterator[AgentCore]:
    """The probe as an AG-UI agent."""
    yield from _named(agentcore, "contracts_agui")


@pytest.fixture(scope="session")
def jwt(agentcore: AgentCore) -> Iterator[AgentCore]:
    """The probe with an authorizer. Skips on AWS."""
    if agentcore.is_aws:
        pytest.skip("nothing was measured: the tokens of these contracts are those of an emulator's issuer")
    yield from _named(agentcore, "contracts_jwt")


@pytest.fixture(scope="session")
def issuer(jwt: AgentCore) -> Issuer:
    """Who makes tokens for that."""
    return Issuer(jwt)


@pytest.fixture(scope="session")
def v2(agentcore: AgentCore) -> Iterator[AgentCore]:
    """The probe on platform version V2. Skips at an emulator that was started with it on V1."""
    for runtime in _named(agentcore, "contracts_v2"):
        with closing(runtime.control()) as control:
            found = control.get_agent_runtime(agentRuntimeId=runtime.arn.rpartition("/")[2])
        if found["platformVersion"] != "V2":
            pytest.skip("nothing was measured: start the emulator with --platform contracts_v2=V2")
        yield runtime


def _named(agentcore: AgentCore, name: str) -> Iterator[AgentCore]:
    try:
        runtime = agentcore.named(name)
    except LookupError as error:
        pytest.skip(f"nothing was measured: {error}")
    with closing(runtime):
        yield runtime


@pytest.fixture(scope="session")
def _shown_memory(agentcore: AgentCore, _memory_id: str) -> dict[str, Any]:
    """Asked for once, as nobody changes it."""
    with closing(agentcore.control()) as control:
        shown: dict[str, Any] = control.get_memory(memoryId=_memory_id)["memory"]
    return shown


@pytest.fixture
def long_term(memory: Memory, _shown_memory: dict[str, Any]) -> LongTerm:
    """What extraction makes of an actor's conversations; the actor is that of `memory`."""
    return LongTerm(memory, _shown_memory)
