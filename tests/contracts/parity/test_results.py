from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_contracts.parity.results import read

pytest_plugins = ["pytester"]

RunPytest = Callable[..., pytest.RunResult]

SOURCE = """
def declared(name):
    return contract(name, title=f"Title of {name}", evidence="aws-docs", source=f"page of {name}")

@declared("A-1")
@pytest.mark.parametrize("case", [1, 2])
def test_one(case):
    pass

@declared("A-2")
def test_two():
    assert 1 == 2

@declared("A-3")
def test_three():
    pytest.skip("not here")

def test_that_is_no_contract():
    assert False
"""


def test_what_became_of_contracts(run_pytest: RunPytest, pytester: pytest.Pytester) -> None:
    run_pytest(SOURCE, "--agentcore-results=some/folder/results.json")
    run = read(pytester.path / "some" / "folder" / "results.json")
    found = [(each.id, each.title, each.source, each.outcome, each.said) for each in run.contracts]
    assert found == [
        ("A-1", "Title of A-1", "page of A-1", "passed", ""),
        ("A-2", "Title of A-2", "page of A-2", "failed", "assert 1 == 2"),
        ("A-3", "Title of A-3", "page of A-3", "skipped", "not here"),
    ]
    assert (run.role, run.measured, run.sdk, run.replayed) == ("emulator", True, "", "")


def test_aws_that_cannot_be_called(
    run_pytest: RunPytest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(pytester.path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    source = '@contract("A-1", title="t", evidence="aws-docs", source="s")\ndef test_one(agentcore): pass'
    run_pytest(source, "--agentcore-target=aws", "--agentcore-results=results.json").assert_outcomes(skipped=1)
    run = read(pytester.path / "results.json")
    assert (run.role, run.measured) == ("aws", False)
    assert run.why_not == "there are no AWS credentials in the environment, in a profile or on this machine"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 0}', '{"format": 1, "contracts": [{}]}'])
def test_what_holds_no_results(tmp_path: Path, text: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"results\.json holds no results of this version; make it again"):
        read(file)
