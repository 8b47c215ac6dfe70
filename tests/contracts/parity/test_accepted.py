from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from agentcore_contracts.parity.accepted import Acceptance, read

GOOD = '[[accepted]]\ncontract = "RT-0*"\npath = "**/status"\nreason = "It is so"\nexpires = 2027-01-31\n'


def test_acceptances(tmp_path: Path) -> None:
    file = tmp_path / "parity.toml"
    file.write_text(GOOD)
    (acceptance,) = read(file)
    assert acceptance == Acceptance("RT-0*", "**/status", "It is so", datetime.date(2027, 1, 31))
    assert acceptance.covers("RT-064", "exchanges/0/status")
    assert not acceptance.covers("ME-001", "exchanges/0/status")
    assert not acceptance.covers("RT-064", "exchanges/0/body")
    assert not acceptance.expired(datetime.date(2027, 1, 31))
    assert acceptance.expired(datetime.date(2027, 2, 1))


def test_no_file(tmp_path: Path) -> None:
    assert read(tmp_path / "parity.toml") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("accepted", "is no TOML"),
        ("[accept]", r"must hold nothing but \[\[accepted\]\] tables"),
        ("accepted = 1", r"must hold nothing but \[\[accepted\]\] tables"),
        ("accepted = [1]", "number 1 must have contract, path, reason, expires, and nothing else"),
        (GOOD + GOOD.replace("reason", "why"), "number 2 must have contract, path, reason, expires, and nothing else"),
        (GOOD.replace("2027-01-31", '"2027-01-31"'), "`expires` of .* number 1 must be a date such as 2027-01-31, not"),
        (GOOD.replace("2027-01-31", "2027-01-31T10:00:00"), "`expires` of .* number 1 must be a date"),
        (GOOD.replace("It is so", " "), "`reason` of .* number 1 must be a text, not ' '"),
    ],
)
def test_files_that_say_something_else(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "parity.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=problem):
        read(file)
