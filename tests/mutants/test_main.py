from __future__ import annotations

import sys

import pytest
from mutants import __main__ as program
from mutants.suite import Suite

from .conftest import mutant

MUTANTS = (
    mutant("adder", "one + other", "one - other", "SU-001"),
    mutant("halver", "number / 2", "number / 3", "SU-002"),
    mutant("stale", "four", "five", "SU-002"),
)


@pytest.fixture(autouse=True)
def _of_sums(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_SUITE", suite)
    monkeypatch.setattr(program, "MUTANTS", MUTANTS)


@pytest.mark.parametrize(("names", "status"), [(["adder"], 0), (["adder", "halver"], 1)])
def test_the_status_tells_of_survivors(
    names: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mutants", *names])
    assert program.main() == status
    assert ("survived: halver" in capsys.readouterr().out) is bool(status)


def test_all_are_meant_without_a_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mutants"])
    assert program.main() == 2
    assert capsys.readouterr().err.startswith("mutant stale: __init__.py has the text")


@pytest.mark.parametrize(
    ("name", "hint"), [("addr", "did you mean adder?"), ("zzz", "mutants/catalogue has their names")]
)
def test_a_name_that_no_mutant_has(
    name: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mutants", name])
    assert program.main() == 2
    assert capsys.readouterr().err == f"there is no mutant {name}; {hint}\n"
