from __future__ import annotations

from pathlib import Path

import pytest
from mutants.mutant import Mutant
from mutants.suite import REPOSITORY, Run, Runner, Suite

from .conftest import mutant


def run(suite: Suite, folder: Path, *mutants: Mutant, only: str | None = None) -> Run:
    """One run with these mutants, in a copy."""
    copy = suite.original(folder / "original")
    for each in mutants:
        each.apply(copy)
    with Runner(suite) as runner:
        return runner.run(copy, [f"{suite.contracts}/test_sums.py::{only}"] if only else [])


def outcomes(found: Run) -> dict[str, str]:
    return {name: contract.outcome for name, contract in found.contracts.items()}


def test_all_are_kept(suite: Suite, tmp_path: Path) -> None:
    found = run(suite, tmp_path)
    assert found.problem is None
    assert outcomes(found) == {"SU-001": "passed", "SU-002": "passed", "SU-003": "skipped"}
    assert found.contracts["SU-001"].test == f"{suite.contracts}/test_sums.py::test_add"


def test_one_alone(suite: Suite, tmp_path: Path) -> None:
    assert outcomes(run(suite, tmp_path, only="test_double")) == {"SU-002": "passed"}


def test_a_run_ends_at_the_first_that_fails(suite: Suite, tmp_path: Path) -> None:
    found = run(suite, tmp_path, mutant("add", "one + other", "one - other"))
    assert found.problem is None
    assert outcomes(found) == {"SU-001": "failed", "SU-002": "skipped", "SU-003": "skipped"}
    assert found.contracts["SU-001"].words == "assert -1 == (0 + 1)"


def test_one_case_of_several_that_fails(suite: Suite, tmp_path: Path) -> None:
    found = run(suite, tmp_path, mutant("add", "one + other", "one + other if one else 5"))
    assert found.of("failed") == ["SU-001"]


def test_what_fails_before_its_test_has_begun_has_not_failed(suite: Suite, tmp_path: Path) -> None:
    found = run(suite, tmp_path, mutant("double", "2 * number", "1 / 0"))
    assert outcomes(found) == {"SU-001": "passed", "SU-002": "broken", "SU-003": "skipped"}
    assert found.contracts["SU-002"].words == "ZeroDivisionError: division by zero"


def test_an_error_of_collection(suite: Suite, tmp_path: Path) -> None:
    (suite.contracts / "test_other.py").write_text("import nowhere", "utf-8")
    found = run(suite, tmp_path)
    assert found.problem is not None
    assert "No module named 'nowhere'" in found.problem


def test_a_run_that_comes_to_no_contract(suite: Suite, tmp_path: Path) -> None:
    (suite.contracts / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef out():\n    pytest.exit('no emulator')\n", "utf-8"
    )
    found = run(suite, tmp_path)
    assert found.problem is not None
    assert found.problem.startswith("no contract was looked at:")
    assert "no emulator" in found.problem


def test_a_run_that_dies(suite: Suite, tmp_path: Path) -> None:
    found = run(suite, tmp_path, mutant("add", "return one + other", "import os; os._exit(0)"))
    assert found == Run({}, "pytest came to no end of its own:\n")


def test_a_package_that_is_not_the_copy(suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts look at what stands before the copy on the path."""
    (suite.contracts / "conftest.py").write_text(
        f"import sys\n\nsys.path.insert(0, {str(suite.package.parent)!r})\n", "utf-8"
    )
    found = run(suite, tmp_path)
    assert found.problem == (f"the package sums came from {suite.package}/__init__.py, and not from its copy")


AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()


@app.entrypoint
def invoke(payload, context):
    import os
    return {"host": context.request.headers["host"], "folder": os.path.basename(os.getcwd()), "cwd": os.getcwd()}


app.run()
"""

CONTRACTS = """
from agentcore_contracts import contract


@contract("EM-001", title="The emulator is the real one", evidence="sdk-source", source="headers.py")
def test_host(agentcore):
    assert not agentcore.invoke({}).json["host"].startswith("mutant")


@contract("EM-002", title="The guest is the real one", evidence="sdk-source", source="boot.py")
def test_guest(agentcore):
    assert agentcore.invoke({}).json["cwd"] != "/"
"""


def test_emulator_and_guests_are_of_the_copy(tmp_path: Path) -> None:
    """A fault in the emulator's process and one in that of its guests, both of which only a contract can notice."""
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    (contracts / "agent.py").write_text(AGENT, "utf-8")
    (contracts / "test_copy.py").write_text(CONTRACTS, "utf-8")
    suite = Suite(
        REPOSITORY / "emulator" / "agentcore_emulator", contracts, ("--agentcore-agent", str(contracts / "agent.py"))
    )
    original = suite.original(tmp_path / "original")
    in_emulator = Mutant(
        name="host", file="runtime/headers.py", old='_HOST = "', new='_HOST = "mutant.', breaks="", contracts=()
    )
    in_guest = Mutant(
        name="folder",
        file="guest/boot.py",
        old='os.chdir(spec["folder"])',
        new='os.chdir("/")',
        breaks="",
        contracts=(),
    )
    with Runner(suite) as runner:
        assert outcomes(runner.run(original)) == {"EM-001": "passed", "EM-002": "passed"}
        for number, each in enumerate((in_emulator, in_guest), start=1):
            copy = Suite.copy(original, tmp_path / each.name)
            each.apply(copy)
            assert runner.run(copy).of("failed") == [f"EM-00{number}"]
