"""Runs of pytest that record a target, and runs that are held against the recording."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Before any run within this one, each of which forgets what it has imported.
import agentcore_contracts.parity.comparing  # noqa: F401
from agentcore_contracts.parity import recording
from agentcore_contracts.parity.results import read
from agentcore_emulator.testing import EmulatorProcess

pytest_plugins = ["pytester"]

RunPytest = Callable[..., pytest.RunResult]

DECLARED = '@contract("{}", title="It works", evidence="aws-docs", source="a page")\n'
SOURCE = (
    """
import os
import threading

from hypothesis import given
from hypothesis.strategies import integers

@pytest.fixture(scope="module")
def shared(agentcore):
    agentcore.invoke({"in": "a fixture of several tests"})

@pytest.fixture
def own(agentcore):
    agentcore.invoke({"in": "a fixture of one test"})

"""
    + DECLARED.format("A-1")
    + """
@pytest.mark.parametrize("case", ["one", "two"])
def test_one(agentcore, shared, own, case):
    session = agentcore.new_session()
    for _ in range(2):
        agentcore.invoke({"case": case}, session)

"""
    + DECLARED.format("A-2")
    + """
@given(number=integers())
def test_property(agentcore, number):
    agentcore.invoke({"number": number})

"""
    + DECLARED.format("A-3")
    + """
def test_threads(agentcore):
    threads = [threading.Thread(target=agentcore.invoke, args=({"thread": n},)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

"""
    + DECLARED.format("A-4")
    + """
def test_skipped(agentcore):
    agentcore.invoke({})
    pytest.skip("not here")

"""
    + DECLARED.format("A-5")
    + """
def test_failing(agentcore):
    agentcore.invoke({"a": 1})
    assert "kept" in os.environ.get("AGENT_SAYS", "kept")

def test_that_is_no_contract(agentcore):
    agentcore.invoke({})
"""
)

AGENT = """
    import os
    from bedrock_agentcore import BedrockAgentCoreApp

    app = BedrockAgentCoreApp()

    @app.entrypoint
    def entry(payload, context):
        return {"says": SAYS, "session": context.session_id, "payload": payload}

    app.run()
    """


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmulatorProcess]]:
    """By what their agents say."""
    with ExitStack() as stack:
        started = {}
        for says in ("kept", "broken"):
            agent = tmp_path_factory.mktemp(says) / "agent.py"
            agent.write_text(textwrap.dedent(AGENT.replace("SAYS", repr(says))))
            started[says] = stack.enter_context(EmulatorProcess(agent, "--quirks", "off"))
        yield started


@pytest.fixture
def run(
    run_pytest: RunPytest, emulators: dict[str, EmulatorProcess], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Runs the contracts on an agent that says something."""

    def run(says: str, *options: str) -> pytest.RunResult:
        monkeypatch.setenv("AGENT_SAYS", says)
        return run_pytest(SOURCE, f"--agentcore-target={emulators[says].url}", *options)

    return run


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recording of all tests is kept, once one of them has made it."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def recorded(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, shelf: Path) -> Path:
    """The folder of a recording of an agent that says `kept`, for a test to change."""
    if not list(shelf.iterdir()):
        result = run("kept", f"--agentcore-record={shelf}")
        result.assert_outcomes(passed=6, skipped=1)
        result.stdout.fnmatch_lines([f"recorded: 4 contracts, below {shelf}"])
    shutil.copytree(shelf, pytester.path / "records")
    (day,) = (pytester.path / "records" / "emulator").iterdir()
    return day


def exchanges(folder: Path, contract: str, case: str = "") -> Any:
    return recording.read(recording.file_of(folder, contract)).cases[case].exchanges


def test_what_is_recorded(recorded: Path) -> None:
    assert sorted(file.name for file in recorded.iterdir()) == ["A-1.json", "A-2.json", "A-3.json", "A-5.json"]
    one = recording.read(recorded / "A-1.json")
    assert one.head.target == "emulator"
    assert one.head.date == recorded.name
    assert {"botocore", "hypothesis", "agentcore-emulator", "platform", "python"} <= one.head.versions.keys()
    assert list(one.cases) == ["one", "two"]
    # A fixture of its own counts, one of several tests does not.
    asked = [each["request"]["payload"] for each in exchanges(recorded, "A-1", "two")["exchanges"]]
    assert asked == [{"in": "a fixture of one test"}, {"case": "two"}, {"case": "two"}]
    sessions = [each["body"]["session"] for each in exchanges(recorded, "A-1", "two")["exchanges"]]
    assert sessions == ["<session:1>", "<session:2>", "<session:2>"]
    assert len(exchanges(recorded, "A-2")["exchanges"]) == 3
    assert [each["body"]["payload"] for each in exchanges(recorded, "A-3")["beside"]] == [
        {"thread": number} for number in range(2)
    ]


def test_the_same_again(recorded: Path, run: Callable[..., pytest.RunResult]) -> None:
    for _ in range(2):
        result = run("kept", f"--agentcore-replay={recorded}")
        result.assert_outcomes(passed=6, skipped=1)
        result.stdout.fnmatch_lines(["replayed: 4 contracts, 0 of them with differences; 0 accepted differences; 0 *"])


def test_another_answer(recorded: Path, run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    result = run("broken", f"--agentcore-replay={recorded}", "--agentcore-results=results.json")
    result.assert_outcomes(passed=1, failed=5, skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"3 differences from the recording in {recorded}:",
            "exchanges/0/body/says",
            '    expected: "kept"',
            '    got:      "broken"',
        ]
    )
    result.stdout.fnmatch_lines(["replayed: 4 contracts, 4 of them with differences; *"])
    contracts = {contract.id: contract for contract in read(pytester.path / "results.json").contracts}
    outcomes = {contract_id: contract.outcome for contract_id, contract in contracts.items()}
    # What fails by itself has failed, whatever else it differs in.
    assert outcomes == {"A-1": "differs", "A-2": "differs", "A-3": "differs", "A-4": "skipped", "A-5": "failed"}
    (shown,) = contracts["A-5"].differences
    assert (shown.path, shown.expected, shown.got) == ("exchanges/0/body/says", '"kept"', '"broken"')


ACCEPTED = '[[accepted]]\ncontract = "{}"\npath = "{}"\nreason = "AWS is another"\nexpires = {}\n'


def test_accepted_differences(recorded: Path, run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.toml").write_text(
        ACCEPTED.format("A-[13]", "*/*/body/says", "2999-12-31")
        + ACCEPTED.format("A-2", "exchanges/*/body/says", "2001-01-01")
        + ACCEPTED.format("A-1", "exchanges/*/status", "2999-12-31")
        + ACCEPTED.format("B-1", "**", "2999-12-31")
    )
    result = run("broken", f"--agentcore-replay={recorded}", "--agentcore-results=results.json")
    result.assert_outcomes(passed=4, failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        ["    parity.toml accepted this until 2001-01-01 (AWS is another); see whether that still holds,*"]
    )
    result.stdout.fnmatch_lines(["parity.toml: A-1, exchanges/[*]/status matches no difference any more; take it out"])
    # Nothing is known of contracts that were not replayed.
    result.stdout.no_fnmatch_line("*B-1*")
    run_of = read(pytester.path / "results.json")
    assert run_of.unused == ["parity.toml: A-1, exchanges/*/status"]
    one = next(contract for contract in run_of.contracts if contract.id == "A-1")
    assert one.outcome == "passed"
    assert {(each.accepted, each.expires) for each in one.differences} == {("AWS is another", "2999-12-31")}


def test_what_the_recording_has_not(
    recorded: Path, run: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    (recorded / "A-3.json").unlink()
    file = recorded / "A-1.json"
    whole = json.loads(file.read_text())
    del whole["cases"]["two"]
    whole["head"]["versions"]["hypothesis"] = "6.0.0"
    file.write_text(json.dumps(whole))
    result = run("broken", f"--agentcore-replay={recorded}", "--agentcore-results=results.json")
    # Of A-1 the one case, A-2 and A-5.
    result.assert_outcomes(passed=3, failed=3, skipped=1)
    result.stdout.fnmatch_lines(["(recorded with Hypothesis 6.0.0; this is *, whose examples may be others)"])
    result.stdout.fnmatch_lines([f"replayed: 3 contracts, * 2 contracts that {recorded} has no recording of"])
    assert [each.recorded for each in read(pytester.path / "results.json").contracts] == [
        True,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--agentcore-replay=nowhere"], "--agentcore-replay: there is no folder nowhere; name FOLDER/TARGET/DATE"),
        (["--agentcore-record", "-n2"], "contracts are recorded, replayed and reported by one process; leave out -n"),
        (["--agentcore-results=r.json", "-n2"], "contracts are recorded, replayed and reported by one process; *"),
    ],
)
def test_options_that_cannot_be(run_pytest: RunPytest, options: list[str], problem: str) -> None:
    result = run_pytest("def test_it(): pass", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {problem}"])


def test_a_file_of_acceptances_that_says_nothing(run_pytest: RunPytest, pytester: pytest.Pytester) -> None:
    (pytester.path / "parity.toml").write_text("[[accepted]]")
    result = run_pytest("def test_it(): pass", "--agentcore-replay=.")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *parity.toml: [[][[]accepted[]][]] number 1 must have contract, *"])
