from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

import agentcore_contracts

pytest_plugins = ["pytester"]

RunPytest = Callable[..., pytest.RunResult]

DECLARED = '@contract("{}", title="It works", evidence="aws-docs", source="a page")\n'


def declared(contract_id: str, test: str) -> str:
    return DECLARED.format(contract_id) + test + "\n"


def test_a_run_without_contracts_pays_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        COSTLY = {"boto3", "botocore", "hypothesis", "agentcore_emulator", "bedrock_agentcore", "requests", "httpx"}

        def test_it():
            assert not COSTLY & sys.modules.keys()
            assert {name for name in sys.modules if name.startswith("agentcore_contracts")} == {
                "agentcore_contracts", "agentcore_contracts.declaration", "agentcore_contracts.plugin"
            }
        """
    )
    # Others' plugins pay for themselves: LangGraph's client of memory comes with one.
    result = pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:langsmith_plugin", "--strict-markers")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*AgentCore*")


def test_contracts_are_counted_by_their_evidence(run_pytest: RunPytest) -> None:
    result = run_pytest(
        """
def declared(name, evidence):
    return contract(name, title=f"Title of {name}", evidence=evidence, source="a page")

@declared("A-1", "aws-docs")
def test_one():
    pass

@declared("A-2", "aws-docs")
def test_two():
    assert False

@declared("A-3", "sdk-source")
@pytest.mark.parametrize("case", [1, 2])
def test_three(case):
    pass

@declared("A-4", "field-report")
def test_four():
    pytest.skip("not here")

@pytest.fixture
def broken():
    raise OSError

@declared("A-5", "aws-model")
def test_five(broken):
    pass

def test_that_is_no_contract():
    pass
"""
    )
    result.stdout.re_match_lines(
        [
            r"=+ AgentCore contracts =+",
            r"target: an emulator, started for this run",
            r"evidence +passed +failed +skipped",
            r"aws-recorded +0 +0 +0",
            r"sdk-source +1 +0 +0",
            r"aws-docs +1 +1 +0",
            r"aws-model +0 +1 +0",
            r"field-report +0 +0 +1",
            r"failed: A-2 Title of A-2",
            r"failed: A-5 Title of A-5",
            r"Nothing of this was measured on AWS.",
        ],
        consecutive=True,
    )


def test_reports_say_which_contract_they_are_about(run_pytest: RunPytest, pytester: pytest.Pytester) -> None:
    run_pytest(declared("A-1", "def test_one(): pass"), "--junitxml=report.xml").assert_outcomes(passed=1)
    properties = {
        element.attrib["name"]: element.attrib["value"]
        for element in ET.parse(pytester.path / "report.xml").iter("property")
    }
    assert properties == {
        "agentcore_contract": "A-1",
        "agentcore_evidence": "aws-docs",
        "agentcore_title": "It works",
    }


def test_two_tests_with_one_id(run_pytest: RunPytest) -> None:
    result = run_pytest(declared("A-1", "def test_one(): pass") + declared("A-1", "def test_two(): pass"))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["test_it.py::test_two has the contract id A-1, which is that of test_it.py::test_one"])


def test_two_modules_with_one_id(run_pytest: RunPytest, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_another="from agentcore_contracts import contract\n" + declared("A-1", "def test_two(): pass")
    )
    result = run_pytest(declared("A-1", "def test_one(): pass"))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["test_it.py::test_one has the contract id A-1, which is that of test_another.py::test_two"]
    )


def test_cases_and_repeated_selections_are_one_contract(run_pytest: RunPytest) -> None:
    source = declared("A-1", '@pytest.mark.parametrize("case", ["a", "b"])\ndef test_one(case): pass')
    run_pytest(source, "test_it.py::test_one[a]", "test_it.py::test_one", "test_it.py").assert_outcomes(passed=2)


def test_evidence_of_another_kind(run_pytest: RunPytest) -> None:
    result = run_pytest(
        '@contract("A-1", title="It works", evidence="hearsay", source="a friend")\ndef test_one(): pass'
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*ValueError: contract A-1 has the evidence 'hearsay', not one of aws-recorded,*"])


def test_every_test_of_the_package_is_a_contract(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of the package, with tests in it that declare nothing."""
    shutil.copytree(Path(agentcore_contracts.__file__).parent, pytester.path / "agentcore_contracts")
    undeclared = {
        "test_a.py::test_it": "def test_it(): pass",
        "test_b.py::TestIt::test_it": "class TestIt:\n    def test_it(self): pass",
        "test_c.py::It::test_it": "import unittest\nclass It(unittest.TestCase):\n    def test_it(self): pass",
    }
    for name, source in undeclared.items():
        (pytester.path / "agentcore_contracts" / "contracts" / name.partition("::")[0]).write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=":")
    options = ("-p", "no:asyncio", "-p", "no:cacheprovider", "--pyargs", "agentcore_contracts.contracts")
    result = pytester.runpytest_subprocess(*options, "--collect-only")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    for name in undeclared:
        result.stdout.fnmatch_lines([f"*{name} has no @contract, which every test of this package needs"])


@pytest.mark.parametrize("option", ["--agentcore-arn", "--agentcore-memory-id"])
def test_options_that_would_have_no_effect(run_pytest: RunPytest, option: str) -> None:
    result = run_pytest("def test_it(): pass", option, "something")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option} needs --agentcore-target: aws, or the URL of a running emulator"])


def test_a_target_that_is_none(run_pytest: RunPytest) -> None:
    result = run_pytest("def test_it(): pass", "--agentcore-target", "azure")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--agentcore-target: 'azure' is neither `emulator` nor `aws` nor an http://*"])


def test_fixtures(run_pytest: RunPytest) -> None:
    """A user's contracts; the failing one shows why the agent failed, which its 424 does not say."""
    result = run_pytest(
        declared(
            "A-1",
            """
def test_sessions(agentcore):
    session = agentcore.new_session()
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    with agentcore.stream({"do": "stream", "values": [1, 2]}, session) as events:
        assert list(events) == [1, 2]
    with pytest.raises(ValueError, match="application/json, not an event stream"):
        agentcore.stream({"do": "count"}, session)
    assert agentcore.stop(session) == 200
""",
        )
        + declared(
            "A-2",
            """
def test_memory(memory):
    memory.add("hello", "conversation")
    assert [len(page) for page in memory.pages("conversation")] == [1]
""",
        )
        + declared(
            "A-3",
            """
def test_failing(agentcore):
    agentcore.invoke({"do": "fail", "message": "out of ink"})
""",
        )
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- Emulator's log of this test -*", "*RuntimeError: out of ink"])
    result.stdout.fnmatch_lines(["failed: A-3 It works"])
