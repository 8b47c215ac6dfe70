from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agentcore_contracts import probe_memory, target
from agentcore_emulator.testing import EmulatorProcess

pytest_plugins = ["pytester"]

RunPytest = Callable[..., pytest.RunResult]

ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/probe-0123456789"
INVOKES = """
@contract("A-1", title="It answers", evidence="aws-docs", source="a page")
def test_it(agentcore):
    assert agentcore.invoke({"do": "count"}).json["count"] == 1
"""
REMEMBERS = """
@contract("A-2", title="It remembers", evidence="aws-docs", source="a page")
def test_memory(memory):
    memory.add("hello", "conversation")
"""


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def probe() -> Iterator[EmulatorProcess]:
    """An emulator that somebody else has started."""
    with EmulatorProcess(target.PROBE, *target.probe_options("off")) as emulator:
        yield emulator


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--agentcore-arn", ARN],
    ],
)
def test_aws_that_cannot_be_called(run_pytest: RunPytest, options: list[str]) -> None:
    """Everything is skipped, nothing is claimed, and the run is no failure."""
    reason = "there are no AWS credentials in the environment, in a profile or on this machine"
    result = run_pytest(INVOKES + REMEMBERS, "--agentcore-target", "aws", *options, "-rs")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(skipped=2)
    # In this order: the summary is not lost above a long list of what was skipped.
    result.stdout.fnmatch_lines(
        [
            f"SKIPPED * nothing was measured: {reason}",
            "aws-docs * 0 * 0 * 2",
            f"NOTHING WAS MEASURED: {reason}.",
            "*2 skipped*",
        ]
    )


@pytest.mark.usefixtures("no_credentials")
def test_credentials_that_cannot_be_read(run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    result = run_pytest(INVOKES, "--agentcore-target", "aws", "--agentcore-arn", ARN)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["NOTHING WAS MEASURED: the AWS credentials cannot be used: *(nobody)*"])


def test_the_arn_may_be_in_the_environment(run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCORE_RUNTIME_ARN", ARN)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    source = """
def test_it(agentcore):
    assert (agentcore.arn, agentcore.region, agentcore.is_aws) == ("{}", "us-east-1", True)
"""
    run_pytest(source.format(ARN), "--agentcore-target", "aws").assert_outcomes(passed=1)


def test_a_memory_on_aws_may_be_named(run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an option, or in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    source = "def test_it(memory): assert memory.id == 'mine-0123456789'"
    options = ("--agentcore-target", "aws", "--agentcore-arn", ARN)
    run_pytest(source, *options, "--agentcore-memory-id", "mine-0123456789").assert_outcomes(passed=1)
    monkeypatch.setenv("AGENTCORE_MEMORY_ID", "mine-0123456789")
    run_pytest(source, *options).assert_outcomes(passed=1)


@pytest.mark.usefixtures("no_credentials")
def test_the_memory_on_aws_is_the_one_that_is_deployed(
    run_pytest: RunPytest, probe: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made there: without it, everything that needs one is skipped. An emulator stands in for AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    source = f"""
@pytest.fixture(scope="session", autouse=True)
def from_a_deployed_runtime(agentcore):
    agentcore.control = lambda: __import__("boto3").client(
        "bedrock-agentcore-control", region_name="us-east-1", endpoint_url={probe.url!r})

def test_it(memory):
    assert memory.id.startswith("agentcore_contracts-")
"""
    options = ("--agentcore-target", "aws", "--agentcore-arn", ARN, "-rs")
    with closing(probe.client("bedrock-agentcore-control")) as control:
        result = run_pytest(source, *options)
        result.assert_outcomes(skipped=1)
        result.stdout.fnmatch_lines(["SKIPPED * there is no memory agentcore_contracts in us-east-1; *"])
        assert control.list_memories()["memories"] == []
        made = control.create_memory(**probe_memory.definition())["memory"]["id"]
        run_pytest(source, *options).assert_outcomes(passed=1)
        control.delete_memory(memoryId=made)


def test_an_emulator_is_given_a_memory_like_the_deployed_one(run_pytest: RunPytest, probe: EmulatorProcess) -> None:
    """For the run, unless it has that one."""
    source = """
from agentcore_contracts import probe_memory

def test_it(agentcore, memory):
    shown = agentcore.control().get_memory(memoryId=memory.id)["memory"]
    print(f"the memory is {shown['name']}")
    wanted = probe_memory.definition()
    assert shown["indexedKeys"] == wanted["indexedKeys"]
    assert len(shown["strategies"]) == len(wanted["memoryStrategies"])
"""
    options = ("--agentcore-target", probe.url, "-s")
    with closing(probe.client("bedrock-agentcore-control")) as control:
        result = run_pytest(source, *options)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["*the memory is contracts_*"])
        assert control.list_memories()["memories"] == []
        made = control.create_memory(**probe_memory.definition())["memory"]["id"]
        result = run_pytest(source, *options)
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["*the memory is agentcore_contracts*"])
        assert [memory["id"] for memory in control.list_memories()["memories"]] == [made]
        control.delete_memory(memoryId=made)


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("arn", ["x", "probe-0123456789", "arn:aws:iam::123456789012:role/x"])
def test_an_arn_of_something_else(run_pytest: RunPytest, arn: str) -> None:
    result = run_pytest(INVOKES, "--agentcore-target", "aws", "--agentcore-arn", arn)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*Exit: * is not the ARN of an agent runtime, arn:aws:bedrock-agentcore:*"])


def test_an_emulator_that_runs_already(run_pytest: RunPytest, probe: EmulatorProcess) -> None:
    """It is left as it was found: no session, no memory."""
    result = run_pytest(INVOKES + REMEMBERS, "--agentcore-target", probe.url)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"target: the emulator at {probe.url}"])
    assert probe.sessions() == []
    with closing(probe.client("bedrock-agentcore-control")) as control:
        assert control.list_memories()["memories"] == []


def test_a_memory_that_exists(run_pytest: RunPytest, probe: EmulatorProcess) -> None:
    with closing(probe.client("bedrock-agentcore-control")) as control:
        memory_id = control.create_memory(name="mine", eventExpiryDuration=7)["memory"]["id"]
        options = ("--agentcore-target", probe.url, "--agentcore-memory-id", memory_id)
        run_pytest(REMEMBERS, *options).assert_outcomes(passed=1)
        assert [memory["id"] for memory in control.list_memories()["memories"]] == [memory_id]
        control.delete_memory(memoryId=memory_id)


def test_a_runtime_that_the_emulator_does_not_have(run_pytest: RunPytest, probe: EmulatorProcess) -> None:
    result = run_pytest(INVOKES, "--agentcore-target", probe.url, "--agentcore-arn", ARN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ResourceNotFoundException*"])


def test_a_proxy_is_not_asked_for_an_emulator(
    run_pytest: RunPytest, probe: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    posts = """
def test_post(agentcore):
    assert agentcore.post("invocations", headers={}, body=b'{"do": "count"}').status == 200
"""
    run_pytest(INVOKES + posts, "--agentcore-target", probe.url).assert_outcomes(passed=2)


def test_nobody_at_the_url(run_pytest: RunPytest) -> None:
    result = run_pytest(INVOKES, "--agentcore-target", "http://127.0.0.1:9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*Exit: --agentcore-target: no emulator answers at http://127.0.0.1:9: *"])


def test_another_agent_than_the_probe(pytester: pytest.Pytester, write_agent: Callable[[str], Path]) -> None:
    """Our own contracts say so once, instead of failing one by one."""
    agent = write_agent(
        """
        from bedrock_agentcore import BedrockAgentCoreApp

        app = BedrockAgentCoreApp()

        @app.entrypoint
        def entry(payload):
            return "hello"

        app.run()
        """
    )
    with EmulatorProcess(agent, "--quirks", "off") as emulator:
        options = ("-p", "no:asyncio", "-p", "no:cacheprovider", "--agentcore-target", emulator.url)
        result = pytester.runpytest_subprocess(*options, "--pyargs", "agentcore_contracts.contracts")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*Exit: the agent at arn:aws:* is not the probe agent, * (it answered: hello)*"])


PROTOCOLS = """
from agentcore_contracts.contracts.conftest import a2a, agui, jwt, mcp, v2

@pytest.mark.parametrize("name", ["mcp", "a2a", "agui", "jwt", "v2"])
def test_it(request, name):
    runtime = request.getfixturevalue(name)
    assert f"contracts_{name}-" in runtime.arn
"""


def test_runtimes_of_the_probe_that_are_not_there(run_pytest: RunPytest) -> None:
    """The file alone is one agent, which is called after the file."""
    result = run_pytest(PROTOCOLS, f"--agentcore-agent={target.PROBE / 'agent.py'}", "-rs")
    result.assert_outcomes(skipped=5)
    for name in ("mcp", "a2a", "agui", "jwt", "v2"):
        result.stdout.fnmatch_lines([f"SKIPPED * nothing was measured: there is no agent runtime contracts_{name}; *"])


def test_runtimes_of_the_probe(run_pytest: RunPytest, probe: EmulatorProcess) -> None:
    run_pytest(PROTOCOLS, "--agentcore-target", probe.url).assert_outcomes(passed=5)


def test_the_probe_all_on_v1(run_pytest: RunPytest) -> None:
    with EmulatorProcess(target.PROBE, *target.probe_options("off", alone=True)) as emulator:
        result = run_pytest(PROTOCOLS, "--agentcore-target", emulator.url, "-rs")
    result.assert_outcomes(passed=4, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * start the emulator with --platform contracts_v2=V2"])
