"""A package and contracts so small that a run takes half a second."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# Last, as the folder is no package's: it is for `mutants` alone.
sys.path.append(str(REPOSITORY))

from mutants.mutant import Mutant  # noqa: E402
from mutants.suite import Suite  # noqa: E402

# Of the plugins that are installed only the contracts' own is wanted, and others take their time to load.
_PLAIN = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:hypothesispytest", "-p", "no:xdist")

_SUMS = """
def add(one, other):
    return one + other


def double(number):
    return 2 * number


def halve(number):
    return number / 2
"""

_HEAD = """
import pytest
from agentcore_contracts import contract


def promises(id):
    return contract(id, title="It counts", evidence="sdk-source", source="sums.py")
"""

_TESTS = """

@pytest.fixture
def four():
    from sums import double
    return double(2)


@promises("SU-001")
@pytest.mark.parametrize("number", [0, 3])
def test_add(number):
    from sums import add
    assert add(number, 1) == number + 1


@promises("SU-002")
def test_double(four):
    assert four == 4


@promises("SU-003")
def test_nothing():
    pytest.skip("not here")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The package `sums`, of which contracts hold `add` and `double`, but not `halve`."""
    package, contracts = tmp_path / "sums", tmp_path / "contracts"
    package.mkdir()
    contracts.mkdir()
    (package / "__init__.py").write_text(_SUMS, "utf-8")
    (contracts / "test_sums.py").write_text(f"{_HEAD}{_TESTS}", "utf-8")
    return Suite(package, contracts, _PLAIN)


def mutant(name: str, old: str, new: str, *contracts: str) -> Mutant:
    """One of `sums`."""
    return Mutant(name=name, file="__init__.py", old=old, new=new, breaks=f"{name} counts wrong.", contracts=contracts)
