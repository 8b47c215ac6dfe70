"""The pytest plugin: options, the fixtures, the rules for contracts, and their summary.

pytest loads this in every run of everyone who has the package installed. Until a test asks for more it costs nothing
and imports nothing but pytest.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_contracts.declaration import MARK, Contract

if TYPE_CHECKING:
    from agentcore_contracts.memory import Memory
    from agentcore_contracts.runtime import AgentCore
    from agentcore_emulator.testing import Admin, EmulatorClock, Faults

# Every test below this folder states a contract.
_OURS = Path(__file__).parent / "contracts"

# How much of an emulator's log is shown with a failure.
_LINES = 40

# The test that has each contract's id; the runtime, once there is one; how much of its log earlier tests have seen.
_owners = pytest.StashKey[dict[str, str]]()
_runtime = pytest.StashKey["AgentCore"]()
_log_seen = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; `target.py` says what becomes of them."""
    group = parser.getgroup("agentcore", "AgentCore contracts")
    group.addoption(
        "--agentcore-target",
        type=_target,
        default="emulator",
        metavar="TARGET",
        help="What contracts run against: `emulator` (default; started for the run), `aws`, or the URL of a running"
        " emulator.",
    )
    group.addoption(
        "--agentcore-agent",
        type=Path,
        metavar="PATH",
        help="The agent that is started with the emulator: a Python file, or a folder that the starter toolkit"
        " configured. Default: the probe agent, which the contracts of AgentCore itself are about.",
    )
    group.addoption(
        "--agentcore-python",
        type=Path,
        metavar="PATH",
        help="The interpreter or virtual environment of that agent; default: the one of this run for the probe, and"
        " the agent's own `.venv`.",
    )
    group.addoption(
        "--agentcore-profile",
        choices=["quick", "full"],
        default="full",
        help="How many examples Hypothesis gives each contract of AgentCore itself: 10 or 50; fewer on AWS.",
    )
    group.addoption(
        "--agentcore-arn",
        metavar="ARN",
        help="The agent runtime to invoke on AWS or at a URL; default: AGENTCORE_RUNTIME_ARN in the environment.",
    )
    group.addoption(
        "--agentcore-memory-id",
        metavar="ID",
        help="The memory to use on AWS or at a URL; default: AGENTCORE_MEMORY_ID in the environment, else the one that"
        " `agentcore-contracts deploy` has made, else on an emulator a new one.",
    )
    group.addoption(
        "--agentcore-record",
        type=Path,
        nargs="?",
        const=Path("recordings"),
        metavar="FOLDER",
        help="Write what the target answers to FOLDER/TARGET/DATE/CONTRACT.json; default of FOLDER: recordings.",
    )
    group.addoption(
        "--agentcore-replay",
        type=Path,
        metavar="FOLDER/TARGET/DATE",
        help="Fail each contract whose target answers otherwise than this recording says.",
    )
    group.addoption(
        "--agentcore-results",
        type=Path,
        metavar="FILE",
        help="Write what became of each contract to FILE, for `agentcore-contracts report`.",
    )


def _target(text: str) -> str:
    if text in ("emulator", "aws") or text.startswith(("http://", "https://")):
        return text.rstrip("/")
    raise argparse.ArgumentTypeError(f"{text!r} is neither `emulator` nor `aws` nor an http:// or https:// URL")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known to `--strict-markers`; refuse options that would have no effect."""
    if config.getoption("agentcore_target") == "emulator":
        for option in ("--agentcore-arn", "--agentcore-memory-id"):
            if config.getoption(option) is not None:
                raise pytest.UsageError(f"{option} needs --agentcore-target: aws, or the URL of a running emulator")
    else:
        for option in ("--agentcore-agent", "--agentcore-python"):
            if config.getoption(option) is not None:
                raise pytest.UsageError(f"{option} needs the emulator that is started for a run; leave out one of both")
    compared, results = _compared(config), config.getoption("agentcore_results")
    if (compared or results) and (hasattr(config, "workerinput") or config.getoption("numprocesses", None)):
        raise pytest.UsageError("contracts are recorded, replayed and reported by one process; leave out -n")
    if compared:
        from agentcore_contracts.parity.comparing import Comparing

        config.pluginmanager.register(Comparing(config, _runtime), "agentcore_comparing")
    if results:
        from agentcore_contracts.parity.results import Results

        config.pluginmanager.register(Results(config, results, _runtime), "agentcore_results")
    config.addinivalue_line(
        "markers", f"{MARK}(contract): the promise of AgentCore that a test checks; set by agentcore_contracts.contract"
    )
    config.stash[_owners] = {}


def _compared(config: pytest.Config) -> bool:
    return bool(config.getoption("agentcore_record") or config.getoption("agentcore_replay"))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a contract's missing declaration, or an id that is taken, into an error of collection."""
    report = yield
    if report.passed:
        items = [node for node in report.result if isinstance(node, pytest.Item)]
        problems = [problem for item in items if (problem := _admit(item)) is not None]
        if problems:
            report.outcome = "failed"
            report.longrepr = "\n".join(dict.fromkeys(problems))
            report.result = []
    return report


def _admit(item: pytest.Item) -> str | None:
    """Tie an item's reports to its contract; or say in a sentence what is wrong with its declaration."""
    test = item.nodeid.partition("[")[0]
    mark = item.get_closest_marker(MARK)
    if mark is None:
        ours = _OURS in item.path.parents
        return f"{test} has no @contract, which every test of this package needs" if ours else None
    contract: Contract = mark.args[0]
    owner = item.config.stash[_owners].setdefault(contract.id, test)
    if owner != test:
        return f"{test} has the contract id {contract.id}, which is that of {owner}"
    # Travels with the reports: to the controller of pytest-xdist, and into JUnit's XML.
    item.user_properties += [
        ("agentcore_contract", contract.id),
        ("agentcore_evidence", contract.evidence),
        ("agentcore_title", contract.title),
    ]
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the emulator printed meanwhile: an agent's traceback stands there, not in its 424."""
    report = yield
    runtime = item.config.stash.get(_runtime, None)
    if runtime is not None:
        log = runtime.log()
        seen = item.config.stash.get(_log_seen, 0)
        lines = log[seen:].strip().splitlines()
        if report.failed and lines:
            # Hypothesis tries the shrunk example last, and what came before would bury it.
            left_out = [f"({len(lines) - _LINES} lines before these)"] if len(lines) > _LINES else []
            report.sections.append(("Emulator's log of this test", "\n".join([*left_out, *lines[-_LINES:]])))
        if report.when == "teardown":
            item.config.stash[_log_seen] = len(log)
    return report


# Outside of pytest's own wrapper, and so below its list of what was skipped, where it is not overlooked.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """Count the contracts that ran, each kind of evidence apart."""
    yield
    reports = [
        report
        for group in terminalreporter.stats.values()
        for report in group
        if isinstance(report, pytest.TestReport)
        and any(name == "agentcore_contract" for name, _ in report.user_properties)
    ]
    if reports:
        from agentcore_contracts import summary

        summary.write(terminalreporter, config, reports)


@pytest.fixture(scope="session")
def agentcore(pytestconfig: pytest.Config) -> Iterator[AgentCore]:
    """The agent runtime that the contracts are about. Skips where `--agentcore-target aws` has nothing to call."""
    from agentcore_contracts import target

    with target.opened(pytestconfig) as runtime:
        pytestconfig.stash[_runtime] = runtime
        yield runtime


@pytest.fixture
def clock(agentcore: AgentCore) -> EmulatorClock:
    """The emulator's time, and the way to move it. Skips on AWS, whose time nobody moves."""
    from agentcore_emulator.testing import EmulatorClock

    return EmulatorClock(_admin(agentcore, "time cannot be moved on AWS"))


@pytest.fixture
def faults(agentcore: AgentCore) -> Iterator[Faults]:
    """The emulator's faults, none of which outlives the test. Skips on AWS, where errors come unbidden."""
    from agentcore_emulator.testing import Faults

    faults = Faults(_admin(agentcore, "faults cannot be ordered on AWS"))
    yield faults
    faults.clear()


def _admin(agentcore: AgentCore, reason: str) -> Admin:
    from agentcore_emulator.testing import Admin

    if agentcore.endpoint is None:
        pytest.skip(f"nothing was measured: {reason}")
    return Admin(agentcore.endpoint)


@pytest.fixture(scope="session")
def _memory_id(agentcore: AgentCore, pytestconfig: pytest.Config) -> Iterator[str]:
    from agentcore_contracts import target

    with target.memory(pytestconfig, agentcore) as memory_id:
        yield memory_id


@pytest.fixture
def memory(agentcore: AgentCore, _memory_id: str) -> Memory:
    """An AgentCore Memory, with an actor that nobody else has. Skips on AWS if none is named or deployed."""
    from agentcore_contracts.memory import Memory

    return Memory(agentcore, _memory_id)
