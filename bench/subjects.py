"""What is measured: the bench agent in an emulator, and the same agent run directly."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.load import post

__all__ = ["AGENT", "address", "direct_agent", "emulator_with_learnt_imports", "invocations", "stops"]

AGENT = Path(__file__).with_name("agent.py")


def address(emulator: EmulatorProcess) -> str:
    """HOST:PORT."""
    return emulator.url.removeprefix("http://")


def invocations(emulator: EmulatorProcess) -> str:
    """The path of InvokeAgentRuntime for the default agent."""
    return f"/runtimes/{quote(emulator.arn, safe='')}/invocations"


def stops(emulator: EmulatorProcess) -> str:
    """The path of StopRuntimeSession for the default agent."""
    return f"/runtimes/{quote(emulator.arn, safe='')}/stopruntimesession"


@contextlib.contextmanager
def emulator_with_learnt_imports(state: Path) -> Iterator[EmulatorProcess]:
    """An emulator that has seen this agent before, and has had a session."""
    options = ["--state-dir", str(state), "--quirks", "off"]
    if not (state / "preimports").exists():
        with EmulatorProcess(AGENT, *options) as first:
            post(address(first), invocations(first), 2, new_session())
            # The list is written when the session has reported what it imported.
            while not list((state / "preimports").glob("*.json")):
                time.sleep(0.01)
    with EmulatorProcess(AGENT, *options) as emulator:
        post(address(emulator), invocations(emulator), 1, new_session())
        yield emulator


@contextlib.contextmanager
def direct_agent() -> Iterator[tuple[str, float]]:
    """`python agent.py` alone: HOST:PORT, and the milliseconds from its start to its first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(AGENT)],
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while True:
                try:
                    post(f"127.0.0.1:{port}", "/invocations", 1)
                    break
                except (ConnectionError, http.client.HTTPException):
                    if process.poll() is not None:
                        raise RuntimeError(f"{AGENT} ended with status {process.returncode}") from None
                    time.sleep(0.001)
            yield f"127.0.0.1:{port}", (time.perf_counter() - started) * 1000
        finally:
            process.terminate()
