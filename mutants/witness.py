"""A pytest plugin, `-p mutants.witness --witness FILE`: ends a run at the first contract that fails, and tells of it.

The file is JSON: `package` is where the package that `--witness-package` names was found; `contracts` has for each id
its `test` (as pytest takes it), its `outcome` and in `words` what went wrong; `errors` are those of collection.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

# The worst of a contract's cases is how it fared.
_WORSE = ("skipped", "passed", "broken", "failed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write, and about what."""
    parser.addoption("--witness", type=Path)
    parser.addoption("--witness-package")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    config.pluginmanager.register(_Witness(config))


class _Witness:
    def __init__(self, config: pytest.Config) -> None:
        self._file: Path = config.getoption("witness")
        self._package: str = config.getoption("witness_package")
        self._contracts: dict[str, dict[str, str]] = {}
        self._errors: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            contract = dict(item.user_properties)["agentcore_contract"]
            test = f"{item.path}::{item.nodeid.partition('::')[2].partition('[')[0]}"
            self._contracts[str(contract)] = {"test": test, "outcome": "skipped", "words": ""}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._errors.append(str(report.longrepr).strip())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report: pytest.TestReport = yield
        contract = self._contracts[str(dict(item.user_properties)["agentcore_contract"])]
        outcome = str(report.outcome)
        if report.failed and report.when != "call":
            outcome = "broken"  # What a contract is about was never looked at.
        if _WORSE.index(outcome) > _WORSE.index(contract["outcome"]) and (report.when == "call" or report.failed):
            contract["outcome"] = outcome
            contract["words"] = _last_words(report)
        if outcome == "failed":
            item.session.shouldstop = "a contract has failed"
        return report

    def pytest_sessionfinish(self) -> None:
        spec = importlib.util.find_spec(self._package)
        found = {
            "package": spec.origin if spec is not None else None,
            "contracts": self._contracts,
            "errors": self._errors,
        }
        self._file.write_text(json.dumps(found), encoding="utf-8")


def _last_words(report: pytest.TestReport) -> str:
    """The line of a failure that says what was wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longrepr or "").strip().partition("\n")[0]
