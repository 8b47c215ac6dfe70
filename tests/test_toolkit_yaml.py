import textwrap
from pathlib import Path

import pytest

from agentcore_emulator.auth.authorizer import Authorizer
from agentcore_emulator.config import ProjectError
from agentcore_emulator.toolkit_yaml import FILE_NAME, Agent, Memory, read

DISCOVERY = "https://idp.example.com/.well-known/openid-configuration"

MINIMAL = """
agents:
  one:
    name: one
    entrypoint: agent.py
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").touch()
    return tmp_path


def read_text(project: Path, text: str) -> list[Agent]:
    (project / FILE_NAME).write_text(textwrap.dedent(text), encoding="utf-8")
    return read(project / FILE_NAME)


def complaint(project: Path, text: str) -> str:
    with pytest.raises(ProjectError) as raised:
        read_text(project, text)
    message = str(raised.value)
    assert "\n" not in message
    return message.removeprefix(str(project / FILE_NAME))


def with_agent(*lines: str) -> str:
    return MINIMAL + "\n".join(f"    {line}" for line in lines) + "\n"


def test_what_is_left_out_has_the_defaults_of_aws(project: Path) -> None:
    assert read_text(project, MINIMAL) == [
        Agent(
            name="one",
            entrypoint=project / "agent.py",
            project_dir=project,
            protocol="HTTP",
            idle_timeout=900,
            max_lifetime=28_800,
            start_up_seconds=120,
            header_allowlist=frozenset(),
            agent_id=None,
            agent_arn=None,
            memory=None,
        )
    ]


def test_an_agent_from_a_zip_has_less_time_to_start(project: Path) -> None:
    [agent] = read_text(project, with_agent("deployment_type: direct_code_deploy"))
    assert agent.start_up_seconds == 30
    assert "deployment_type: 'zip' is not one of container" in complaint(project, with_agent("deployment_type: zip"))


def test_everything_that_is_honoured(project: Path) -> None:
    arn = "arn:aws:bedrock-agentcore:eu-west-1:210987654321:runtime/one-Ab12345678"
    [agent] = read_text(
        project,
        f"""
        default_agent: one
        agents:
          one:
            name: one
            language: python
            entrypoint: agent.py:handler
            deployment_type: container
            aws:
              region: eu-west-1
              protocol_configuration: {{server_protocol: mcp}}
              lifecycle_configuration: {{idle_runtime_session_timeout: 60, max_lifetime: 3600}}
            bedrock_agentcore: {{agent_id: one-Ab12345678, agent_arn: "{arn}", agent_session_id: null}}
            memory: {{mode: STM_ONLY, memory_id: mem-1234567890, memory_name: notes}}
            authorizer_configuration: {{customJWTAuthorizer: {{discoveryUrl: "{DISCOVERY}", allowedClients: [shop]}}}}
            request_header_configuration: {{requestHeaderAllowlist: [X-Tenant, Authorization]}}
        """,
    )
    assert agent == Agent(
        name="one",
        entrypoint=project / "agent.py",
        project_dir=project,
        protocol="MCP",
        idle_timeout=60,
        max_lifetime=3600,
        start_up_seconds=120,
        authorizer=Authorizer(discovery_url=DISCOVERY, clients=("shop",)),
        header_allowlist=frozenset({"x-tenant", "authorization"}),
        agent_id="one-Ab12345678",
        agent_arn=arn,
        memory=Memory("notes", "mem-1234567890", 30),
    )


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("{mode: NO_MEMORY}", None),
        ("{mode: STM_ONLY}", Memory("one", None, 30)),
        ("{mode: STM_ONLY, memory_name: notes, event_expiry_days: 7}", Memory("notes", None, 7)),
        ("{memory_id: notes-Ab12345678}", Memory("notes", "notes-Ab12345678", 30)),
        ("{mode: STM_AND_LTM, memory_name: notes}", Memory("notes", None, 30, long_term=True)),
    ],
)
def test_a_memory_that_is_deployed_or_to_be(project: Path, memory: str, expected: Memory | None) -> None:
    [agent] = read_text(project, with_agent(f"memory: {memory}"))
    assert agent.memory == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("{memory_id: m-1}", "not the id of a memory"),
        ("{mode: STM_ONLY, memory_name: 1st}", "not a memory's name"),
        ("{mode: STM_ONLY, event_expiry_days: 2}", "not a number of days between 3 and 3650"),
        ("{mode: STM_ONLY, event_expiry_days: soon}", "not a number of days"),
    ],
)
def test_a_memory_that_cannot_be(project: Path, memory: str, expected: str) -> None:
    assert expected in complaint(project, with_agent(f"memory: {memory}"))


def test_the_default_agent_comes_first(project: Path) -> None:
    text = """
    default_agent: two
    agents:
      one: {entrypoint: agent.py}
      two: {entrypoint: agent.py}
      three: {entrypoint: agent.py}
    """
    assert [agent.name for agent in read_text(project, text)] == ["two", "one", "three"]


def test_the_older_form_with_a_single_agent(project: Path) -> None:
    text = """
    name: old
    entrypoint: agent.py
    aws: {protocol_configuration: {server_protocol: A2A}}
    """
    [agent] = read_text(project, text)
    assert (agent.name, agent.protocol, agent.entrypoint) == ("old", "A2A", project / "agent.py")


def test_merge_keys_and_anchors_are_followed(project: Path) -> None:
    text = """
    agents:
      one: &common
        entrypoint: agent.py
        aws: {lifecycle_configuration: {max_lifetime: 120}}
      two:
        <<: *common
        name: two
    """
    assert [(agent.name, agent.max_lifetime) for agent in read_text(project, text)] == [("one", 120), ("two", 120)]


def test_an_entry_is_looked_for_beside_the_file_and_then_in_source_path(project: Path) -> None:
    (project / "src").mkdir()
    (project / "src" / "inner.py").touch()
    [beside] = read_text(project, with_agent("source_path: src"))
    assert (beside.entrypoint, beside.project_dir) == (project / "agent.py", project / "src")
    [inside] = read_text(project, "agents: {one: {entrypoint: inner.py, source_path: src}}")
    assert (inside.entrypoint, inside.project_dir) == (project / "src" / "inner.py", project / "src")
    [absolute] = read_text(project, f"agents: {{one: {{entrypoint: '{project}/src/inner.py'}}}}")
    assert (absolute.entrypoint, absolute.project_dir) == (project / "src" / "inner.py", project)


def test_a_short_lifetime_alone_shortens_the_idle_timeout(project: Path) -> None:
    [agent] = read_text(project, with_agent("aws: {lifecycle_configuration: {max_lifetime: 300}}"))
    assert (agent.idle_timeout, agent.max_lifetime) == (300, 300)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("name: my-agent", ":6: agents.one.name: 'my-agent' is not a runtime's name"),
        (f"name: {'a' * 49}", ":6: agents.one.name: 'aaa"),
        ("name: 7", ":6: agents.one.name: 7 is not a text; put it in quotes"),
        (
            "language: typescript",
            ":6: agents.one.language: 'typescript' agents are run by a command, as in --command 'node server.js'",
        ),
        ("entrypoint: missing.py", ":6: agents.one.entrypoint: there is no file "),
        ("entrypoint: main.ts", ":6: agents.one.entrypoint: 'main.ts' is not a Python file"),
        ("entrypoint: null", ":6: agents.one.entrypoint: is missing"),
        ("source_path: nowhere", ":6: agents.one.source_path: there is no folder "),
        ("aws: [1]", ":6: agents.one.aws: is not a mapping of names to values"),
        (
            "aws: {protocol_configuration: {server_protocol: GRPC}}",
            ":6: agents.one.aws.protocol_configuration.server_protocol: 'GRPC' is not one of HTTP, MCP, A2A, AGUI",
        ),
        (
            "aws: {lifecycle_configuration: {idle_runtime_session_timeout: 59}}",
            ":6: agents.one.aws.lifecycle_configuration.idle_runtime_session_timeout: "
            "59 is not between 60 and 28800 seconds",
        ),
        ("aws: {lifecycle_configuration: {max_lifetime: 28801}}", "28801 is not between 60 and 28800 seconds"),
        ("aws: {lifecycle_configuration: {max_lifetime: true}}", "True is not a whole number of seconds"),
        (
            "aws: {lifecycle_configuration: {idle_runtime_session_timeout: 100, max_lifetime: 99}}",
            ":6: agents.one.aws.lifecycle_configuration.idle_runtime_session_timeout: "
            "100 is more than max_lifetime, which is 99",
        ),
        ("bedrock_agentcore: {agent_arn: arn:aws:s3:::bucket}", "'arn:aws:s3:::bucket' is not the ARN of an agent"),
        ("bedrock_agentcore: {agent_id: one-2}", "'one-2' is not the id of an agent runtime"),
        (
            "request_header_configuration: {request_header_allowlist: [X-A]}",
            ":6: agents.one.request_header_configuration.request_header_allowlist: "
            "AgentCore has no such setting; did you mean requestHeaderAllowlist?",
        ),
        ("request_header_configuration: {requestHeaderAllowlist: []}", "it holds 0 names, and AgentCore takes 1 to 20"),
        ("request_header_configuration: {requestHeaderAllowlist: X-A}", "is not a list of header names"),
        (
            "request_header_configuration: {requestHeaderAllowlist: [X-A, Cookie]}",
            ":6: agents.one.request_header_configuration.requestHeaderAllowlist[1]: "
            "'Cookie' is a header that AgentCore never passes to an agent",
        ),
        (
            "request_header_configuration: {requestHeaderAllowlist: [Authorization]}",
            "'Authorization' may be allowed only with a customJWTAuthorizer in authorizer_configuration",
        ),
    ],
)
def test_a_bad_value_is_named_with_file_and_line(project: Path, line: str, message: str) -> None:
    # A key that comes a second time wins, as it does in PyYAML, so each case is the minimal file and one line more.
    assert message in complaint(project, with_agent(line))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agents:\n  one: {entrypoint: agent.py\n", ":3: this is not YAML: expected ',' or '}', but got "),
        ("agents: @here\n", ":1: this is not YAML: found character '@' that cannot start any token"),
        ("- a\n", ":1: the file: is not a mapping of names to values"),
        ("", ":1: agents: holds no agent"),
        ("agents: {}\n", ":1: agents: holds no agent"),
        ("agents: !!python/name:os.system x\n", ":1: this is not YAML: could not determine a constructor"),
        ("\ndefault_agent: two\nagents: {one: {entrypoint: agent.py}}\n", ":2: default_agent: there is no agent 'two'"),
        (
            "agents:\n  a: {name: same, entrypoint: agent.py}\n  b: {name: same, entrypoint: agent.py}\n",
            ":2: agents: two agents are called 'same'",
        ),
    ],
)
def test_a_file_of_another_shape_is_named_with_its_line(project: Path, text: str, message: str) -> None:
    assert complaint(project, text).startswith(message)


def test_bytes_that_are_no_text(project: Path) -> None:
    (project / FILE_NAME).write_bytes(b"agents: \xff\xfe\x00")
    with pytest.raises(ProjectError, match=r"\.bedrock_agentcore\.yaml is not text in UTF-8$"):
        read(project / FILE_NAME)


def test_a_value_that_holds_itself_ends_in_a_sentence(project: Path) -> None:
    assert "is not YAML" in complaint(project, "agents: &a {one: *a}\n")


def test_a_file_that_cannot_be_read(project: Path) -> None:
    (project / FILE_NAME).mkdir()
    with pytest.raises(ProjectError, match="cannot be read: Is a directory"):
        read(project / FILE_NAME)
