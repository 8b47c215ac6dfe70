import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_client import AgentClient
from chat import Chat, latency_table

from agentcore_emulator.testing import EmulatorProcess

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(remembering: EmulatorProcess, agent_file: Path) -> Run:
    """Runs chat.py as a user does, with lines from a pipe and the environment that leads to the emulator."""

    def run_chat(*lines: str, options: tuple[str, ...] = (), **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(agent_file.with_name("chat.py")), *options],
            input="\n".join(lines),
            env={**os.environ, **remembering.info["environment"], **changed},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run_chat


@pytest.fixture
def chat(visitor: Callable[[], AgentClient]) -> Callable[..., str]:
    """Types lines into one conversation and returns what was shown for them."""
    shown: list[str] = []
    conversation = Chat(visitor(), write=shown.append)

    def type_in(*lines: str) -> str:
        shown.clear()
        for line in lines:
            assert conversation.handle(line)
        return "".join(shown)

    return type_in


def test_a_conversation_through_a_pipe(run: Run) -> None:
    lines = ("What is 14 * 3?", "/stream off", "and that plus 34?", "/new", "What was the result?", "/quit", "/ping")
    done = run(*lines, options=("--user", "pipe"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "pipe> What is 14 * 3?\n14 * 3 = 42.\n[" in done.stdout
    assert "first token after" in done.stdout
    assert "42 + 34 = 76.\n[" in done.stdout
    assert "memory_source=ram" in done.stdout
    in_the_new_session = done.stdout.partition("pipe> /new")[2]
    assert "The last calculation was 42 + 34 = 76.\n[" in in_the_new_session
    assert "memory_source=durable" in in_the_new_session
    assert "pong" not in done.stdout  # nothing after /quit is read


def test_the_end_of_the_input_ends_it(run: Run) -> None:
    done = run("/ping")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pong (cold)\n[" in done.stdout


def test_a_failure_is_one_line_and_not_the_end(run: Run) -> None:
    done = run("/dance", "/ping", "/quit")
    assert (done.returncode, done.stderr) == (1, "")
    assert "! There is no command /dance; /help lists them.\n" in done.stdout
    assert "pong (cold)" in done.stdout


def test_an_agent_that_is_not_there_is_one_line(run: Run, remembering: EmulatorProcess) -> None:
    done = run("Hello", "/ping", options=("--arn", remembering.arn[:-10] + "0123456789"))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("! There is no such agent (HTTP 404") == 2


def test_an_emulator_that_is_not_there_is_one_line(run: Run) -> None:
    done = run("Hello", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Is the emulator running" in done.stdout


@pytest.mark.parametrize(
    ("arn", "sentence"),
    [
        ("", "no agent: set AGENTCORE_RUNTIME_ARN"),
        ("memory_agent", "'memory_agent' is not the ARN of an agent runtime"),
    ],
)
def test_without_an_agent_it_does_not_begin(run: Run, arn: str, sentence: str) -> None:
    done = run("Hello", AGENTCORE_RUNTIME_ARN=arn)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_bytes_that_are_no_text_are_survived(remembering: EmulatorProcess, agent_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(agent_file.with_name("chat.py"))],
        input=b"caf\xe9\n/stream off\n\xff\xfe\n",
        env={**os.environ, **remembering.info["environment"], "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_sessions_and_users(chat: Callable[..., str]) -> None:
    chat("My name is Ada")
    assert re.search(r"^Session 2 of this chat, for .+: [0-9a-f-]{36}$", chat("/new"), re.MULTILINE)
    assert "for bob:" in chat("/user bob")
    assert "I do not know your name" in chat("What is my name?")
    listed = chat("/sessions").splitlines()
    assert [line[:3] for line in listed] == ["  1", "  2", "* 3"]
    assert listed[2].endswith("  bob")
    assert chat("/switch 1").startswith("Session 1 of this chat, for user ")
    again = chat("What is my name?")
    assert "Ada" in again
    assert "cache=warm" in again
    assert chat("/sessions").startswith("* 1")


@pytest.mark.parametrize("number", ["", "0", "2", "-1", "x", "²"])
def test_there_is_no_other_session(chat: Callable[..., str], number: str) -> None:
    assert chat(f"/switch {number}") == "! Which session? Say /switch N with a number from 1 to 1.\n"


def test_memory_can_be_looked_at_and_forgotten(chat: Callable[..., str]) -> None:
    chat("/user carol", "/forget", "My name is Carol")
    assert "user: My name is Carol\n" in chat("/memory")
    assert "AgentCore Memory held 2 messages of it." in chat("/forget")
    assert "AgentCore Memory holds nothing of this conversation." in chat("/memory")


def test_latencies_are_kept_by_kind(chat: Callable[..., str]) -> None:
    assert chat("/latency") == "Nothing has been measured yet.\n"
    table = chat("/ping", "/ping", "/ping", "Hello", "/stream off", "Hello", "/latency").splitlines()[-5:]
    counts = {line[:16].strip(): int(line[16:22]) for line in table}
    assert counts == {"ping, cold": 1, "ping, warm": 2, "first token": 1, "chat, streamed": 1, "chat": 1}


def test_a_latency_table() -> None:
    row = latency_table({"chat": [0.001, 0.1, 5.0]}).splitlines()[1]
    assert " ".join(row.split()) == "chat 3 100 ms 1 ms 5000 ms"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", ""),
        ("   ", ""),
        ("/stream", "! Say /stream on or /stream off.\n"),
        ("/stream off", "Answers are shown when they are whole.\n"),
        ("/user", "! Whose name? Say /user NAME.\n"),
    ],
)
def test_small_things(chat: Callable[..., str], line: str, shown: str) -> None:
    assert chat(line) == shown


def test_help_names_every_command(chat: Callable[..., str]) -> None:
    shown = chat("/help")
    for command in (
        "new",
        "sessions",
        "switch",
        "user",
        "ping",
        "memory",
        "forget",
        "latency",
        "stream",
        "help",
        "quit",
    ):
        assert f"  /{command}" in shown


def test_ctrl_c_stops_an_answer_and_not_the_chat(visitor: Callable[[], AgentClient]) -> None:
    shown: list[str] = []

    def write(text: str) -> None:
        shown.append(text)
        if len(shown) == 1:
            raise KeyboardInterrupt  # pressed while the first words appear

    client = visitor()
    conversation = Chat(client, write=write)
    assert conversation.handle("Tell me about microVMs")
    assert shown[-1] == "! Stopped listening. The agent finishes its turn all the same, and remembers it.\n"
    assert conversation.handle("/ping")
    assert "".join(shown).count("pong (warm)") == 1
