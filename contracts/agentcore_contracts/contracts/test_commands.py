"""InvokeAgentRuntimeCommand: one command in a session's microVM, and what it prints."""

from __future__ import annotations

import hashlib
import json
import shlex
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given

from agentcore_contracts import contract
from agentcore_contracts.commands import begin, gathered, run
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import texts

_COMMANDS = "AWS developer guide, 'Execute shell commands in AgentCore Runtime sessions'"
_MODEL = "botocore 1.44 bedrock-agentcore model, InvokeAgentRuntimeCommand"

_COMPLETED = {"exitCode": 0, "status": "COMPLETED"}


def _read_until(chunks: Iterator[dict[str, Any]], wanted: str) -> None:
    printed = ""
    while wanted not in printed:
        printed += next(chunks).get("contentDelta", {}).get("stdout", "")


@contract(
    "CM-001",
    title="A command's stream is one contentStart, contentDeltas of stdout or stderr, and one contentStop with exit"
    " code and status",
    evidence="aws-model",
    source=f"{_MODEL}: InvokeAgentRuntimeCommandStreamOutput and ResponseChunk",
)
def test_the_stream(agentcore: AgentCore, session: str) -> None:
    """Each chunk has exactly one member."""
    chunks = list(begin(agentcore, "echo one; echo two >&2", session))
    assert [len(chunk) for chunk in chunks] == [1] * len(chunks)
    assert chunks[0] == {"contentStart": {}}
    assert chunks[-1] == {"contentStop": _COMPLETED}
    deltas = [chunk["contentDelta"] for chunk in chunks[1:-1]]
    assert sorted(deltas, key=str) == [{"stderr": "two\n"}, {"stdout": "one\n"}]


@contract(
    "CM-002",
    title="Any text that a command prints arrives as it is, on the stream that it was printed to",
    evidence="aws-model",
    source=f"{_MODEL}: ContentDeltaEvent.stdout and stderr are strings",
)
@given(out=texts().filter(lambda text: "\0" not in text), err=texts().filter(lambda text: "\0" not in text))
def test_any_text(agentcore: AgentCore, warm_session: str, out: str, err: str) -> None:
    """A program's argument cannot hold a NUL character, anything else can."""
    command = f"printf %s {shlex.quote(out)}; printf %s {shlex.quote(err)} >&2"
    assert run(agentcore, command, warm_session) == (out, err, _COMPLETED)


@contract(
    "CM-003",
    title="The exit code is that of bash: of the last command, 127 for one that is not there, 128 + n for signal n",
    evidence="aws-docs",
    source=f"{_COMMANDS}: a command runs in a bash of its own",
)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("false; true", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("no-such-command-at-all", 127),
        ("(kill -KILL $BASHPID); exit $?", 137),
    ],
)
def test_exit_codes(agentcore: AgentCore, warm_session: str, command: str, code: int) -> None:
    """A failure of the command's is none of the operation's."""
    assert run(agentcore, command, warm_session).stop == {"exitCode": code, "status": "COMPLETED"}


@contract(
    "CM-004",
    title="A command that takes longer than its timeout is ended, and its status is TIMED_OUT",
    evidence="aws-model",
    source=f"{_MODEL}: ContentStopEvent.status; and {_COMMANDS}",
)
def test_timeouts(agentcore: AgentCore, session: str) -> None:
    """What it printed before arrives. The exit code of that, nobody promises."""
    result = run(agentcore, "echo before; sleep 600; echo after", session, timeout=1)
    assert result.stdout == "before\n"
    assert result.stop is not None
    assert result.stop["status"] == "TIMED_OUT"


@contract(
    "CM-005",
    title="Commands and invocations of a session share their files, both ways",
    evidence="aws-docs",
    source=f"{_COMMANDS}: the container and file system are the agent's",
)
def test_files(agentcore: AgentCore, session: str) -> None:
    """By the path that the agent knows."""
    file = {"folder": "work", "name": f"{uuid.uuid4()}.txt"}
    path = agentcore.invoke({"do": "write", "text": "the agent's", **file}, session).json["path"]
    assert run(agentcore, f"cat {shlex.quote(path)}", session).stdout == "the agent's"
    run(agentcore, f"printf %s 'the command, too' > {shlex.quote(path)}", session)
    assert agentcore.invoke({"do": "read", **file}, session).json == {"text": "the command, too"}


@contract(
    "CM-006",
    title="A command has the agent's environment variables",
    evidence="aws-docs",
    source=f"{_COMMANDS}: the environment is the agent's",
)
def test_environment(agentcore: AgentCore, session: str) -> None:
    """One that the platform sets."""
    found = agentcore.invoke({"do": "resource_attributes"}, session).json
    assert run(agentcore, "printenv OTEL_RESOURCE_ATTRIBUTES", session).stdout == f"{found}\n"


@contract(
    "CM-007",
    title="A command may be a session's first call, and starts the microVM in which the agent is invoked then",
    evidence="field-report",
    source="An AWS sample's account of deployed runtimes (anthropic-on-aws pull request 284)",
)
def test_a_cold_start(agentcore: AgentCore, session: str) -> None:
    """The agent's first invocation comes after it."""
    name = f"contract-{uuid.uuid4()}"
    assert run(agentcore, f"echo first > {name}", session).stop == _COMPLETED
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    assert run(agentcore, f"cat {name}", session).stdout == "first\n"


@contract(
    "CM-008",
    title="What a command writes in one session is in no other",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents'",
)
def test_isolation(agentcore: AgentCore, session: str) -> None:
    """Each in the agent's working directory."""
    other = agentcore.new_session()
    name = f"contract-{uuid.uuid4()}"
    run(agentcore, f"echo mine > {name}", session)
    assert run(agentcore, f"cat {name}", session).stdout == "mine\n"
    result = run(agentcore, f"cat {name}", other)
    assert result.stdout == ""
    assert result.stop == {"exitCode": 1, "status": "COMPLETED"}


@contract(
    "CM-009",
    title="Each command has a bash of its own: variables and the working directory of the one before are gone",
    evidence="aws-docs",
    source=f"{_COMMANDS}: commands are stateless",
)
def test_a_fresh_bash(agentcore: AgentCore, session: str) -> None:
    """Files stay, the shell does not."""
    where = run(agentcore, "pwd", session).stdout
    assert run(agentcore, "cd /; export LEFT=behind; f() { :; }", session).stop == _COMPLETED
    assert run(agentcore, 'pwd; echo "[$LEFT]"; type f >/dev/null 2>&1 || echo none', session).stdout == (
        f"{where}[]\nnone\n"
    )


@contract(
    "CM-010",
    title="What a command prints arrives while it runs, and the agent is invoked beside it",
    evidence="aws-docs",
    source=f"{_COMMANDS}: output is streamed in real time, and a command does not block invocations",
)
def test_output_is_not_held_back(agentcore: AgentCore, session: str) -> None:
    """The command goes on only when the agent, invoked after its first line came, has written a file."""
    file = {"folder": "work", "name": f"{uuid.uuid4()}.txt"}
    path = shlex.quote(agentcore.invoke({"do": "write", "text": "", **file}, session).json["path"])
    command = f"echo one; for _ in {{1..1000}}; do [ -s {path} ] && break; sleep 0.02; done; echo two; cat {path}"
    chunks = begin(agentcore, command, session)
    _read_until(chunks, "one\n")
    agentcore.invoke({"do": "write", "text": "three", **file}, session)
    assert gathered(chunks) == ("two\nthree", "", _COMPLETED)


@contract(
    "CM-011",
    title="Stopping a session ends the commands in it: their streams do not complete, and the next call starts cold",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session'. No source says how the break shows, so any end will do here",
)
def test_stop(agentcore: AgentCore, session: str) -> None:
    """The command would wait for much longer than this test takes."""
    agentcore.invoke({"do": "count"}, session)
    chunks = begin(agentcore, "echo up; sleep 600; echo over", session)
    _read_until(chunks, "up\n")
    assert agentcore.stop(session) == 200
    result = gathered(chunks)
    assert result.stdout == ""
    assert result.stop is None or result.stop["exitCode"] != 0
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1


@contract(
    "CM-012",
    title="An empty command, one of more than 65,536 characters, and a timeout that is not from 1 to 3,600 are refused"
    " with 400 ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}: InvokeAgentRuntimeCommandRequestBody.command; the timeout: {_COMMANDS}",
)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"command": ""},
        {"command": " " * 65_537},
        {"command": "true", "timeout": 0},
        {"command": "true", "timeout": 3601},
        {"command": "true", "timeout": "long"},
    ],
    ids=["none", "empty", "long", "0 s", "3,601 s", "text"],
)
def test_what_is_refused(agentcore: AgentCore, session: str, body: dict[str, Any]) -> None:
    """Over plain HTTP: boto3 itself would not send all of these."""
    headers = {"content-type": "application/json", "x-amzn-bedrock-agentcore-runtime-session-id": session}
    answer = agentcore.post("commands", headers=headers, body=json.dumps(body).encode())
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "ValidationException"


@contract(
    "CM-013",
    title="The longest command, of 65,536 characters, and timeouts of 1 and 3,600 seconds are taken",
    evidence="aws-model",
    source=f"{_MODEL}: InvokeAgentRuntimeCommandRequestBody.command; the timeout: {_COMMANDS}",
)
@pytest.mark.parametrize("timeout", [1, 3600])
def test_the_limits(agentcore: AgentCore, warm_session: str, timeout: int) -> None:
    """A long nothing."""
    assert run(agentcore, ":".ljust(65_536), warm_session, timeout=timeout).stop == _COMPLETED


@contract(
    "CM-014",
    title="Long output arrives whole and in order, in pieces",
    evidence="aws-docs",
    source=f"{_COMMANDS}: an event has 64 KB at most, a command's output 100 MB",
)
def test_long_output(agentcore: AgentCore, warm_session: str) -> None:
    """Half a megabyte of numbers."""
    chunks = list(begin(agentcore, "seq 1 80000", warm_session))
    pieces = [chunk["contentDelta"]["stdout"] for chunk in chunks if "contentDelta" in chunk]
    assert "".join(pieces) == "".join(f"{number}\n" for number in range(1, 80_001))
    assert max(len(piece.encode()) for piece in pieces) <= 65_536


@contract(
    "CM-015",
    title="A large file that a command makes is the agent's to read, byte for byte",
    evidence="aws-docs",
    source=f"{_COMMANDS}: the container and file system are the agent's",
)
def test_large_files(agentcore: AgentCore, session: str) -> None:
    """Ten megabytes."""
    file = {"folder": "work", "name": f"{uuid.uuid4()}.bin"}
    path = agentcore.invoke({"do": "write", "text": "", **file}, session).json["path"]
    assert run(agentcore, f"yes contract | head -c 10000000 > {shlex.quote(path)}", session).stop == _COMPLETED
    whole = (b"contract\n" * 1_111_112)[:10_000_000]
    assert agentcore.invoke({"do": "digest", **file}, session).json == {
        "size": 10_000_000,
        "sha256": hashlib.sha256(whole).hexdigest(),
    }


@contract(
    "CM-016",
    title="A client that hangs up does not end the command",
    evidence="aws-docs",
    source="AWS developer guide, 'Use isolated sessions for agents': closing the connection does not stop the session",
)
def test_a_client_that_hangs_up(agentcore: AgentCore, session: str) -> None:
    """The command is let go on only after its client has gone, and writes what a later one finds."""
    name = f"contract-{uuid.uuid4()}"
    waiting = f"for _ in {{1..1000}}; do [ -e {name} ] && break; sleep 0.02; done"
    with closing(begin(agentcore, f"echo up; {waiting}; echo went on > {name}.done", session)) as chunks:
        _read_until(chunks, "up\n")
    look = f"touch {name}; for _ in {{1..1000}}; do [ -s {name}.done ] && break; sleep 0.02; done; cat {name}.done"
    assert run(agentcore, look, session).stdout == "went on\n"


@contract(
    "CM-017",
    title="A command for an agent runtime or endpoint that does not exist is 404 ResourceNotFoundException",
    evidence="aws-model",
    source=f"{_MODEL}: its errors",
)
@pytest.mark.parametrize("member", ["agentRuntimeArn", "qualifier"])
def test_what_is_not_there(agentcore: AgentCore, session: str, member: str) -> None:
    """As for an invocation."""
    names = {"agentRuntimeArn": f"{agentcore.arn[:-10]}0000000000", "qualifier": "nobody_made_this"}
    request = {"agentRuntimeArn": agentcore.arn, "runtimeSessionId": session, "body": {"command": "true"}}
    with pytest.raises(agentcore.client.exceptions.ResourceNotFoundException):
        agentcore.client.invoke_agent_runtime_command(**{**request, member: names[member]})


@contract(
    "CM-018",
    title="Commands of one session run beside each other",
    evidence="aws-docs",
    source=f"{_COMMANDS}: a command does not block others",
)
def test_commands_side_by_side(agentcore: AgentCore, session: str) -> None:
    """The first waits for what the second writes."""
    name = f"contract-{uuid.uuid4()}"
    chunks = begin(agentcore, f"echo up; for _ in {{1..1000}}; do [ -e {name} ] && break; sleep 0.02; done", session)
    _read_until(chunks, "up\n")
    assert run(agentcore, f"touch {name}", session).stop == _COMPLETED
    assert gathered(chunks) == ("", "", _COMPLETED)
