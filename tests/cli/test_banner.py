import io
from pathlib import Path

import pytest
from rich.console import Console

from agentcore_emulator.cli import banner
from agentcore_emulator.config import Settings
from agentcore_emulator.project import AgentRuntime, load
from agentcore_emulator.quirks import Quirks

URL = "http://127.0.0.1:4747"


@pytest.fixture
def runtimes(tmp_path: Path) -> list[AgentRuntime]:
    (tmp_path / "agent.py").touch()
    name = "a" * 48
    (tmp_path / ".bedrock_agentcore.yaml").write_text(
        f"agents: {{{name}: {{entrypoint: agent.py}}, b: {{entrypoint: agent.py,"
        " aws: {protocol_configuration: {server_protocol: MCP}}}}"
    )
    return load(Settings(target=tmp_path))


def shown(settings: Settings, runtimes: list[AgentRuntime], url: str = URL, *, colour: bool = False) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, highlight=False, width=80, force_terminal=colour)
    banner.show(console, settings, runtimes, {}, url, "http://127.0.0.1:14747")
    return text.getvalue().splitlines()


def test_it_names_what_there_is_and_what_to_type(runtimes: list[AgentRuntime], tmp_path: Path) -> None:
    lines = shown(Settings(quirks=Quirks.parse("warn,truncation=off"), state_dir=tmp_path / "state"), runtimes)
    text = "\n".join(lines)
    # Whole, although they are longer than the console is wide: someone may want to copy them.
    assert f"HTTP agent  {runtimes[0].name}  {runtimes[0].arn}  (default)" in text
    assert f"MCP agent   b  {runtimes[1].arn}" in text
    assert "warn,truncation=off" in text
    assert f"{tmp_path / 'state'}/" in text
    assert 'eval "$(agentcore-emulator env)"' in text
    assert f"{URL}  (this machine only)" in text
    assert "by the proxy http://127.0.0.1:14747, for clients that insist on them" in text
    assert "WARNING" not in text
    assert lines[-1].startswith("Ready")
    assert URL in lines[-1]


def test_another_port_is_part_of_the_next_command(runtimes: list[AgentRuntime]) -> None:
    text = "\n".join(shown(Settings(), runtimes, "http://127.0.0.1:5000"))
    assert 'eval "$(agentcore-emulator env --url http://127.0.0.1:5000)"' in text


def test_what_is_out_of_the_ordinary_is_said(runtimes: list[AgentRuntime]) -> None:
    text = "\n".join(shown(Settings(debug=True, ephemeral=True, passthrough=frozenset({"s3"})), runtimes))
    assert "deadlines and health pings are off" in text
    assert "kept until the emulator ends" in text
    assert "s3  (with your own credentials)" in text


def test_where_memory_is_kept_is_said_without_a_password(runtimes: list[AgentRuntime]) -> None:
    settings = Settings(store="postgresql+psycopg://ada:secret@db.test/notes")
    text = "\n".join(shown(settings, runtimes))
    assert "database notes at db.test" in text
    assert "secret" not in text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "build-server"])
def test_an_open_door_is_shouted_about(runtimes: list[AgentRuntime], host: str) -> None:
    lines = shown(Settings(host=host), runtimes)
    assert any(line.startswith(f"WARNING: listening on {host}") for line in lines)
    assert "this machine only" not in "\n".join(lines)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_not(runtimes: list[AgentRuntime], host: str) -> None:
    assert not any("WARNING" in line for line in shown(Settings(host=host), runtimes))


def test_ready_starts_its_line_in_colour_too(runtimes: list[AgentRuntime]) -> None:
    lines = shown(Settings(), runtimes, colour=True)
    assert "\x1b[" in lines[0]
    assert lines[-1].startswith("Ready")
