"""The launcher of programs that are not Python, without isolation: nothing of a program outlives it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the launcher is made for Linux")

RESTING = "import signal; signal.pause()"


def launched(tmp_path: Path, program: str) -> subprocess.Popen[str]:
    """The launcher, at work on some Python, with its output on a pipe."""
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(program))
    order = {
        "argv": [sys.executable, "-S", str(file)],
        "folder": str(tmp_path),
        "isolation": None,
        "limits": False,
        "host": os.getpid(),
    }
    return subprocess.Popen(
        [sys.executable, "-I", str(GUEST_FOLDER), "launch", json.dumps(order)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(descriptor: int) -> bool:
    ready, _, _ = select.select([descriptor], [], [], 20)
    return bool(ready)


@pytest.mark.parametrize("repetitions", [1, 1000])
def test_an_order_to_end_may_come_more_than_once(tmp_path: Path, repetitions: int) -> None:
    """The kernel gives it for each thread of the emulator that dies, so also while orphans are being ended."""
    launcher = launched(
        tmp_path,
        f"""
        import subprocess, sys, signal
        others = [subprocess.Popen([sys.executable, "-S", "-c", {RESTING!r}], start_new_session=True) for _ in range(9)]
        print(*(other.pid for other in others), flush=True)
        signal.pause()
        """,
    )
    assert launcher.stdout is not None
    orphans = [os.pidfd_open(int(pid)) for pid in launcher.stdout.readline().split()]
    try:
        for _ in range(repetitions):
            launcher.send_signal(signal.SIGUSR1)
        assert launcher.wait(20) == -signal.SIGKILL
        assert len(orphans) == 9
        assert all(ended(orphan) for orphan in orphans)
        assert launcher.stdout.read() == ""
    finally:
        for orphan in orphans:
            if not select.select([orphan], [], [], 0)[0]:
                signal.pidfd_send_signal(orphan, signal.SIGKILL)
            os.close(orphan)
        launcher.stdout.close()


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 10)", -signal.SIGUSR1),
    ],
)
def test_it_ends_as_its_program_does(tmp_path: Path, program: str, status: int) -> None:
    launcher = launched(tmp_path, program)
    output, _ = launcher.communicate(timeout=20)
    assert (launcher.returncode, output) == (status, "")


def test_sigterm_reaches_the_program(tmp_path: Path) -> None:
    launcher = launched(
        tmp_path,
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        print("ready", flush=True)
        signal.sigwait([signal.SIGTERM])
        print("ending", flush=True)
        """,
    )
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "ready\n"
    launcher.send_signal(signal.SIGTERM)
    output, _ = launcher.communicate(timeout=20)
    assert (launcher.returncode, output) == (0, "ending\n")
