"""Runs a contract suite on a copy of the package that it is about."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ["REPOSITORY", "Contract", "Run", "Runner", "Suite"]

REPOSITORY = Path(__file__).parent.parent

# Much longer than the whole suite takes, also on a busy machine.
_LONGEST_SECONDS = 600.0
_GOODBYE_SECONDS = 30.0

_LINES = 30


class Contract(NamedTuple):
    """How a contract fared in a run. `test` is what pytest takes to run it alone, `words` what went wrong.

    One is `broken` if what it looks at could not even be set up.
    """

    test: str
    outcome: Literal["passed", "failed", "broken", "skipped"]
    words: str


@dataclass(frozen=True)
class Run:
    """One run: its contracts by id, and why it did not get as far as them, if it did not."""

    contracts: Mapping[str, Contract]
    problem: str | None

    def of(self, outcome: str) -> list[str]:
        """The ids of the contracts that fared so."""
        return [name for name, contract in self.contracts.items() if contract.outcome == outcome]


@dataclass(frozen=True)
class Suite:
    """The contracts in the folder `contracts` about the package in the folder `package`, run with these options."""

    package: Path
    contracts: Path
    options: Sequence[str] = ()

    def original(self, folder: Path) -> Path:
        """A copy of the package in a new folder, with bytecode, which copies of it have too."""
        copy = self.copy(self.package, folder)
        # Otherwise each process of each mutant would do this again.
        compileall.compile_dir(copy, quiet=2)
        return copy

    @staticmethod
    def copy(package: Path, folder: Path) -> Path:
        """A copy of a package, which keeps the times by which its bytecode is valid."""
        return Path(shutil.copytree(package, folder / package.name))


class Runner:
    """Runs a suite, as often as is wanted and also several times at once; leaving the block ends what still runs."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
            for process in self._running:
                _signal(process, signal.SIGINT)

    def run(self, copy: Path, tests: Collection[str] = ()) -> Run:
        """Run these tests, or all, with the package that `copy` is, up to the first contract that fails.

        The folder that `copy` lies in is used for what the run writes.
        """
        report = copy.parent / "witness.json"
        report.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "mutants.witness", "-p", "no:cacheprovider",
            "--witness", str(report), "--witness-package", copy.name,
            *self._suite.options, *(tests or [str(self._suite.contracts)]),
        ]  # fmt: skip
        output = self._output(command, copy.parent)
        if not report.is_file():
            return Run({}, f"pytest came to no end of its own:\n{_tail(output)}")
        found = json.loads(report.read_text("utf-8"))
        if found["package"] is None or copy not in Path(found["package"]).parents:
            return Run({}, f"the package {copy.name} came from {found['package']}, and not from its copy")
        contracts = {name: Contract(**contract) for name, contract in found["contracts"].items()}
        if found["errors"]:
            return Run(contracts, "\n".join(found["errors"]))
        done = any(contract.outcome != "skipped" for contract in contracts.values())
        return Run(contracts, None if done else f"no contract was looked at:\n{_tail(output)}")

    def _output(self, command: Sequence[str], folder: Path) -> str:
        """What a process of its own group prints; it is ended, with its own processes, when it takes too long."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AGENTCORE_", "PYTEST_"))
        }
        paths = [folder, REPOSITORY / "contracts", *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
        with self._lock:
            if self._over:
                return ""
            process = subprocess.Popen(
                command,
                # From where `mutants` can be imported.
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        try:
            return process.communicate(timeout=_LONGEST_SECONDS)[0]
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGINT)
            try:
                output = process.communicate(timeout=_GOODBYE_SECONDS)[0]
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                output = process.communicate()[0]
            return f"{output}\nended after {_LONGEST_SECONDS:.0f} s"
        finally:
            with self._lock:
                self._running.discard(process)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _tail(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-_LINES:])
