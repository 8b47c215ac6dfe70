import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from agentcore_emulator.cli import options
from agentcore_emulator.config import Platforms, Settings
from agentcore_emulator.quirks import Quirks

Parse = Callable[..., Settings]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with an empty project, and an environment that sets no option."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in inspect.signature(options.settings).parameters:
        monkeypatch.delenv(f"{options.ENVIRONMENT_PREFIX}{name.upper()}", raising=False)
    return tmp_path


@pytest.fixture
def parse(project: Path) -> Parse:
    """Parses a command line as `start` does; the settings, or typer's exception."""
    seen: list[Settings] = []
    app = typer.Typer(add_completion=False)
    app.command()(options.with_settings(lambda _, settings: seen.append(settings)))

    def run(*arguments: str) -> Settings:
        app(args=list(arguments), standalone_mode=False)
        return seen[-1]

    return run


def table(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.agentcore-emulator]\n{text}\n", encoding="utf-8")


def test_what_nobody_sets_has_the_documented_default(parse: Parse, project: Path) -> None:
    settings = parse()
    assert settings == Settings(
        target=None,
        host="127.0.0.1",
        port=4747,
        state_dir=project / ".agentcore-emulator",
        ephemeral=False,
        quirks=Quirks.parse("warn"),
        python=None,
        env_file=None,
        passthrough=frozenset(),
        debug=False,
        allow_host=(),
        model_rules=None,
        faults=None,
        latency="none",
        memory_delays="none",
        retrieval="text",
        extraction="rules",
        extraction_delay=0.0,
    )


def test_every_option_has_a_flag(parse: Parse) -> None:
    assert parse(
        "agent.py", "--host", "::1", "--port", "0", "--state-dir", "/s", "--ephemeral", "--quirks", "off",
        "--python", "python3", "--env-file", "e", "--passthrough", "bedrock-runtime,s3", "--debug",
        "--allow-host", "a.test, b.test", "--model-rules", "r.yaml", "--faults", "f.yaml", "--latency", "observed",
        "--memory-delays", "observed", "--retrieval", "embeddings", "--extraction", "model", "--extraction-delay", "20",
    ) == Settings(
        target=Path("agent.py"), host="::1", port=0, state_dir=Path("/s"), ephemeral=True, quirks=Quirks.parse("off"),
        python=Path("python3"), env_file=Path("e"), passthrough=frozenset({"bedrock-runtime", "s3"}), debug=True,
        allow_host=("a.test", "b.test"), model_rules=Path("r.yaml"), faults=Path("f.yaml"), latency="observed",
        memory_delays="observed", retrieval="embeddings", extraction="model", extraction_delay=20.0,
    )  # fmt: skip


# Every option of the table, as (its name, a text for it, the setting's value then).
EVERY_OPTION = [
    ("target", "agent.py", Path("agent.py")),
    ("host", "::1", "::1"),
    ("port", "9", 9),
    ("state-dir", "/s", Path("/s")),
    ("store", "postgresql+psycopg://ada@db.test/notes", "postgresql+psycopg://ada@db.test/notes"),
    ("ephemeral", "true", True),
    ("quirks", "off", Quirks.parse("off")),
    ("python", "python3", Path("python3")),
    ("env-file", "/e", Path("/e")),
    ("passthrough", "s3", frozenset({"s3"})),
    ("debug", "true", True),
    ("allow-host", "a.test", ("a.test",)),
    ("model-rules", "/r", Path("/r")),
    ("platform", "V1,a=V2", Platforms("V1", {"a": "V2"})),
    ("protocol", "MCP", "MCP"),
    ("clock", "virtual", "virtual"),
    ("idle-timeout", "60", 60),
    ("max-lifetime", "1209600", 1_209_600),
    ("busy-needs-time", "true", True),
    ("session-storage", "/mnt/data/", "data"),
    ("isolation", "plain", "plain"),
    ("microvms", "spawn", "spawn"),
    ("command", 'node "my server.js"', ("node", "my server.js")),
    ("reload", "true", True),
    ("guest-time", "true", True),
    ("limits", "true", True),
    ("faults", "/f", Path("/f")),
    ("latency", "observed", "observed"),
    ("memory-delays", "observed", "observed"),
    ("retrieval", "embeddings", "embeddings"),
    ("extraction", "model", "model"),
    ("extraction-delay", "2.5", 2.5),
    ("verify-signatures", "true", True),
]


@pytest.mark.parametrize(("name", "text", "value"), EVERY_OPTION)
def test_every_option_can_come_from_the_environment(
    parse: Parse, monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    attribute = name.replace("-", "_")
    monkeypatch.setenv(f"AGENTCORE_EMULATOR_{attribute.upper()}", text)
    assert getattr(parse(), attribute) == value


@pytest.mark.parametrize(("name", "text", "value"), EVERY_OPTION)
def test_every_option_can_come_from_the_project(
    parse: Parse, project: Path, name: str, text: str, value: object
) -> None:
    table(project, f"{name} = '{text}'")
    expected = project / "agent.py" if name == "target" else value
    assert getattr(parse(), name.replace("-", "_")) == expected


def test_no_option_was_forgotten_above() -> None:
    names = [name for name in inspect.signature(options.settings).parameters if name != "ctx"]
    assert [name.replace("-", "_") for name, _, _ in EVERY_OPTION] == names


def test_a_flag_goes_before_the_environment_and_that_before_the_project(
    parse: Parse, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(project, 'port = 1\nquirks = "strict"\nephemeral = true')
    assert parse().port == 1
    monkeypatch.setenv("AGENTCORE_EMULATOR_PORT", "2")
    assert parse().port == 2
    assert parse("--port", "3").port == 3
    assert parse("--quirks", "off").quirks == Quirks.parse("off")
    assert parse("--no-ephemeral").ephemeral is False


def test_the_table_is_that_of_the_targets_project(parse: Parse, project: Path) -> None:
    table(project, "port = 1")
    other = project / "other"
    (other / "src").mkdir(parents=True)
    table(other, 'port = 2\nstate-dir = "state"')
    settings = parse("other/src/agent.py")
    assert (settings.port, settings.state_dir) == (2, other / "state")


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--quirks", "loud", "'loud' is not a level of a quirk; the levels are strict, warn, off"),
        ("--passthrough", "s3,bedrock-runtim", "there is no AWS service 'bedrock-runtim'; did you mean "),
        ("--latency", "slow", "'slow' is not one of none, observed"),
        ("--memory-delays", "slow", "'slow' is not one of none, observed"),
        ("--extraction-delay", "soon", "'soon' is not a number of seconds from 0 to 315360000"),
        ("--extraction-delay", "nan", "'nan' is not a number of seconds from 0 to 315360000"),
        ("--extraction-delay", "-1", "'-1' is not a number of seconds from 0 to 315360000"),
        ("--passthrough", "zzzzzzzz", "there is no AWS service 'zzzzzzzz', by the names that boto3.client"),
        ("--platform", "V3", "'V3' is not one of AgentCore's platform versions, V1 and V2"),
        ("--command", " ", "it names no program"),
        ("--command", 'a "b', "No closing quotation"),
        ("--session-storage", "/data", "'/data' is not one folder below /mnt, as in /mnt/data"),
        ("--session-storage", "/mnt/..", "'/mnt/..' is not one folder below /mnt"),
    ],
)
def test_a_bad_value_names_where_it_came_from(
    parse: Parse, project: Path, monkeypatch: pytest.MonkeyPatch, flag: str, value: str, message: str
) -> None:
    name = flag.removeprefix("--")
    variable = f"AGENTCORE_EMULATOR_{name.replace('-', '_').upper()}"
    with pytest.raises(typer.BadParameter) as raised:
        parse(flag, value)
    assert raised.value.message.startswith(f"{flag}: {message}")
    table(project, f"{name} = '{value}'")
    with pytest.raises(typer.BadParameter) as raised:
        parse()
    assert raised.value.message.startswith(f"'{name}' in {project / 'pyproject.toml'}: {message}")
    monkeypatch.setenv(variable, value)
    with pytest.raises(typer.BadParameter) as raised:
        parse()
    assert raised.value.message.startswith(
        f"AGENTCORE_EMULATOR_{name.replace('-', '_').upper()} in the environment: {message}"
    )


def test_a_wrong_table_stops_every_command(parse: Parse, project: Path) -> None:
    table(project, "prot = 1")
    with pytest.raises(typer.TyperException, match="has no option 'prot'; did you mean 'port'"):
        parse()
