"""An emulator as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from agentcore_emulator.testing.admin import EmulatorError
from agentcore_emulator.testing.running import RunningEmulator

__all__ = ["EmulatorProcess"]

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0


class EmulatorProcess(RunningEmulator):
    """`agentcore-emulator start TARGET OPTIONS` as a process that has the variables `env` besides this one's.

    It can crash without the test, and prints to `log` all that a user would see; if it does not get ready, the error
    says all of it.
    """

    def __init__(self, target: str | Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        super().__init__(target, *options)
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._ready_at = ""
        self._env = {**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._running().pid

    @property
    def log(self) -> str:
        """Everything that it has printed so far."""
        return "\n".join(self._lines)

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit status, also when it has ended before."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(2)
        return self._wait(process)

    def kill(self) -> None:
        """End it as a crash does: SIGKILL."""
        process = self._running()
        process.kill()
        self._wait(process)

    def _start(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentcore_emulator", "start", *self._arguments],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(_READY_SECONDS) or not self._ready_at:
            self.kill()
            raise EmulatorError(f"the emulator did not get ready; it printed:\n{self.log}")
        return self._ready_at

    def _wait(self, process: subprocess.Popen[str]) -> int:
        try:
            status = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise EmulatorError(f"the emulator did not stop; it printed:\n{self.log}") from None
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()
        return status

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise EmulatorError("the emulator has not been started; use it in a with block")
        return self._process

    def _read(self) -> None:
        stdout = self._running().stdout
        assert stdout is not None
        for line in stdout:
            self._lines.append(line.rstrip("\n"))
            if line.startswith("Ready"):
                self._ready_at = next((word for word in line.split() if word.startswith("http://")), "")
                self._ready.set()
        self._ready.set()
