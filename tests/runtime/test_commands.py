"""`InvokeAgentRuntimeCommand` by boto3, against real emulators."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_emulator.runtime import commands
from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


class Commander:
    """Runs commands in sessions of one emulator, without retries."""

    def __init__(self, emulator: EmulatorProcess | EmulatorThread) -> None:
        self.emulator = emulator
        self.client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))

    def start(self, session: str, command: str, timeout: int | None = None, **members: Any) -> Iterator[dict[str, Any]]:
        """The chunks of the stream, as they come."""
        body = {"command": command, **({} if timeout is None else {"timeout": timeout})}
        answer = self.client.invoke_agent_runtime_command(
            agentRuntimeArn=self.emulator.arn, runtimeSessionId=session, body=body, **members
        )
        assert answer["runtimeSessionId"] == session
        assert answer["contentType"] == "application/vnd.amazon.eventstream"
        return _chunks(answer["stream"])

    def run(self, session: str, command: str, timeout: int | None = None) -> tuple[str, str, dict[str, Any]]:
        """What it printed to each stream, and how it stopped."""
        first, *rest, last = self.start(session, command, timeout)
        assert first == {"contentStart": {}}
        printed = {"stdout": "", "stderr": ""}
        for chunk in rest:
            [(stream, text)] = chunk["contentDelta"].items()
            printed[stream] += text
        return printed["stdout"], printed["stderr"], last["contentStop"]

    def refused(self, session: str, command: str, timeout: int | None = None, **members: Any) -> tuple[int, str, str]:
        """Status, code and message of an answer that is no stream."""
        with pytest.raises(ClientError) as failure:
            self.start(session, command, timeout, **members)
        error = failure.value.response
        return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def _chunks(stream: Any) -> Iterator[dict[str, Any]]:
    try:
        for event in stream:
            yield event["chunk"]
    finally:
        stream.close()


@pytest.fixture(scope="module", params=["V1", "V2"])
def commander(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, puppet: str
) -> Iterator[Commander]:
    """One emulator for all tests that leave it as it was. Its guests see the tests' named pipes, so they are plain."""
    file = tmp_path_factory.mktemp("puppet") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    options = ["--platform", request.param, "--clock", "virtual", "--quirks", "off", "--isolation", "plain"]
    with EmulatorProcess(file, *options) as emulator:
        yield Commander(emulator)


@pytest.fixture
def session() -> str:
    return new_session()


def info(commander: Commander, session: str) -> dict[str, Any]:
    [found] = [dict(each) for each in commander.emulator.sessions() if each["session_id"] == session]
    return found


@pytest.mark.parametrize("platform", ["V1", "V2"])
def test_the_same_files_as_the_agents(
    platform: str, isolation: str, write_agent: Callable[[str], Path], puppet: str, session: str
) -> None:
    agent = write_agent(puppet)
    with EmulatorProcess(agent, "--isolation", isolation, "--platform", platform, "--quirks", "off") as emulator:
        commander = Commander(emulator)
        # The command is the session's first call.
        assert commander.run(session, "pwd; echo $AWS_REGION > note")[2] == {"exitCode": 0, "status": "COMPLETED"}
        answer = emulator.client("bedrock-agentcore").invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            runtimeSessionId=session,
            contentType="text/x-python",
            payload="open('/tmp/x' if os.getcwd() == os.environ['PWD'] else '?', 'w')\nanswer(open('note').read())",
        )
        assert json.loads(answer["response"].read()) == "us-east-1\n"
        assert commander.run(session, "cat note") == ("us-east-1\n", "", {"exitCode": 0, "status": "COMPLETED"})
        assert commander.run(new_session(), "cat note")[2]["exitCode"] == 1
        assert not (agent.parent / "note").exists()


def test_each_command_is_a_fresh_bash(commander: Commander, session: str) -> None:
    commander.run(session, "cd /; X=1; export X")
    printed, _, _ = commander.run(session, 'echo "[$X]" "$BASH_VERSION" "$0"; pwd; read line || echo no input')
    assert printed.startswith("[] ")
    assert printed.splitlines()[0].endswith(" bash")
    assert printed.splitlines()[1] != "/"
    assert printed.endswith("no input\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 3", 3), ("no-such-command", 127), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("-x", 127)],
)
def test_exit_codes(commander: Commander, session: str, command: str, code: int) -> None:
    assert commander.run(session, command)[2] == {"exitCode": code, "status": "COMPLETED"}


def test_output_comes_as_it_is_printed(
    commander: Commander, session: str, make_fifo: Callable[[str], Fifo], tmp_path: Path
) -> None:
    make_fifo("go")
    chunks = commander.start(session, f"echo one; read -n 1 < {tmp_path}/go; echo two >&2; read -n 1 < {tmp_path}/go")
    assert next(chunks) == {"contentStart": {}}
    assert next(chunks) == {"contentDelta": {"stdout": "one\n"}}
    (tmp_path / "go").write_bytes(b"x")
    assert next(chunks) == {"contentDelta": {"stderr": "two\n"}}
    (tmp_path / "go").write_bytes(b"x")
    assert list(chunks) == [{"contentStop": {"exitCode": 0, "status": "COMPLETED"}}]


def test_a_character_may_come_in_two_pieces(
    commander: Commander, session: str, make_fifo: Callable[[str], Fifo], tmp_path: Path
) -> None:
    make_fifo("go")
    command = rf"printf 'a\xf0\x9f'; read -n 1 < {tmp_path}/go; printf '\x98\x80b\xff\xe2\x82'"
    chunks = commander.start(session, command)
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "a"}}]
    (tmp_path / "go").write_bytes(b"x")
    *deltas, _ = chunks
    assert "".join(delta["contentDelta"]["stdout"] for delta in deltas) == "\U0001f600b\ufffd\ufffd"


@pytest.mark.parametrize("byte", ["x", "\\x01", "\\xff", "\\\\"])
def test_no_event_is_larger_than_64_kb(commander: Commander, session: str, byte: str) -> None:
    path = f"/runtimes/{quote(commander.emulator.arn, safe='')}/commands"
    command = f"head -c 1000000 /dev/zero | tr '\\0' '{byte}'"
    sizes = []
    with httpx.stream(
        "POST", commander.emulator.url + path, json={"command": command}, headers={SESSION_HEADER: session}, timeout=60
    ) as answer:
        rest = b""
        for piece in answer.iter_raw():
            rest += piece
            while len(rest) >= 4 and len(rest) >= (size := int.from_bytes(rest[:4], "big")):
                sizes.append(size)
                rest = rest[size:]
    assert rest == b""
    assert max(sizes) <= 64 * 1024
    assert sum(sizes) > 1_000_000


def test_what_is_left_in_the_background_holds_nothing_up(commander: Commander, session: str) -> None:
    """It keeps the pipes open, and prints on."""
    command = "while :; do echo more || exit; sleep 0.01; done & echo $! > pid; echo done"
    printed, _, stop = commander.run(session, command)
    assert printed.startswith("done\n") or "done\n" in printed
    assert stop == {"exitCode": 0, "status": "COMPLETED"}
    assert commander.run(session, "kill -0 $(cat pid)")[2]["exitCode"] == 0
    assert commander.run(session, "kill $(cat pid)")[2]["exitCode"] == 0


def test_a_timeout_on_the_emulators_clock(commander: Commander, session: str) -> None:
    # It says itself that it is detached; the shell that started it may be faster.
    detached = "(setsid sh -c 'echo $$ > detached; exec sleep 100000' &); until [ -s detached ]; do sleep 0.01; done"
    command = f"{detached}; echo up; sleep 100000"
    chunks = commander.start(session, command, timeout=60)
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "up\n"}}]
    commander.emulator.clock.advance(59)
    assert info(commander, session)["state"] == "Active"
    commander.emulator.clock.advance(1)
    assert info(commander, session)["state"] == "Idle"
    assert list(chunks) == [{"contentStop": {"exitCode": 137, "status": "TIMED_OUT"}}]
    assert commander.run(session, "kill $(cat detached)")[2]["exitCode"] == 0


def test_the_timeout_is_five_minutes_unless_told(commander: Commander, session: str) -> None:
    chunks = commander.start(session, "echo up; sleep 100000")
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "up\n"}}]
    commander.emulator.clock.advance(299.9)
    assert info(commander, session)["state"] == "Active"
    commander.emulator.clock.advance(0.1)
    assert list(chunks)[-1]["contentStop"]["status"] == "TIMED_OUT"


def test_it_runs_beside_an_invocation(
    commander: Commander, session: str, make_fifo: Callable[[str], Fifo], tmp_path: Path
) -> None:
    """The command ends the invocation's waiting."""
    fifo = make_fifo("go")
    chunks = commander.start(session, f"read -n 1 < {tmp_path}/go; echo went on")
    assert next(chunks) == {"contentStart": {}}
    answer = commander.client.invoke_agent_runtime(
        agentRuntimeArn=commander.emulator.arn,
        runtimeSessionId=session,
        contentType="text/x-python",
        payload=f"{fifo.put_here}\nanswer(1)",
    )
    assert answer["response"].read() == b"1"
    assert next(chunks) == {"contentDelta": {"stdout": "went on\n"}}
    list(chunks)


def test_a_command_keeps_its_session_and_then_starts_its_idle_time_anew(commander: Commander, session: str) -> None:
    chunks = commander.start(session, "echo up; sleep 100000", timeout=3600)
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "up\n"}}]
    commander.emulator.clock.advance(3599)
    assert info(commander, session)["in_flight"] == 1
    commander.emulator.clock.advance(1 + 899)
    assert info(commander, session)["state"] == "Idle"
    commander.emulator.clock.advance(1)
    assert commander.emulator.session(session)["reason"] == "idle for 900 s"
    assert list(chunks)[-1]["contentStop"]["status"] == "TIMED_OUT"
    assert commander.run(session, "ls note")[2]["exitCode"] == 2


def cut_off(chunks: Iterator[dict[str, Any]]) -> str:
    with pytest.raises(EventStreamError) as failure:
        list(chunks)
    assert "CloudWatch" in str(failure.value)
    return str(failure.value.response["Error"]["Code"])


def test_the_end_of_the_session_cuts_it_off(commander: Commander, session: str) -> None:
    emulator = commander.emulator
    chunks = commander.start(session, "echo up > note; echo up; sleep 100000")
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "up\n"}}]
    commander.client.stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=session)
    assert cut_off(chunks) == "runtimeClientError"
    assert "the command was cut off: the session was stopped" in emulator.session(session)["log"]

    # The next is cold, and dies.
    chunks = commander.start(session, "test -e note || echo cold; sleep 100000")
    assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "cold\n"}}]
    emulator.kill_session(session)
    assert cut_off(chunks) == "runtimeClientError"
    assert "the command was cut off: its process was killed by SIGKILL" in emulator.session(session)["log"]
    assert commander.run(session, "test -e note || echo cold")[0] == "cold\n"


def test_isolated_it_is_cut_off_too(
    namespaces: None, write_agent: Callable[[str], Path], puppet: str, session: str
) -> None:
    with EmulatorProcess(write_agent(puppet), "--isolation", "namespaces", "--quirks", "off") as emulator:
        commander = Commander(emulator)
        for end in (
            lambda: commander.client.stop_runtime_session(agentRuntimeArn=emulator.arn, runtimeSessionId=session),
            lambda: emulator.kill_session(session),
        ):
            chunks = commander.start(session, "test -e note || echo cold; touch note; sleep 100000")
            assert [next(chunks), next(chunks)] == [{"contentStart": {}}, {"contentDelta": {"stdout": "cold\n"}}]
            end()
            assert cut_off(chunks) == "runtimeClientError"
        assert commander.run(session, "test -e note || echo cold")[0] == "cold\n"
    assert "failed inside the emulator" not in emulator.log


def test_a_client_that_goes_away_changes_nothing(
    commander: Commander, session: str, make_fifo: Callable[[str], Fifo], tmp_path: Path
) -> None:
    fifo = make_fifo("go")
    make_fifo("done")
    command = f"echo up; read -n 1 < {tmp_path}/go; head -c 1000000 /dev/zero; echo x > {tmp_path}/done"
    body = json.dumps({"command": command}).encode()
    host, port = urlsplit(commander.emulator.url).netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /runtimes/{quote(commander.emulator.arn, safe='')}/commands HTTP/1.1\r\nHost: localhost\r\n"
            f"{SESSION_HEADER}: {session}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = b""
        while b"up" not in answer:
            answer += connection.recv(65_536)
    assert info(commander, session)["in_flight"] == 1
    fifo.put()
    # It is done although nobody has read what it printed.
    with (tmp_path / "done").open("rb") as done:
        assert done.read(1) == b"x"
    while info(commander, session)["in_flight"]:
        pass


def test_the_command_is_logged_and_its_output_is_not(commander: Commander, session: str) -> None:
    commander.run(session, "echo $((40 + 2)) is secret # \x1b[2J")
    log = info(commander, session)["log"]
    assert "command: echo $((40 + 2)) is secret # \\x1b[2J" in log
    assert "the command is over: COMPLETED, exit code 0" in log
    assert not any("42" in line for line in log)


def test_who_names_no_session_gets_one(commander: Commander) -> None:
    path = f"/runtimes/{quote(commander.emulator.arn, safe='')}/commands"
    answer = httpx.post(commander.emulator.url + path, json={"command": "true"})
    assert answer.status_code == 200
    assert info(commander, answer.headers[SESSION_HEADER])["state"] == "Idle"


def test_what_is_refused(commander: Commander, session: str) -> None:
    status, code, message = commander.refused(session, "true", timeout=0)
    assert (status, code) == (400, "ValidationException")
    assert "body.timeout" in message
    assert commander.refused(session, "true", timeout=3601)[:2] == (400, "ValidationException")
    assert commander.refused(session, "ü" * 32_769)[:2] == (400, "ValidationException")
    assert "NUL" in commander.refused(session, "a\0b")[2]
    assert commander.refused(session, "true", qualifier="prod")[:2] == (404, "ResourceNotFoundException")
    assert commander.run(session, ":" + " " * 65_535)[2]["exitCode"] == 0
    assert commander.run(session, "true # " + "ü" * 32_764, timeout=1)[2]["exitCode"] == 0


def test_faults_strike(commander: Commander, session: str) -> None:
    commander.emulator.faults.add("throttle", operation="InvokeAgentRuntimeCommand", session=session)
    assert commander.refused(session, "true")[:2] == (429, "ThrottlingException")
    assert commander.run(session, "true")[2]["exitCode"] == 0


def test_an_agent_without_bash(
    isolation: str, write_agent: Callable[[str], Path], puppet: str, session: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    environ = {"PATH": str(tmp_path / "empty")}
    with EmulatorProcess(write_agent(puppet), "--isolation", isolation, env=environ) as emulator:
        status, code, message = Commander(emulator).refused(session, "true")
        assert (status, code) == (424, "RuntimeClientError")
        assert message == "Runtime client error. Bash does not run in the session: No such file or directory"


def test_an_agent_that_does_not_start(write_agent: Callable[[str], Path], session: str) -> None:
    with EmulatorProcess(write_agent("raise ValueError('not today')")) as emulator:
        assert Commander(emulator).refused(session, "true")[:2] == (424, "RuntimeClientError")


def test_more_than_100_mb(
    write_agent: Callable[[str], Path], puppet: str, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commands._MOST_OUTPUT == 100_000_000
    monkeypatch.setattr(commands, "_MOST_OUTPUT", 500_000)
    with EmulatorThread(write_agent(puppet), "--quirks", "off") as emulator:
        commander = Commander(emulator)
        assert len(commander.run(session, "head -c 500000 /dev/zero")[0]) == 500_000
        with pytest.raises(EventStreamError, match="500000 bytes") as failure:
            list(commander.start(session, "yes"))
        assert failure.value.response["Error"]["Code"] == "serviceQuotaExceededException"
        assert emulator.sessions()[0]["in_flight"] == 0
        assert commander.run(session, "pgrep -x yes")[0] == ""


@pytest.fixture(scope="module")
def sturdy(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[EmulatorProcess]:
    file = tmp_path_factory.mktemp("puppet") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "off") as emulator:
        yield emulator
        assert "failed inside the emulator" not in emulator.log


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
bodies = st.one_of(
    st.binary(max_size=100),
    st.fixed_dictionaries({"command": anything}, optional={"timeout": anything}).map(
        lambda body: json.dumps(body).encode()
    ),
    st.fixed_dictionaries({"command": st.just("exit 3"), "timeout": anything}).map(
        lambda body: json.dumps(body).encode()
    ),
    st.fixed_dictionaries(
        {"command": st.text(alphabet="\0\ud800'\"$(`\\\n;&|<>{}-x", max_size=6), "timeout": st.just(1)}
    ).map(lambda body: json.dumps(body).encode()),
)


def descriptors(emulator: EmulatorProcess) -> int:
    return len(list(Path(f"/proc/{emulator.pid}/fd").iterdir()))


def test_malformed_requests_harm_nobody(sturdy: EmulatorProcess) -> None:
    path = f"/runtimes/{quote(sturdy.arn, safe='')}/commands"
    session = new_session()
    before = Commander(sturdy).run(session, "echo still here")
    descriptors_before = descriptors(sturdy)

    with httpx.Client(base_url=sturdy.url, timeout=60) as client:

        @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
        @given(body=bodies, kind=st.sampled_from(["application/json", "text/plain", ""]), named=st.booleans())
        def send(body: bytes, kind: str, named: bool) -> None:
            headers = {"content-type": kind, **({SESSION_HEADER: session} if named else {SESSION_HEADER: "short"})}
            answer = client.post(path, content=body, headers=headers)
            if answer.status_code == 200:
                assert named
                assert b"contentStop" in answer.content
            else:
                assert answer.status_code == 400, (answer.status_code, base64.b64encode(body))
                assert answer.headers["x-amzn-ErrorType"] == "ValidationException"

        send()
    assert Commander(sturdy).run(session, "echo still here") == before
    while descriptors(sturdy) > descriptors_before:
        pass
