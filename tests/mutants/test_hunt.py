from __future__ import annotations

import io
import re

import pytest
from mutants.hunt import Refused, Verdict, hunt
from mutants.mutant import Mutant, Stale
from mutants.suite import Suite
from rich.console import Console

from .conftest import mutant


def hunted(suite: Suite, *mutants: Mutant) -> tuple[list[Verdict], str]:
    """The verdicts, and what is shown."""
    shown = io.StringIO()
    verdicts = hunt(suite, mutants, Console(file=shown, width=200))
    return verdicts, shown.getvalue()


def test_what_becomes_of_mutants(suite: Suite) -> None:
    verdicts, shown = hunted(
        suite,
        mutant("adder", "one + other", "one - other", "SU-001"),
        mutant("doubler", "number\n\n\ndef halve", "number + 1\n\n\ndef halve", "SU-001"),
        mutant("halver", "number / 2", "number / 3", "SU-002"),
        mutant("burster", "2 * number", "1 / 0", "SU-002"),
    )
    assert [(each.mutant.name, each.outcome, each.by) for each in verdicts] == [
        ("adder", "caught", "SU-001"),
        ("doubler", "caught", "SU-002"),
        ("halver", "survived", ""),
        ("burster", "broken", ""),
    ]
    assert shown.startswith("2 contracts are kept without a mutant")
    progress = dict(line.split(maxsplit=2)[:2] for line in shown.splitlines() if re.match(r" *\d/4 ", line))
    assert list(progress) == ["1/4", "2/4", "3/4", "4/4"]
    assert sorted(progress.values()) == ["BROKEN", "SURVIVED", "caught", "caught"]
    assert re.search(r"caught adder: SU-001, \d+\.\d s assert -1 == ", shown)
    assert "doubler counts wrong.  SU-002 (not by SU-001)" in shown
    assert "2 of 4 mutants caught in" in shown
    assert "survived: halver: halver counts wrong.\n" in shown
    assert "broken: burster: SU-002 could not be looked at: ZeroDivisionError: division by zero\n" in shown


def test_contracts_that_are_not_kept_anyway(suite: Suite) -> None:
    mutant("adder", "one + other", "one - other").apply(suite.package)
    with pytest.raises(Refused, match=r"^SU-001 fails without a mutant, so that it can catch none: assert -1 == "):
        hunted(suite, mutant("doubler", "2 * number", "3 * number", "SU-002"))


def test_contracts_that_cannot_be_run(suite: Suite) -> None:
    (suite.contracts / "test_other.py").write_text("import nowhere", "utf-8")
    with pytest.raises(Refused, match=r"^the suite does not run without a mutant: (.|\n)*nowhere"):
        hunted(suite, mutant("doubler", "2 * number", "3 * number", "SU-002"))


@pytest.mark.parametrize(("name", "why"), [("SU-003", "is skipped without a mutant"), ("SU-009", "does not exist")])
def test_a_contract_that_can_catch_nothing(suite: Suite, name: str, why: str) -> None:
    with pytest.raises(Refused, match=f"^mutant doubler: its contract {name} {why}; name one that can catch it$"):
        hunted(suite, mutant("doubler", "2 * number", "3 * number", name))


def test_a_stale_mutant_is_told_before_anything_is_run(suite: Suite) -> None:
    (suite.contracts / "test_sums.py").unlink()
    with pytest.raises(Stale, match=r"^mutant stale: __init__\.py has the text"):
        hunted(suite, mutant("doubler", "2 * number", "3 * number", "SU-002"), mutant("stale", "four", "five"))
