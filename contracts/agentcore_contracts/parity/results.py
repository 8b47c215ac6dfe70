"""Results: what became of a run's contracts, as a file that the report reads beside those of other runs."""

from __future__ import annotations

import datetime
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_contracts import summary, target
from agentcore_contracts.declaration import MARK, Contract
from agentcore_contracts.parity.differences import ABSENT

if TYPE_CHECKING:
    from agentcore_contracts.parity.comparing import Comparing, Found
    from agentcore_contracts.runtime import AgentCore

__all__ = ["Promise", "Results", "Run", "Shown", "read"]

_FORMAT = 1

# A failure's text is told by pytest in full.
_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Shown:
    """A difference from a recording. `expected` and `got` are JSON texts, None where there was nothing.

    `accepted` is the reason for which parity.toml accepts it, `expires` the last day on which it does.
    """

    case: str
    path: str
    expected: str | None
    got: str | None
    accepted: str | None = None
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """One contract in a run. `outcome` is that of a test, or `differs` for one that failed with nothing else.

    `said` is why it failed or was skipped, `recorded` whether the recording that was replayed knows of it."""

    id: str
    title: str
    evidence: str
    source: str
    outcome: str
    seconds: float
    said: str
    recorded: bool
    differences: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `role` is `aws` or `emulator`, `measured` whether the target was called at all."""

    role: str
    target: str
    region: str
    date: str
    measured: bool
    why_not: str
    versions: Mapping[str, str]
    replayed: str
    unused: Sequence[str]
    contracts: Sequence[Promise]

    @property
    def sdk(self) -> str:
        """The version of the SDK that the agent ran on, empty if it was not asked."""
        return self.versions.get("agent's bedrock-agentcore", "")


def read(file: Path) -> Run:
    """Raises `ValueError` with a sentence if the file holds no results, and what opening it raises."""
    text = file.read_text("utf-8")
    try:
        written = json.loads(text)
        if written.pop("format") != _FORMAT:
            raise ValueError("of another version")
        contracts = [
            Promise(**{**each, "differences": [Shown(**difference) for difference in each["differences"]]})
            for each in written["contracts"]
        ]
        return Run(**{**written, "contracts": contracts})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{file} holds no results of this version; make it again with --agentcore-results") from None


class Results:
    """A pytest plugin that writes a run's results to a file."""

    def __init__(self, config: pytest.Config, file: Path, runtime: pytest.StashKey[AgentCore]) -> None:
        self._config = config
        self._file = file
        self._runtime = runtime
        self._sources: dict[str, str] = {}
        self._reports: list[pytest.TestReport] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep a contract's reports."""
        report = yield
        mark = item.get_closest_marker(MARK)
        if mark is not None:
            contract: Contract = mark.args[0]
            self._sources[contract.id] = contract.source
            self._reports.append(report)
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        from agentcore_contracts.parity.comparing import head

        comparing: Comparing | None = self._config.pluginmanager.get_plugin("agentcore_comparing")
        runtime = self._config.stash.get(self._runtime, None)
        about = head(runtime) if runtime is not None else None
        wanted: str = self._config.getoption("agentcore_target")
        contracts = [self._promise(result, comparing) for result in summary.results(self._reports)]
        replayed: Path | None = self._config.getoption("agentcore_replay")
        run = Run(
            role="aws" if wanted == "aws" else "emulator",
            target=target.describe(self._config),
            region=about.region if about else "",
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            measured=any(each.outcome != "skipped" for each in contracts),
            why_not=target.unmeasurable(self._config) or "",
            versions=about.versions if about else {},
            replayed="/".join(replayed.parts[-2:]) if replayed else "",
            unused=[str(entry) for entry in comparing.unused] if comparing else [],
            contracts=contracts,
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"format": _FORMAT, **asdict(run)}, indent=1) + "\n", "utf-8")

    def _promise(self, result: summary.Result, comparing: Comparing | None) -> Promise:
        reports = [each for each in self._reports if ("agentcore_contract", result.id) in each.user_properties]
        said = next((_said(each) for each in reports if each.outcome == result.outcome and each.longrepr), "")
        found = comparing.found.get(result.id) if comparing else None
        only_differs = bool(found) and comparing is not None and result.id not in comparing.broken
        return Promise(
            id=result.id,
            title=result.title,
            evidence=result.evidence,
            source=self._sources[result.id],
            outcome="differs" if result.outcome == "failed" and only_differs else result.outcome,
            seconds=round(sum(each.duration for each in reports), 3),
            said=said,
            recorded=found is not None,
            differences=[_shown(each) for each in found or ()],
        )


def _said(report: pytest.TestReport) -> str:
    """Why a test was skipped or how it failed."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text: str = crash.message if crash is not None else report.longreprtext
    return text[:_CHARACTERS]


def _shown(found: Found) -> Shown:
    each, acceptance = found.difference, found.acceptance
    expected, got = (None if side is ABSENT else _text(side) for side in (each.expected, each.got))
    if acceptance is None:
        return Shown(found.case, each.path, expected, got)
    return Shown(found.case, each.path, expected, got, acceptance.reason, acceptance.expires.isoformat())


def _text(value: Any) -> str:
    return json.dumps(value, indent=2)
