"""`python -m agentcore_contracts.parity`, with stand-ins for the commands that it runs; AWS itself is never called."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from agentcore_contracts.parity import __main__, recording
from agentcore_contracts.parity.__main__ import compare
from agentcore_contracts.parity.recording import Head, Recording
from agentcore_contracts.parity.results import Promise, Run

MakePromise = Callable[..., Promise]
MakeRun = Callable[..., Run]


class Commands:
    """Runs nothing: keeps what is asked for, and leaves behind what pytest would. `failing` exit with 1."""

    def __init__(self, run: Run, *failing: str) -> None:
        self.asked: list[list[str]] = []
        self._run = run
        self._failing = failing

    @property
    def names(self) -> list[str]:
        return [self._name(command) for command in self.asked]

    def _name(self, command: list[str]) -> str:
        if command[2] == "agentcore_contracts.deploy":
            return command[3]
        return "record" if any(option.startswith("--agentcore-record=") for option in command) else "replay"

    def __call__(self, command: list[str]) -> int:
        self.asked.append(command)
        name = self._name(command)
        options = dict(option.split("=", 1) for option in command if "=" in option)
        if f"interrupt {name}" in self._failing:
            raise KeyboardInterrupt
        if name == "record" and "record nothing" not in self._failing:
            head = Head(self._run.role, "eu-west-1", self._run.date, {})
            recording.write(Path(options["--agentcore-record"]), Recording("A-1", head, {}))
        if name in ("record", "replay"):
            Path(options["--agentcore-results"]).write_text(json.dumps({"format": 1, **asdict(self._run)}))
        return int(name in self._failing)


@pytest.fixture
def on_aws(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> Callable[..., tuple[int, Commands, str]]:
    """Compares with AWS; the exit status, the commands and the first line of the report."""
    (tmp_path / "out").mkdir()
    run = make_run(promise("A-1"), role="aws", target="AWS", region="eu-west-1")

    def compared(*failing: str) -> tuple[int, Commands, str]:
        commands = Commands(run, *failing)
        status = compare("eu-west-1", tmp_path / "out", tmp_path / "recordings", ["-x"], commands)
        return status, commands, (tmp_path / "out" / "parity.md").read_text("utf-8").splitlines()[0]

    return compared


def test_aws(on_aws: Callable[..., tuple[int, Commands, str]], tmp_path: Path) -> None:
    status, commands, first = on_aws()
    assert status == 0
    assert commands.names == ["deploy", "record", "destroy", "deploy", "replay", "destroy"]
    deploy, record, destroy, here, replay, _ = commands.asked
    assert deploy[4:] == destroy[4:] == ["--region", "eu-west-1", "--yes"]
    assert record[record.index("--agentcore-target") + 1] == "aws"
    assert f"--agentcore-record={tmp_path / 'recordings'}" in record
    assert here[here.index("--endpoint-url") + 1] == replay[replay.index("--agentcore-target") + 1]
    assert replay[replay.index("--agentcore-target") + 1].startswith("http://127.0.0.1:")
    assert f"--agentcore-replay={tmp_path / 'recordings' / 'aws' / '2026-11-24'}" in replay
    assert "-x" in record
    assert "-x" in replay
    assert first.startswith("**Measured on AWS: ")


@pytest.mark.parametrize("failing", ["record", "replay", "record nothing"])
def test_all_is_destroyed_after_a_failure(on_aws: Callable[..., tuple[int, Commands, str]], failing: str) -> None:
    status, commands, _ = on_aws(failing)
    assert status == int(failing != "record nothing")
    assert "destroy" in commands.names


def test_nothing_is_measured_where_nothing_is_deployed(on_aws: Callable[..., tuple[int, Commands, str]]) -> None:
    status, commands, first = on_aws("deploy")
    assert status == 1
    assert commands.names == ["deploy", "destroy"]
    assert first == "**Nothing of this was measured on AWS.**"


@pytest.mark.parametrize("when", ["deploy", "record"])
def test_all_is_destroyed_after_an_interruption(
    tmp_path: Path, promise: MakePromise, make_run: MakeRun, when: str
) -> None:
    commands = Commands(make_run(promise("A-1"), role="aws"), f"interrupt {when}")
    with pytest.raises(KeyboardInterrupt):
        compare("eu-west-1", tmp_path, tmp_path / "recordings", [], commands)
    assert commands.names[-1] == "destroy"


def test_what_was_not_destroyed_is_told(
    on_aws: Callable[..., tuple[int, Commands, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    on_aws("destroy")
    assert "run `agentcore-contracts destroy --region eu-west-1` again" in capsys.readouterr().err


def test_an_emulator_in_the_role_of_aws(tmp_path: Path, promise: MakePromise, make_run: MakeRun) -> None:
    commands = Commands(make_run(promise("A-1")))
    assert compare(None, tmp_path, tmp_path / "recordings", [], commands) == 0
    assert commands.names == ["deploy", "record", "destroy", "deploy", "replay", "destroy"]
    deploy, record, *_ = commands.asked
    assert deploy[deploy.index("--endpoint-url") + 1].startswith("http://127.0.0.1:")
    assert record[record.index("--agentcore-target") + 1].startswith("http://127.0.0.1:")
    assert not (tmp_path / "recordings" / "aws").exists()
    assert (tmp_path / "parity.md").read_text("utf-8").startswith("**Nothing of this was measured on AWS.**\n")


@pytest.mark.parametrize("options", [["--aws"], ["--region", "eu-west-1"]])
def test_aws_is_to_be_asked_for_by_both(options: list[str]) -> None:
    app = typer.Typer()
    app.command()(__main__.parity)
    ran = CliRunner().invoke(app, options)
    assert ran.exit_code == 2
    assert "--aws and --region go together" in ran.stderr
