from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from mutants.mutant import Mutant, Stale
from mutants.suite import Suite


def of_sums(old: str, *, file: str = "__init__.py") -> Mutant:
    return Mutant(name="wrong", file=file, old=old, new="one - other", breaks="Sums are wrong.", contracts=("SU-001",))


def test_the_replacement_is_made(suite: Suite) -> None:
    of_sums("one + other").apply(suite.package)
    assert "return one - other\n" in (suite.package / "__init__.py").read_text("utf-8")


def test_a_check_changes_nothing(suite: Suite) -> None:
    before = (suite.package / "__init__.py").read_bytes()
    of_sums("one + other").check(suite.package)
    assert (suite.package / "__init__.py").read_bytes() == before


@pytest.mark.parametrize(("old", "count"), [("one * other", 0), ("return", 3)])
def test_a_text_that_is_not_there_once(suite: Suite, old: str, count: int) -> None:
    with pytest.raises(Stale, match=rf"^mutant wrong: __init__\.py has the text that it replaces {count} times"):
        of_sums(old).check(suite.package)


def test_a_file_that_is_not_there(suite: Suite) -> None:
    with pytest.raises(Stale, match=r"^mutant wrong: there is no file gone\.py any more"):
        of_sums("one + other", file="gone.py").apply(suite.package)


def test_bytecode_of_what_was_there_is_gone(suite: Suite, tmp_path: Path) -> None:
    """Of equal size, and of the same second."""
    copy = suite.original(tmp_path / "original")
    bytecode = Path(importlib.util.cache_from_source(str(copy / "__init__.py")))
    assert bytecode.is_file()
    of_sums("one + other").apply(copy)
    assert not bytecode.exists()


def test_a_copy_keeps_its_times_and_its_bytecode(suite: Suite, tmp_path: Path) -> None:
    os.utime(suite.package / "__init__.py", (1_000_000_000, 1_000_000_000))
    copy = Suite.copy(suite.original(tmp_path / "original"), tmp_path / "copy")
    assert (copy / "__init__.py").stat().st_mtime == 1_000_000_000
    bytecode = Path(importlib.util.cache_from_source(str(copy / "__init__.py"))).read_bytes()
    assert int.from_bytes(bytecode[8:12], "little") == 1_000_000_000
