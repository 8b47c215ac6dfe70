"""What is measured: the bench agent in an emulator, and the same agent run directly."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from agentcore_emulator.testing import EmulatorProcess, new_session
from bench.load import post

__all__ = [
    "AGENT", "SLOW_AGENT", "address", "direct", "direct_agent", "emulator", "emulator_with_learnt_imports",
    "first_answer", "invocations", "stops",
]  # fmt: skip

AGENT = Path(__file__).with_name("agent.py")
SLOW_AGENT = Path(__file__).with_name("slow_agent.py")


def address(emulator: EmulatorProcess) -> str:
    """HOST:PORT."""
    return emulator.url.removeprefix("http://")


def invocations(emulator: EmulatorProcess) -> str:
    """The path of InvokeAgentRuntime for the default agent."""
    return f"/runtimes/{quote(emulator.arn, safe='')}/invocations"


def stops(emulator: EmulatorProcess) -> str:
    """The path of StopRuntimeSession for the default agent."""
    return f"/runtimes/{quote(emulator.arn, safe='')}/stopruntimesession"


def first_answer(emulator: EmulatorProcess) -> float:
    """Milliseconds from a new session's first request to its whole answer; the session is stopped then.

    One at a time: what a machine takes to find memory for ever more of them is not the emulator's.
    """
    session = new_session()
    (milliseconds,) = post(address(emulator), invocations(emulator), 1, session)
    post(address(emulator), stops(emulator), 1, session)
    return milliseconds


@contextlib.contextmanager
def emulator(agent: Path, *options: str) -> Iterator[EmulatorProcess]:
    """An emulator that has had a session."""
    with EmulatorProcess(agent, "--quirks", "off", *options) as process:
        post(address(process), invocations(process), 1, new_session())
        yield process


@contextlib.contextmanager
def emulator_with_learnt_imports(state: Path, agent: Path = AGENT) -> Iterator[EmulatorProcess]:
    """An emulator of platform version V1 that has seen this agent before, and has had a session."""
    learnt = state / "preimports"
    if not list(learnt.glob(f"{agent.stem}-*.json")):
        with emulator(agent, "--state-dir", str(state)):
            # The list is written when the session has reported what it imported.
            while not list(learnt.glob(f"{agent.stem}-*.json")):
                time.sleep(0.01)
    with emulator(agent, "--state-dir", str(state)) as process:
        yield process


@contextlib.contextmanager
def direct_agent() -> Iterator[tuple[str, float]]:
    """`python agent.py` alone: HOST:PORT, and the milliseconds from its start to its first answer."""
    started = time.perf_counter()
    with direct(AGENT, lambda address: post(address, "/invocations", 1)) as address:
        yield address, (time.perf_counter() - started) * 1000


@contextlib.contextmanager
def direct(agent: Path, ask: Callable[[str], object]) -> Iterator[str]:
    """An agent that listens on $PORT, alone: HOST:PORT, once `ask` of that has found it answering."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with subprocess.Popen(
        [sys.executable, str(agent)],
        env={**os.environ, "PORT": address.rpartition(":")[2]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while True:
                try:
                    ask(address)
                    break
                except (ConnectionError, http.client.HTTPException):
                    if process.poll() is not None:
                        raise RuntimeError(f"{agent} ended with status {process.returncode}") from None
                    time.sleep(0.001)
            yield address
        finally:
            process.terminate()
