"""That a soak runs to its end. That nothing is left after a long one is for `nox -s soak` to find out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_short_one() -> None:
    command = [sys.executable, "-m", "soak", "--minutes", "0", "--sessions", "6"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *progress, verdict = done.stdout.splitlines()
    assert verdict == "12 sessions, and nothing is left of them"
    assert [line.split()[2:4] for line in progress] == [["6", "sessions"], ["12", "sessions"]]
