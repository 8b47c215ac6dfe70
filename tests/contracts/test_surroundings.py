"""What surrounds an agent in a test: the fixtures `clock` and `faults`, and the runtimes beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess

pytest_plugins = ["pytester"]

RunPytest = Callable[..., pytest.RunResult]

ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/probe-0123456789"
SURROUNDED = """
def test_clock(clock):
    before = clock.time()
    assert clock.advance(3600) >= before + 3600

@pytest.mark.parametrize("time", [1, 2])
def test_faults(agentcore, faults, time):
    assert list(faults) == []
    faults.add("throttle", operation="InvokeAgentRuntime", times=5)
    with pytest.raises(agentcore.client.exceptions.ThrottlingException):
        agentcore.invoke({})
"""
NEIGHBOUR = """
from contextlib import closing

def test_names(agentcore):
    with closing(agentcore.named("other")) as other:
        assert (agentcore.invoke({}).json, other.invoke({}).json) == ("default", "other")
    with pytest.raises(LookupError, match="there is no agent runtime nobody; `agentcore-contracts deploy` makes it"):
        agentcore.named("nobody")
"""


@pytest.fixture
def project(write_agent: Callable[[str], Path]) -> Path:
    """A folder with two agents, each of which answers its name."""
    agent = write_agent(
        """
        import os

        from bedrock_agentcore import BedrockAgentCoreApp

        app = BedrockAgentCoreApp()

        @app.entrypoint
        def entry(payload):
            attributes = os.environ["OTEL_RESOURCE_ATTRIBUTES"]
            return next(name for name in ("default", "other") if f"runtime/{name}-" in attributes)

        app.run()
        """
    )
    each = "\n  {0}:\n    name: {0}\n    entrypoint: " + agent.name
    text = "default_agent: default\nagents:" + each.format("default") + each.format("other") + "\n"
    (agent.parent / ".bedrock_agentcore.yaml").write_text(text)
    return agent.parent


def test_time_and_faults(run_pytest: RunPytest, project: Path) -> None:
    run_pytest(SURROUNDED, f"--agentcore-agent={project}").assert_outcomes(passed=3)


def test_no_fault_outlives_its_test(run_pytest: RunPytest, project: Path) -> None:
    """On an emulator that others use as well."""
    with EmulatorProcess(project) as emulator:
        run_pytest(SURROUNDED, "--agentcore-target", emulator.url).assert_outcomes(passed=3)
        assert list(emulator.faults) == []


def test_neither_is_on_aws(run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    result = run_pytest(SURROUNDED, "--agentcore-target", "aws", "--agentcore-arn", ARN, "-rs")
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED * nothing was measured: time cannot be moved on AWS",
            "SKIPPED * nothing was measured: faults cannot be ordered on AWS",
        ]
    )


def test_a_runtime_beside_it(run_pytest: RunPytest, project: Path) -> None:
    run_pytest(NEIGHBOUR, f"--agentcore-agent={project}").assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["--agentcore-agent", "--agentcore-python"])
def test_an_agent_only_where_an_emulator_is_started(run_pytest: RunPytest, option: str) -> None:
    result = run_pytest(NEIGHBOUR, "--agentcore-target", "http://127.0.0.1:9", f"{option}=agent")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option} needs the emulator that is started for a run*"])
