from __future__ import annotations

from typing import Literal

import pytest

from agentcore_contracts.summary import Result, results


def report(
    contract: str,
    outcome: Literal["passed", "failed", "skipped"],
    when: Literal["setup", "call", "teardown"] = "call",
) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=f"test_it.py::test_{contract}",
        location=("test_it.py", 1, contract),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when=when,
        user_properties=[
            ("agentcore_contract", contract),
            ("agentcore_evidence", "aws-docs"),
            ("agentcore_title", "It works"),
        ],
    )


def outcomes(*reports: pytest.TestReport) -> dict[str, str]:
    return {result.id: result.outcome for result in results(reports)}


def test_a_contract_is_kept_if_all_its_cases_pass() -> None:
    kept = outcomes(report("A", "passed"), report("A", "passed"), report("B", "failed"), report("B", "passed"))
    assert kept == {"A": "passed", "B": "failed"}


def test_a_contract_counts_although_some_cases_are_skipped() -> None:
    assert outcomes(report("A", "skipped", "setup"), report("A", "passed")) == {"A": "passed"}
    assert outcomes(report("A", "passed"), report("A", "skipped")) == {"A": "passed"}


def test_a_skipped_contract() -> None:
    assert outcomes(report("A", "skipped", "setup"), report("A", "passed", "teardown")) == {"A": "skipped"}


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_failure_around_a_contract_is_its_own(when: Literal["setup", "teardown"]) -> None:
    assert outcomes(report("A", "passed"), report("A", "failed", when)) == {"A": "failed"}


def test_setup_alone_keeps_nothing() -> None:
    assert outcomes(report("A", "passed", "setup")) == {}


def test_results_are_in_the_order_of_ids() -> None:
    assert results([report("B", "passed"), report("A", "passed")]) == [
        Result("A", "It works", "aws-docs", "passed"),
        Result("B", "It works", "aws-docs", "passed"),
    ]
