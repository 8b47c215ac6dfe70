"""What `--agentcore-record` and `--agentcore-replay` make of a run: its exchanges, by contract and case."""

from __future__ import annotations

import datetime
import fnmatch
import importlib.metadata
import platform
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_contracts import profiles
from agentcore_contracts.declaration import MARK, Contract
from agentcore_contracts.exchanges import Exchange, listening
from agentcore_contracts.parity import plain, recording
from agentcore_contracts.parity.accepted import NAME, Acceptance, read
from agentcore_contracts.parity.differences import Difference, differences
from agentcore_contracts.parity.recording import Case, Head, Recording
from agentcore_contracts.parity.transformers import Place, normalised

if TYPE_CHECKING:
    from agentcore_contracts.runtime import AgentCore

__all__ = ["Comparing", "Found", "head"]

# More would bury the first, which tends to explain them.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A difference in one case of a contract, and the entry of parity.toml that is about it, if there is one."""

    case: str
    difference: Difference
    acceptance: Acceptance | None


@dataclass(slots=True)
class _Test:
    """What one test has exchanged so far; `silent` counts the fixtures at work that are not its own."""

    exchanges: list[Exchange] = field(default_factory=list)
    silent: int = 0


def head(runtime: AgentCore) -> Head:
    """What is recorded now."""
    packages = ["botocore", "hypothesis", *([] if runtime.is_aws else ["agentcore-emulator"])]
    versions = {name: importlib.metadata.version(name) for name in packages}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    # The agent's own; an agent that was not asked has none.
    agents = {f"agent's {name}": version for name, version in sorted(runtime.versions.items())}
    here = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    return Head("aws" if runtime.is_aws else "emulator", runtime.region, today, {**agents, **versions, **here})


class Comparing:
    """A pytest plugin that listens to the run's exchanges, and writes them, or holds them against a recording."""

    def __init__(self, config: pytest.Config, runtime: pytest.StashKey[AgentCore]) -> None:
        self._config = config
        self._runtime = runtime
        self._record: Path | None = config.getoption("agentcore_record")
        self._replay: Path | None = config.getoption("agentcore_replay")
        if self._replay is not None and not self._replay.is_dir():
            raise pytest.UsageError(f"--agentcore-replay: there is no folder {self._replay}; name FOLDER/TARGET/DATE")
        try:
            self._accepted = read(config.invocation_params.dir / NAME) if self._replay else []
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        # Also for properties of a user's own, whose examples would be others each time.
        profiles.load(config)
        self._stack = ExitStack()
        self._test: _Test | None = None
        self._cases: dict[str, dict[str, Case]] = {}
        self.found: dict[str, list[Found]] = {}
        """The differences of each contract that was replayed."""
        self.unrecorded: set[str] = set()
        """The contracts that ran, and that the recording says nothing about."""
        self.broken: set[str] = set()
        """The contracts that failed by themselves, whatever differs."""

    @property
    def unused(self) -> list[Acceptance]:
        """The entries of parity.toml about contracts that were replayed which no difference called for."""
        used = {found.acceptance for contract in self.found.values() for found in contract}
        return [
            each
            for each in self._accepted
            if each not in used and any(fnmatch.fnmatchcase(contract, each.contract) for contract in self.found)
        ]

    def pytest_sessionstart(self) -> None:
        """Listen, to whatever is made from now on."""
        self._stack.enter_context(listening(self._hear))

    def _hear(self, exchange: Exchange) -> None:
        if self._test is not None and not self._test.silent:
            self._test.exchanges.append(exchange)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin with what a contract's own fixtures exchange."""
        self._test = _Test() if item.get_closest_marker(MARK) is not None else None
        yield

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Leave out what a fixture exchanges for several tests."""
        # Whose test a fixture of wider scope is set up in depends on which tests were selected.
        test = self._test
        if test is None or fixturedef.scope == "function":
            return (yield)
        test.silent += 1
        try:
            return (yield)
        finally:
            test.silent -= 1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep what a contract exchanged, or fail it for what differs."""
        try:
            yield
        except pytest.skip.Exception:
            raise
        except BaseException:
            self._end(item, "failed")
            raise
        problem = self._end(item, "passed")
        if problem:
            pytest.fail(problem, pytrace=False)

    def _end(self, item: pytest.Item, outcome: str) -> str | None:
        """Keep what the test has exchanged; or say how it differs from the recording, if it does."""
        mark, test, self._test = item.get_closest_marker(MARK), self._test, None
        if mark is not None and outcome == "failed":
            self.broken.add(mark.args[0].id)
        runtime = self._config.stash.get(self._runtime, None)
        if mark is None or test is None or runtime is None:
            return None
        contract: Contract = mark.args[0]
        account = runtime.arn.split(":")[4]
        written = normalised(
            [plain.exchange(each) for each in test.exchanges if not each.beside],
            [plain.exchange(each) for each in test.exchanges if each.beside],
            Place(runtime.region, account, runtime.endpoint),
        )
        name = item.name.partition("[")[2].removesuffix("]")
        if self._record is not None and test.exchanges:
            self._cases.setdefault(contract.id, {})[name] = Case(outcome, written)
        return self._compare(contract.id, name, written) if self._replay is not None else None

    def _compare(self, contract: str, case: str, got: dict[str, Any]) -> str | None:
        assert self._replay is not None
        try:
            whole = recording.read(recording.file_of(self._replay, contract))
        except FileNotFoundError:
            whole = None
        if whole is None or case not in whole.cases:
            if any(got.values()):
                self.unrecorded.add(contract)
            return None
        found = [
            Found(case, each, next((entry for entry in self._accepted if entry.covers(contract, each.path)), None))
            for each in differences(whole.cases[case].exchanges, got)
        ]
        self.found.setdefault(contract, []).extend(found)
        today = datetime.datetime.now(datetime.UTC).date()
        counting = [each for each in found if each.acceptance is None or each.acceptance.expired(today)]
        if not counting:
            return None
        lines = [f"{len(counting)} difference{'s' * (len(counting) > 1)} from the recording in {self._replay}:"]
        then, now = whole.head.versions.get("hypothesis"), importlib.metadata.version("hypothesis")
        if then != now:
            lines.append(f"(recorded with Hypothesis {then}; this is {now}, whose examples may be others)")
        return "\n".join([*lines, *_told(counting)])

    def pytest_sessionfinish(self) -> None:
        """Write the recording."""
        self._stack.close()
        runtime = self._config.stash.get(self._runtime, None)
        if self._record is not None and runtime is not None:
            for contract, cases in self._cases.items():
                recording.write(self._record, Recording(contract, head(runtime), cases))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was recorded, and what differed."""
        terminalreporter.section("AgentCore parity")
        if self._record is not None:
            terminalreporter.line(f"recorded: {len(self._cases)} contracts, below {self._record}")
        if self._replay is not None:
            different = sum(any(each.acceptance is None for each in found) for found in self.found.values())
            accepted = sum(each.acceptance is not None for found in self.found.values() for each in found)
            terminalreporter.line(
                f"replayed: {len(self.found)} contracts, {different} of them with differences; {accepted} accepted"
                f" differences; {len(self.unrecorded)} contracts that {self._replay} has no recording of"
            )
            for entry in self.unused:
                terminalreporter.line(f"{entry} matches no difference any more; take it out", yellow=True)


def _told(found: list[Found]) -> list[str]:
    """The lines that a test which differs fails with."""
    lines = []
    for each in found[:_SHOWN]:
        lines.append(str(each.difference))
        if each.acceptance is not None:
            lines.append(
                f"    {NAME} accepted this until {each.acceptance.expires} ({each.acceptance.reason}); see whether that"
                " still holds, and give it a later day or mend the difference"
            )
    if len(found) > _SHOWN:
        lines.append(f"({len(found) - _SHOWN} more)")
    return lines
