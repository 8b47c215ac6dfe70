"""Runs a real emulator beside a test, as a process of its own.

    with EmulatorProcess("agent.py", "--quirks", "strict") as emulator:
        client = emulator.client("bedrock-agentcore")
        client.invoke_agent_runtime(agentRuntimeArn=emulator.arn, runtimeSessionId=new_session(), payload=b"{}")

boto3 comes from the test's own environment; it is in the extras `demo` and `contracts`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

__all__ = ["EmulatorProcess", "new_session"]

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0


def new_session() -> str:
    """A session id that no other test has."""
    return f"session-{uuid.uuid4()}"


class EmulatorProcess:
    """`agentcore-emulator start TARGET OPTIONS` on a free port, in the block of a `with`.

    Without `--state-dir` among the options it is ephemeral. `url`, `arn` (the default agent's) and `info` (the answer
    of `GET /_emulator/info`) are there once it is ready; `RuntimeError` with all that it printed if it does not get
    there.
    """

    def __init__(self, target: str | Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.url = ""
        self.arn = ""
        self.info: dict[str, Any] = {}
        self._lines: list[str] = []
        self._ready = threading.Event()
        kept = () if "--state-dir" in options else ("--ephemeral",)
        self._command = [
            sys.executable, "-m", "agentcore_emulator", "start", str(target), "--port", "0", *kept, *options,
        ]  # fmt: skip
        self._env = {**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it is ready."""
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(_READY_SECONDS) or not self.url:
            self.kill()
            raise RuntimeError(f"the emulator did not get ready; it printed:\n{self.log}")
        try:
            self.info = self._get("/_emulator/info")
        except BaseException:
            self.kill()
            raise
        self.arn = self.info["default_arn"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it as Ctrl-C does."""
        self.stop()

    @property
    def pid(self) -> int:
        """The emulator's process id."""
        return self._running().pid

    @property
    def log(self) -> str:
        """Everything that it has printed so far."""
        return "\n".join(self._lines)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of `service` with nothing but the emulator's endpoint, a region and fake keys."""
        import boto3
        from botocore.config import Config

        settings: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": self.info["region"],
            "aws_access_key_id": "emulator",
            "aws_secret_access_key": "emulator",
            **options,
            # A proxy that the environment names cannot reach this machine's loopback address.
            "config": Config(proxies={}).merge(options.get("config", Config())),
        }
        session: Any = boto3.session.Session()
        return session.client(service, **settings)

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that are there now, as `GET /_emulator/sessions` lists them."""
        found: list[dict[str, Any]] = self._get("/_emulator/sessions")["sessions"]
        return found

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

    def _get(self, path: str) -> dict[str, Any]:
        with build_opener(ProxyHandler({})).open(self.url + path) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _wait(self, process: subprocess.Popen[str]) -> int:
        try:
            status = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"the emulator did not stop; it printed:\n{self.log}") from None
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()
        return status

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the emulator has not been started; use it in a with block")
        return self._process

    def _read(self) -> None:
        stdout = self._running().stdout
        assert stdout is not None
        for line in stdout:
            self._lines.append(line.rstrip("\n"))
            if line.startswith("Ready"):
                self.url = next((word for word in line.split() if word.startswith("http://")), "")
                self._ready.set()
        self._ready.set()
