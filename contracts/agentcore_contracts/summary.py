"""The end of a run's report: how many contracts were kept, by what is behind them, and what was not measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import pytest

from agentcore_contracts.declaration import EVIDENCE
from agentcore_contracts.target import describe, unmeasurable

__all__ = ["Outcome", "Result", "results", "write"]

Outcome = Literal["passed", "failed", "skipped"]
_OUTCOMES: Final[tuple[Outcome, ...]] = ("passed", "failed", "skipped")


class Result(NamedTuple):
    """What became of one contract."""

    id: str
    title: str
    evidence: str
    outcome: Outcome


def results(reports: Iterable[pytest.TestReport]) -> list[Result]:
    """One result for each contract, by id: failed if any of its cases or fixtures failed, passed if any case passed."""
    found: dict[str, Result] = {}
    for report in reports:
        about = {name: str(value) for name, value in report.user_properties}
        outcome: Outcome = report.outcome
        if outcome == "passed" and report.when != "call":
            continue
        result = Result(about["agentcore_contract"], about["agentcore_title"], about["agentcore_evidence"], outcome)
        before = found.setdefault(result.id, result)
        if (outcome == "failed") or (outcome == "passed" and before.outcome == "skipped"):
            found[result.id] = result
    return sorted(found.values())


def write(terminal: pytest.TerminalReporter, config: pytest.Config, reports: Iterable[pytest.TestReport]) -> None:
    """Write the summary of the contracts that these reports are about."""
    contracts = results(reports)
    count = {(e, o): sum(c.evidence == e and c.outcome == o for c in contracts) for e in EVIDENCE for o in _OUTCOMES}
    terminal.section("AgentCore contracts")
    terminal.line(f"target: {describe(config)}")
    terminal.line(f"{'evidence':14}" + "".join(f"{outcome:>10}" for outcome in _OUTCOMES))
    for evidence in EVIDENCE:
        terminal.line(f"{evidence:14}" + "".join(f"{count[evidence, outcome]:>10}" for outcome in _OUTCOMES))
    for contract in contracts:
        if contract.outcome == "failed":
            terminal.line(f"failed: {contract.id} {contract.title}", red=True)
    if all(contract.outcome == "skipped" for contract in contracts):
        reason = unmeasurable(config)
        terminal.line(f"NOTHING WAS MEASURED{f': {reason}' if reason else ''}.", yellow=True, bold=True)
    elif config.getoption("agentcore_target") != "aws":
        terminal.line("Nothing of this was measured on AWS.")
