import re
import subprocess
import sys
from pathlib import Path

import pytest

from agentcore_emulator import __version__
from agentcore_emulator.cli import parse

from .conftest import Run, the_one_line


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"{__version__}\n"


@pytest.mark.parametrize("command", ["start", "exec", "env"])
def test_every_command_has_a_help_page(call: Run, command: str) -> None:
    page = call(command, "--help")
    assert page.returncode == 0
    assert page.stderr == ""
    assert page.stdout.startswith(f"Usage: agentcore-emulator {command} ")


def test_nothing_to_do_shows_what_there_is(call: Run) -> None:
    page = call()
    assert page.returncode == 2
    assert "start" in page.stdout
    assert "[tool.agentcore-emulator]" in page.stdout


def test_a_help_page_waits_for_nothing_that_it_does_not_need() -> None:
    script = """
import sys
from agentcore_emulator.cli import main
assert main(["start", "--help"]) == 0
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = shown.stdout.splitlines()[-1].split()
    assert "typer" in modules
    heavy = {"boto3", "botocore", "httpx", "moto", "rich", "sqlalchemy", "starlette", "uvicorn", "uvloop", "yaml"}
    assert heavy.isdisjoint(modules)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["strat"], "No such command 'strat'. Did you mean 'start'? (`agentcore-emulator --help` lists what there is)"),
        (["start", "--prot", "1"], "No such option: --prot"),
        (["start", "a.py", "b.py"], "Got unexpected extra argument"),
        (["start", "--port", "x"], "--port: Input should be a valid integer"),
        (["start", "--port", "65536"], "--port: Input should be less than or equal to 65535"),
        (["start", "--quirks", "loud"], "--quirks: 'loud' is not a level of a quirk"),
        (["env", "extra"], "Got unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_status_2(call: Run, arguments: list[str], message: str) -> None:
    ended = call(*arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert the_one_line(ended.stderr).startswith(message)


def test_the_variable_of_a_bad_value_is_named(call: Run) -> None:
    ended = call("start", AGENTCORE_EMULATOR_PORT="x")
    assert ended.returncode == 2
    assert the_one_line(ended.stderr).startswith("AGENTCORE_EMULATOR_PORT in the environment: Input should be")


def test_what_start_would_be_told_can_be_asked_for(tmp_path: Path) -> None:
    hook = sys.excepthook
    settings = parse([str(tmp_path), "--clock", "virtual", "--idle-timeout", "60"])
    assert (settings.target, settings.clock, settings.idle_timeout) == (tmp_path, "virtual", 60)
    assert sys.excepthook is hook
    for arguments, sentence in (
        (["--idle-timeout", "1"], "--idle-timeout: Input should be greater than or equal to 60"),
        (["--help"], "No such option: --help (`agentcore-emulator start --help` lists what there is)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            parse([str(tmp_path), *arguments])
