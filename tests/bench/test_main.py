"""That every subject is measured and shown. What the figures are is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_every_subject_is_measured_and_shown() -> None:
    done = bench("--quick")
    assert done.returncode == 0, done.stderr
    assert "cores" in done.stdout.splitlines()[0]
    for title, figure in {
        "A warm invocation": "ratio of the p50",
        "A call of an MCP tool": "ratio of the p50",
        "A new session": "python agent.py",
        "A session restored from a snapshot": "V1, 1.2 s of start-up work",
        "From start to Ready": "an agent seen before",
        "Idle sessions": "cores burnt by all" if sys.platform == "linux" else "not measured",
        "Very many sessions": "V2: memory of one" if sys.platform == "linux" else "not measured",
        "AgentCore Memory": "the disk's fsync",
        "Listing from large memories": "the newest 100 of 20,000",
        "AgentCore Memory beside moto's server": "not measured",
        "Searching memory records": "recall@5",
    }.items():
        assert figure in done.stdout.partition(title)[2], done.stdout


def test_an_unknown_subject_is_refused() -> None:
    done = bench("--quick", "speed")
    assert done.returncode == 2
    assert "nothing called speed" in done.stderr
