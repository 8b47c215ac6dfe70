"""Lets a suite loose on mutants, and shows what it has caught."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from mutants.mutant import Mutant
from mutants.suite import Contract, Runner, Suite

__all__ = ["Refused", "Verdict", "hunt"]

# A run waits for processes as much as it computes.
_AT_ONCE = 2

# Of what went wrong, so much is shown: enough to see whether a mutant is caught for what it does.
_WORDS = 100


class Refused(Exception):
    """The suite cannot be put to the test; the text says why."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `caught` by the contract `by`, `survived`, or `broken`, too sick to be looked at.

    `words` are the failed contract's, or say what is broken.
    """

    mutant: Mutant
    outcome: Literal["caught", "survived", "broken"]
    seconds: float
    by: str = ""
    words: str = ""


def hunt(suite: Suite, mutants: Sequence[Mutant], console: Console) -> list[Verdict]:
    """The verdicts on these mutants, in their order, told one by one as they come and then in a table.

    Raises `Stale` for a mutant that does not fit the code, and `Refused` if not all contracts are kept without any, or
    a mutant names one that is not.
    """
    started = time.monotonic()
    for mutant in mutants:
        mutant.check(suite.package)
    verdicts: dict[int, Verdict] = {}
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        ThreadPoolExecutor(_AT_ONCE) as pool,
        # Left first, so that the pool has nothing to wait for.
        Runner(suite) as runner,
    ):
        root = Path(folder).resolve()
        original = suite.original(root / "original")
        contracts = _control(runner, original, mutants)
        console.print(f"{len(contracts)} contracts are kept without a mutant ({time.monotonic() - started:.0f} s)")
        trials = {
            pool.submit(_try, runner, original, mutant, contracts, root / str(number)): number
            for number, mutant in enumerate(mutants)
        }
        for trial in as_completed(trials):
            verdict = verdicts[trials[trial]] = trial.result()
            console.print(f"{len(verdicts):3}/{len(mutants)} {_line(verdict)}", soft_wrap=True)
    found = [verdicts[number] for number in range(len(mutants))]
    _show(console, found, time.monotonic() - started)
    return found


def _control(runner: Runner, original: Path, mutants: Sequence[Mutant]) -> Mapping[str, Contract]:
    """All contracts that are kept by the package as it is. Raises `Refused`."""
    run = runner.run(original)
    if run.problem is not None:
        raise Refused(f"the suite does not run without a mutant: {run.problem}")
    for outcome in ("failed", "broken"):
        for name in run.of(outcome):
            raise Refused(f"{name} fails without a mutant, so that it can catch none: {run.contracts[name].words}")
    kept = {name: contract for name, contract in run.contracts.items() if contract.outcome == "passed"}
    for mutant in mutants:
        for name in mutant.contracts:
            if name not in kept:
                why = "is skipped without a mutant" if name in run.contracts else "does not exist"
                raise Refused(f"mutant {mutant.name}: its contract {name} {why}; name one that can catch it")
    return kept


def _try(runner: Runner, original: Path, mutant: Mutant, contracts: Mapping[str, Contract], folder: Path) -> Verdict:
    """One mutant's verdict: by the contracts that it names, and by all if these are kept."""
    started = time.monotonic()
    copy = Suite.copy(original, folder)
    try:
        mutant.apply(copy)
        runs = []
        for tests in ([contracts[name].test for name in mutant.contracts], []):
            run = runner.run(copy, tests)
            if caught := run.of("failed"):
                words = run.contracts[caught[0]].words
                return Verdict(mutant, "caught", time.monotonic() - started, caught[0], words)
            runs.append(run)
    finally:
        shutil.rmtree(folder)
    problems = [run.problem for run in runs if run.problem is not None]
    problems += [
        f"{name} could not be looked at: {run.contracts[name].words}" for run in runs for name in run.of("broken")
    ]
    if problems:
        return Verdict(mutant, "broken", time.monotonic() - started, words=problems[0])
    return Verdict(mutant, "survived", time.monotonic() - started)


def _line(verdict: Verdict) -> str:
    name = escape(verdict.mutant.name)
    match verdict.outcome:
        case "caught":
            words = escape(verdict.words[:_WORDS])
            return f"[green]caught[/] {name}: {verdict.by}, {verdict.seconds:.1f} s [dim]{words}[/]"
        case "survived":
            return f"[red]SURVIVED[/] {name}, {verdict.seconds:.1f} s"
        case _:
            return f"[red]BROKEN[/] {name}: {escape(verdict.words)}"


def _show(console: Console, verdicts: Sequence[Verdict], seconds: float) -> None:
    table = Table(Column("mutant", no_wrap=True), "what it breaks", "caught by", box=None, pad_edge=False)
    for verdict in verdicts:
        by = {"caught": f"[green]{verdict.by}", "survived": "[red]none", "broken": "[red]broken"}[verdict.outcome]
        if verdict.by and verdict.by not in verdict.mutant.contracts:
            by += f"[yellow] (not by {', '.join(verdict.mutant.contracts)})"
        table.add_row(escape(verdict.mutant.name), escape(verdict.mutant.breaks), by)
    console.print()
    console.print(table)
    console.print()
    caught = sum(verdict.outcome == "caught" for verdict in verdicts)
    console.print(f"{caught} of {len(verdicts)} mutants caught in {seconds:.0f} s")
    for verdict in verdicts:
        if verdict.outcome == "survived":
            console.print(
                f"[red]survived:[/] {escape(verdict.mutant.name)}: {escape(verdict.mutant.breaks)}", soft_wrap=True
            )
        elif verdict.outcome == "broken":
            console.print(f"[red]broken:[/] {escape(verdict.mutant.name)}: {escape(verdict.words)}", soft_wrap=True)
