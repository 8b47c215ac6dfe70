"""`python -m agentcore_contracts.parity`: records one target, holds the emulator against it, and reports both.

Nothing reaches AWS unless `--aws` says so; without it, a second emulator takes the role of AWS.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from agentcore_contracts.parity import report
from agentcore_contracts.parity.results import Run, read

Call = Callable[[list[str]], int]


@contextlib.contextmanager
def _deployed(where: list[str], call: Call) -> Iterator[None]:
    """The probe's runtimes and memory, deployed as the options `where` say, and destroyed again whatever happens."""
    contracts = [sys.executable, "-m", "agentcore_contracts.deploy"]
    try:
        if call([*contracts, "deploy", *where, "--yes"]):
            raise RuntimeError(f"the contracts could not be deployed with {shlex.join(where)}")
        yield
    finally:
        destroy = ["destroy", *where]
        if call([*contracts, *destroy, "--yes"]):
            again = shlex.join(["agentcore-contracts", *destroy])
            typer.echo(f"NOT ALL OF IT WAS DESTROYED: run `{again}` again", err=True)


@contextlib.contextmanager
def _on_aws(region: str, call: Call) -> Iterator[list[str]]:
    """The options for AWS."""
    with _deployed(["--region", region], call):
        yield ["--agentcore-target", "aws"]


@contextlib.contextmanager
def _on_an_emulator(call: Call) -> Iterator[list[str]]:
    """The options for an emulator that knows the probe's runtimes by their deployment, as AWS does."""
    from agentcore_contracts.target import PROBE, probe_options
    from agentcore_emulator.testing import EmulatorProcess

    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(EmulatorProcess(PROBE / "agent.py", *probe_options("off", alone=True)))
        stack.enter_context(_deployed(["--region", emulator.info["region"], "--endpoint-url", emulator.url], call))
        yield ["--agentcore-target", emulator.url]


def compare(region: str | None, out: Path, recordings: Path, options: list[str], call: Call) -> int:
    """Record AWS in `region`, or an emulator without one, replay on an emulator, report; the worse exit status.

    `options` are further ones of both runs of pytest; `call` runs a command and gives its exit status.
    """
    target = "aws" if region else "emulator"
    recordings = recordings if region else out / "recordings"
    suite = [sys.executable, "-m", "pytest", "--pyargs", "agentcore_contracts", *options]
    results = [out / "recorded.json", out / "replayed.json"]
    for file in results:
        file.unlink(missing_ok=True)
    statuses = []
    try:
        with _on_aws(region, call) if region else _on_an_emulator(call) as chosen:
            record = [f"--agentcore-record={recordings}", f"--agentcore-results={results[0]}"]
            statuses.append(call([*suite, *chosen, *record]))
        # The day is that of the run, which may have gone on past midnight.
        days = sorted((recordings / target).glob("*")) if results[0].is_file() else []
        if days:
            replay = [f"--agentcore-replay={days[-1]}", f"--agentcore-results={results[1]}"]
            with _on_an_emulator(call) as chosen:
                statuses.append(call([*suite, *chosen, *replay]))
    except RuntimeError as error:
        typer.echo(f"parity: {error}", err=True)
        statuses.append(1)
    runs: list[Run] = [read(file) for file in results if file.is_file()]
    for file in report.write(runs, recordings, out):
        typer.echo(file)
    return max(statuses)


def parity(
    options: Annotated[list[str] | None, typer.Argument(help="Further options of pytest, after `--`.")] = None,
    aws: Annotated[bool, typer.Option("--aws", help="Deploy to AWS, which costs money, and measure there.")] = False,
    region: Annotated[str, typer.Option(help="The region to deploy to, with --aws.")] = "",
    out: Annotated[Path, typer.Option(help="The folder for the report.")] = Path("build/parity"),
    recordings: Annotated[Path, typer.Option(help="The folder for recordings of AWS.")] = Path("recordings"),
) -> None:
    """Hold the emulator against a recording of AWS, or against one of another emulator, and report both."""
    if aws != bool(region):
        raise typer.BadParameter("--aws and --region go together: what reaches AWS is to be asked for by both")
    environment = dict(os.environ)
    if aws:
        # What was deployed is measured, whatever this shell names.
        environment |= {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
        for name in ("AGENTCORE_RUNTIME_ARN", "AGENTCORE_MEMORY_ID"):
            environment.pop(name, None)
    call = functools.partial(subprocess.call, env=environment)
    raise typer.Exit(compare(region if aws else None, out, recordings, options or [], call))


if __name__ == "__main__":
    typer.run(parity)
