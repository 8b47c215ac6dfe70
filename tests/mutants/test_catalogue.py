"""That the mutants can be made of the code as it is. Whether they are caught is for `nox -s mutants` to find out."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from mutants.catalogue import MUTANTS
from mutants.mutant import Mutant
from mutants.suite import REPOSITORY

PACKAGE = REPOSITORY / "emulator" / "agentcore_emulator"
CONTRACTS = REPOSITORY / "contracts" / "agentcore_contracts" / "contracts"
IDS = {
    found
    for path in CONTRACTS.glob("test_*.py")
    for found in re.findall(r'"([A-Z0-9]{2}-\d{3})"', path.read_text("utf-8"))
}


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits(mutant: Mutant) -> None:
    mutant.check(PACKAGE)
    assert mutant.contracts
    assert set(mutant.contracts) <= IDS
    assert re.fullmatch(r"[A-Z].*\.", mutant.breaks), "what it breaks is a sentence"
    code = (PACKAGE / mutant.file).read_text("utf-8")
    compile(code.replace(mutant.old, mutant.new), mutant.file, "exec")
