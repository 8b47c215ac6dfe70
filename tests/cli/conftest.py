"""Runs the real command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.cli import main

COMMAND = (sys.executable, "-m", "agentcore_emulator")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _sets_something(name: str) -> bool:
    return name.startswith(("AWS_", "AGENTCORE_"))


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """This process's environment without anything that sets an option or an AWS client."""
    return {name: value for name, value in os.environ.items() if not _sets_something(name)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The empty folder in which `run` and `call` work."""
    folder = tmp_path / "current"
    folder.mkdir()
    return folder


@pytest.fixture
def run(folder: Path, clean_environment: dict[str, str]) -> Run:
    """Runs `agentcore-emulator` with these arguments, and these variables besides the clean ones."""

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=folder,
            env={**clean_environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def call(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Like `run`, but within this process: quicker, for what starts no emulator."""
    monkeypatch.chdir(folder)
    for name in filter(_sets_something, list(os.environ)):
        monkeypatch.delenv(name)

    def call(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            capsys.readouterr()
            status = main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return call


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """An agent that counts its invocations, and says something while it is imported."""
    file = tmp_path / "project" / "agent.py"
    file.parent.mkdir()
    file.write_text(
        """
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

print("imported")
count = 0


class Agent(BaseHTTPRequestHandler):
    def do_POST(self):
        global count
        count += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answer({"count": count, "greeting": os.environ.get("GREETING")})

    def do_GET(self):
        self.answer({"status": "Healthy"})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", 8080), Agent).serve_forever()
""",
        encoding="utf-8",
    )
    return file


def the_one_line(text: str) -> str:
    """The only line of `text`, which is to be a complaint of the command line."""
    [line] = text.splitlines()
    assert line.startswith("agentcore-emulator: ")
    return line.removeprefix("agentcore-emulator: ")
