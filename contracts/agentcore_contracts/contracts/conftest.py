"""What all contracts share."""

from __future__ import annotations

import pytest
from packaging.version import Version

from agentcore_contracts import profiles
from agentcore_contracts.declaration import MARK
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
    return Version(agentcore.invoke({"do": "versions"}).json["bedrock-agentcore"])


@pytest.fixture(autouse=True)
def _since(request: pytest.FixtureRequest, sdk: Version) -> None:
    """Skip what the probe's SDK is too old for."""
    since: str = request.node.get_closest_marker(MARK).args[0].since
    if sdk < Version(since):
        pytest.skip(f"needs bedrock-agentcore {since}, and the probe runs on {sdk}")


@pytest.fixture
def session(agentcore: AgentCore) -> str:
    """A session id that nobody has used."""
    return agentcore.new_session()


@pytest.fixture(scope="module")
def warm_session(agentcore: AgentCore) -> str:
    """A session for the many examples of a property that leaves nothing behind in it."""
    return agentcore.new_session()
