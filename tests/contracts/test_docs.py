"""docs/contracts-list.md lists the contracts that there are."""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
import re
from collections import Counter
from pathlib import Path

from agentcore_contracts import EVIDENCE, Contract, contracts
from agentcore_contracts.declaration import MARK
from agentcore_contracts.parity import accepted, recording

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "contracts.md"
LIST = DOCS / "contracts-list.md"


def declared() -> list[Contract]:
    found = []
    for module in pkgutil.iter_modules(contracts.__path__):
        if module.name.startswith("test_"):
            tests = vars(importlib.import_module(f"{contracts.__name__}.{module.name}"))
            marks = (mark for test in tests.values() for mark in getattr(test, "pytestmark", []))
            found += [mark.args[0] for mark in marks if mark.name == MARK]
    return sorted(found, key=lambda contract: contract.id)


def test_the_list_is_complete_and_in_order() -> None:
    listed = re.findall(r"^\| [A-Z0-9]+-\d+ \|.*$", LIST.read_text("utf-8"), re.MULTILINE)
    assert listed == [f"| {contract.id} | {contract.title} | {contract.evidence} |" for contract in declared()]


def test_each_kind_of_evidence_is_explained_once() -> None:
    first_cells = Counter(re.findall(r"^\| ([a-z-]+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert {evidence: first_cells[evidence] for evidence in EVIDENCE} == dict.fromkeys(EVIDENCE, 1)


def test_nothing_claims_a_recording_that_is_not_there() -> None:
    """One of AWS, below recordings/aws, in which the contract was kept."""
    kept = {
        each.contract
        for each in recording.found(DOCS.parent / "recordings")
        if each.head.target == "aws" and each.cases and all(case.outcome == "passed" for case in each.cases.values())
    }
    claimed = {contract.id for contract in declared() if contract.evidence == "aws-recorded"}
    assert claimed <= kept, f"no recording below recordings/aws has {sorted(claimed - kept)}"


def test_accepted_differences_are_those_of_contracts_that_there_are() -> None:
    ids = [contract.id for contract in declared()]
    entries = accepted.read(DOCS.parent / accepted.NAME)
    assert [entry for entry in entries if not fnmatch.filter(ids, entry.contract)] == []


def test_recordings_lie_where_their_heads_say() -> None:
    """So that one of an emulator does not pass for one of AWS."""
    folder = DOCS.parent / "recordings"
    for file in folder.glob("*/*/*.json"):
        head = recording.read(file).head
        assert file.relative_to(folder).parts[:2] == (head.target, head.date)
