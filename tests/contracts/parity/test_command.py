from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentcore_contracts.deploy.cli import app

pytest_plugins = ["pytester"]


def test_a_report_of_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        'from agentcore_contracts import contract\n@contract("A-1", title="t", evidence="aws-docs", source="s")\n'
        "def test_one(): pass"
    )
    results = [str(pytester.path / f"{name}.json") for name in ("one", "two")]
    for file in results:
        pytester.runpytest_inprocess("-p", "no:asyncio", f"--agentcore-results={file}").assert_outcomes(passed=1)
    out = pytester.path / "out"
    ran = CliRunner().invoke(app, ["report", *results, "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.split() == [str(out / f"parity.{kind}") for kind in ("md", "html", "xml")]
    assert "| A-1 | t | aws-docs | – | kept | kept |" in (out / "parity.md").read_text("utf-8")


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_results_that_are_none(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text)
    ran = CliRunner().invoke(app, ["report", str(file), "--out", str(tmp_path / "out")])
    assert ran.exit_code == 1
    assert ran.stderr.startswith("agentcore-contracts: ")
    assert str(file) in ran.stderr
    assert not (tmp_path / "out").exists()
