"""docs/contracts-list.md lists the contracts that there are."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from pathlib import Path

from agentcore_contracts import EVIDENCE, Contract, contracts
from agentcore_contracts.declaration import MARK

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


def test_nothing_claims_a_recording() -> None:
    """There is none in the repository."""
    assert [contract.id for contract in declared() if contract.evidence == "aws-recorded"] == []
