"""What a client and a shell say to each other, and how it ends."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo
    from tests.runtime.shell.conftest import Dialer

    MakeDialer = Callable[..., Dialer]

STDIN, STDOUT, STDERR, STATUS, RESIZE, HEARTBEAT, CLOSE = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\xff"


@pytest.mark.parametrize(
    ("typed", "code", "signal"),
    [("exit\n", 0, None), ("exit 7\n", 7, None), ("kill -9 $$\n", 137, "9"), ("\x04", 0, None)],
)
def test_the_end_of_a_shell(dial: Dialer, session: str, typed: str, code: int, signal: str | None) -> None:
    terminal = dial(session)
    terminal.run("PS1='rea''dy> '")
    terminal.until("ready> ")
    terminal.type(typed)
    status = terminal.frame(3)
    assert status["metadata"] == {}
    causes = {cause["reason"]: cause["message"] for cause in status.get("details", {}).get("causes", [])}
    assert (causes.get("ExitCode", "0"), causes.get("Signal")) == (str(code), signal)
    assert terminal.closed() == (1000, "the shell has ended")
    assert dial(session).status["metadata"]["reconnected"] is False


def test_what_an_ended_shell_leaves_behind_lives_on(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("nohup sleep 100000 > /dev/null 2>&1 & echo $! > pid")
    terminal.type("exit\n")
    assert terminal.closed()[0] == 1000
    assert dial(session).run("kill $(cat pid) && echo it was there") == "it was there\n"


def test_the_client_ends_it(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("trap 'echo hung up > note' EXIT; sleep 100000 & echo $! > pid")
    terminal.connection.send(CLOSE)
    assert terminal.closed()[0] == 1000
    terminal = dial(session)
    assert terminal.status["metadata"]["reconnected"] is False
    assert terminal.run("cat note; kill -0 $(cat pid) 2> /dev/null || echo its jobs too") == "hung up\nits jobs too\n"


def test_a_shell_that_minds_nothing_is_killed(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.type("trap '' HUP; echo $$ > pid; sh -c 'echo de''af; sleep 100000'\n")
    terminal.until("deaf\r\n")
    terminal.connection.send(CLOSE)
    assert terminal.closed()[0] == 1000
    assert dial(session).run("kill -0 $(cat pid) 2>/dev/null || echo gone") == "gone\n"


def test_a_heartbeat_comes_back(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.connection.send(HEARTBEAT)
    assert terminal.frame(5) == b""


def test_sizes(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    assert terminal.run("stty size") == "24 80\n"
    terminal.connection.send(RESIZE + b'{"width": 132, "height": 50}')
    assert terminal.run("stty size") == "50 132\n"
    for broken in (b"", b"{", b'{"width": -1, "height": 50}', b"[" * 50_000):
        terminal.connection.send(RESIZE + broken)
        assert terminal.frame(2).endswith(b"\r\n")
    assert terminal.run("stty size") == "50 132\n"


def test_what_says_nothing_is_ignored(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    for message in (b"", STDOUT + b"x", STDERR + b"x", STATUS + b"{", b"\x06x", b"\x80", b"\xfe"):
        terminal.connection.send(message)
    assert terminal.run("echo on") == "on\n"


def test_text_is_refused_the_fifth_time(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    for _ in range(4):
        terminal.connection.send("text")
    assert terminal.run("echo on") == "on\n"
    for _ in range(5):
        terminal.connection.send("text")
    assert terminal.closed() == (1003, "frames must be binary")
    assert dial(session).status["metadata"]["reconnected"] is True


def test_large_frames(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.type("stty raw -echo; echo re''ady; head -c 65535 | md5sum; stty sane\n")
    terminal.until("ready\n")
    terminal.connection.send(STDIN + b"x" * 65_535)
    assert terminal.until("  -") == hashlib.md5(b"x" * 65_535).hexdigest()
    terminal.connection.send(STDIN + b"x" * 65_536)
    assert terminal.closed()[0] == 1009
    terminal = dial(session)
    terminal.connection.send([STDIN + b"x" * 40_000, b"x" * 40_000])
    assert terminal.closed()[0] == 1009
    assert dial(session).status["metadata"]["reconnected"] is True
    assert "its connection was closed with 1009" in str(dial.info(session)["log"])


def test_messages_may_come_in_fragments(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.connection.send([STDIN, b"echo wh", b"", b"ole\n"])
    terminal.until("\rwhole\r\n")


def test_no_more_than_250_frames_in_a_second(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.connection.socket.sendall(b"\x82\x81\0\0\0\0\x06" * 600)
    assert terminal.closed() == (1008, "a client may send 250 frames a second")
    assert dial(session).status["metadata"]["reconnected"] is True


def test_an_hour_at_most(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("X=kept")
    for _ in range(4):
        dial.emulator.clock.advance(899)
        terminal.connection.send(HEARTBEAT)
        terminal.frame(5)
    dial.emulator.clock.advance(4)
    assert terminal.closed() == (1008, "a connection lasts an hour at most")
    assert terminal.last == CLOSE
    terminal = dial(session)
    assert terminal.run("echo $X") == "kept\n"


def test_a_newer_client_replaces_the_older(dial: Dialer, session: str) -> None:
    older = dial(session)
    older.run("X=kept")
    newer = dial(session)
    assert older.closed() == (4000, "another client has connected")
    assert newer.status["metadata"]["reconnected"] is True
    assert newer.run("echo $X") == "kept\n"


# The session


def test_only_what_is_said_keeps_the_session(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.type("PS1='rea''dy> '\n")
    terminal.until("ready> ")

    def ping() -> None:
        assert terminal.connection.ping().wait(30)

    def heartbeat() -> None:
        terminal.connection.send(HEARTBEAT)
        terminal.frame(5)

    def work() -> None:
        terminal.type("echo\n")
        terminal.until("ready> ")  # The prompt is something that is said, too.

    for keep in (ping, heartbeat, work):
        dial.emulator.clock.advance(899)
        keep()
    dial.emulator.clock.advance(899)
    assert dial.info(session)["state"] == "Idle"
    dial.emulator.clock.advance(1)
    assert terminal.closed() == (1001, "the session has ended")
    assert terminal.last == CLOSE
    assert dial.emulator.session(session)["reason"] == "idle for 900 s"


def test_a_shell_that_nobody_looks_at_keeps_nothing(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("true")
    terminal.connection.close()
    dial.emulator.clock.advance(900)
    assert dial.emulator.session(session)["reason"] == "idle for 900 s"
    assert dial(session).status["metadata"]["reconnected"] is False


def test_a_stop_closes_with_1001(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("true")
    dial.stop(session)
    assert terminal.closed() == (1001, "the session has ended")
    assert terminal.last == CLOSE


def test_death_closes_with_1011(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.run("true")
    dial.emulator.kill_session(session)
    status = terminal.frame(3)
    assert (status["reason"], status["code"]) == ("InternalError", 500)
    assert terminal.closed() == (1011, "the session's microVM has died")


def test_isolation_makes_no_difference(
    isolation: str, write_agent: Callable[[str], Path], puppet: str, session: str, dialer: MakeDialer
) -> None:
    with EmulatorProcess(write_agent(puppet), "--isolation", isolation, "--quirks", "off") as emulator:
        dial = dialer(emulator)
        terminal = dial(session)
        terminal.run("true")
        dial.stop(session)
        assert terminal.closed() == (1001, "the session has ended")
        terminal = dial(session)
        terminal.run("true")
        emulator.kill_session(session)
        assert terminal.closed() == (1011, "the session's microVM has died")
        terminal = dial(session)
        terminal.run("true")
        # The end of the emulator is that of its sessions.
        emulator.stop()
        assert terminal.closed() == (1001, "the session has ended")


# What is printed while nobody looks, or nobody reads


def test_it_goes_on_while_nobody_looks(
    shared: Dialer,
    write_agent: Callable[[str], Path],
    puppet: str,
    session: str,
    dialer: MakeDialer,
    make_fifo: Callable[[str], Fifo],
    tmp_path: Path,
) -> None:
    fifo = make_fifo("go")
    with EmulatorProcess(write_agent(puppet), "--isolation", "plain", "--quirks", "off") as emulator:
        dial = dialer(emulator)
        terminal = dial(session)
        terminal.run("set +m")
        terminal.type(f"read -n 1 < {tmp_path}/go; echo went on; echo d''one\n")
        terminal.connection.close()
        fifo.put()
        terminal = dial(session)
        terminal.until("went on\r\ndone\r\n")


def test_what_is_replayed_has_256_kb(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.type("head -c 1000000 /dev/zero | tr '\\0' x; echo e''nd\n")
    terminal.until("end\r\n")
    terminal.connection.close()
    terminal = dial(session)
    terminal.type("echo la''st\n")
    replayed = terminal.until("last\r\n")
    assert 256 * 1024 <= len(replayed) < 256 * 1024 + 500
    assert replayed.startswith("x" * 200_000)


def memory(emulator: EmulatorProcess | EmulatorThread) -> int:
    """In KB."""
    assert isinstance(emulator, EmulatorProcess)
    found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{emulator.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def test_a_client_that_does_not_read(dial: Dialer, session: str) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # That it does not take long.
    connection.connect((urlsplit(dial.emulator.url).hostname, urlsplit(dial.emulator.url).port))
    terminal = dial(session, sock=connection)
    terminal.run("true")
    before = memory(dial.emulator)
    terminal.type("yes\n")
    terminal.until("y\r\ny\r\n")
    # In small steps: until what lies between here and there is full, the shell prints on.
    while "does not read" not in str(dial.info(session)["log"]):
        dial.emulator.clock.advance(1)
    assert memory(dial.emulator) - before < 50_000
    # The shell is none the worse for it.
    terminal = dial(session)
    terminal.until("y\r\ny\r\n")
    terminal.type("\x03")
    assert terminal.run("echo on") == "on\n"


def test_a_slow_client_is_waited_for(dial: Dialer, session: str) -> None:
    terminal = dial(session)
    terminal.type("echo; seq 1 300000; echo e''nd\n")
    printed = terminal.until("\r\nend\r\n")
    numbers = [line for line in printed.split("\r\n") if line.isdigit()]
    assert numbers == [str(number) for number in range(1, 300_001)]


# What is not as it should be

MALFORMED = 2_000
BATCH = 20

lengths = st.one_of(st.integers(0, 300), st.sampled_from([65_535, 65_536, 65_537, 2**31, 2**63, 2**64 - 1]))
sizes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["width", "height"]), inner),
    max_leaves=4,
)


def masked(first: int, payload: bytes) -> bytes:
    """A whole frame, as a client sends it."""
    mask = b"\x01\x80\xff\x55"
    length = struct.pack("!B", len(payload)) if len(payload) < 126 else struct.pack("!BH", 126, len(payload))
    head = bytes((first, length[0] | 0x80)) + length[1:]
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


@st.composite
def strange(draw: st.DrawFn) -> bytes:
    """What RFC 6455 allows, with anything in it: any channel, any window, text, pings, a message in fragments."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        window = draw(st.one_of(st.binary(max_size=60), sizes.map(lambda size: json.dumps(size).encode())))
        return masked(0x82, RESIZE + window)
    if kind == 1:
        return masked(0x82, STDIN + draw(st.binary(max_size=60)))
    if kind == 2:
        return masked(draw(st.sampled_from([0x81, 0x89, 0x8A])), draw(st.binary(max_size=125)))
    payload = bytes([draw(st.integers(1, 255))]) + draw(st.binary(max_size=200))
    cut = draw(st.integers(0, len(payload)))
    return masked(0x02, payload[:cut]) + masked(0x80, payload[cut:])


@st.composite
def malformed(draw: st.DrawFn) -> bytes:
    """A frame that breaks a rule: reserved bits or opcodes, no mask, a long or fragmented control frame, a length that
    is written too long or is not what follows, a close code that is none; or no frame at all.
    """
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(min_size=1, max_size=200))
    first, has_mask = draw(st.integers(0, 255)), draw(st.booleans())
    length = draw(lengths)
    form = draw(st.sampled_from([7, 16, 64]))
    if form == 7:
        head = bytes((first, length % 126 | has_mask << 7))
    elif form == 16:
        head = struct.pack("!BBH", first, 126 | has_mask << 7, length % 65_536)
    else:
        head = struct.pack("!BBQ", first, 127 | has_mask << 7, length)
    return head + draw(st.binary(max_size=min(length, 300)))


def exchange(emulator: EmulatorProcess, session: str, frames: bytes) -> None:
    """Connect to a shell, send some bytes and hang up; the emulator must hang up too."""
    host, port = urlsplit(emulator.url).netloc.split(":")
    request = (
        f"GET /runtimes/{quote(emulator.arn, safe='')}/ws/shells?shellId=target HTTP/1.1\r\nHost: localhost\r\n"
        f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
        f"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: {session}\r\n\r\n"
    )
    answer = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(request.encode())
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 101 "), answer[:200]
        connection.sendall(frames)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass


@pytest.fixture
def sturdy(tmp_path: Path, puppet: str) -> Iterator[EmulatorProcess]:
    """An emulator of which nothing may be left that was not there when it began."""
    file = tmp_path / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "off") as emulator:
        descriptors = Path(f"/proc/{emulator.pid}/fd")
        before = len(list(descriptors.iterdir()))
        yield emulator
        for session in emulator.sessions():
            emulator.client("bedrock-agentcore").stop_runtime_session(
                agentRuntimeArn=emulator.arn, runtimeSessionId=session["session_id"]
            )
        while len(list(descriptors.iterdir())) > before:
            pass
        children = Path(f"/proc/{emulator.pid}/task/{emulator.pid}/children").read_text().split()
        assert not [pid for pid in children if b"\0execute\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert "failed inside the emulator" not in emulator.log
        assert "parser failed" not in emulator.log


def test_malformed_frames_harm_nobody(sturdy: EmulatorProcess, dialer: MakeDialer) -> None:
    session = new_session()
    other = dialer(sturdy)(session, "other")

    @settings(max_examples=MALFORMED // BATCH, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(malformed(), min_size=BATCH, max_size=BATCH))
    def send(frames: list[bytes]) -> None:
        for frame in frames:
            exchange(sturdy, session, frame)

    send()
    assert other.run("echo on") == "on\n"


def test_strange_frames_harm_nobody(sturdy: EmulatorProcess, dialer: MakeDialer) -> None:
    session = new_session()
    other = dialer(sturdy)(session, "other")

    @settings(max_examples=MALFORMED // BATCH, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(strange(), min_size=BATCH, max_size=BATCH))
    def send(frames: list[bytes]) -> None:
        exchange(sturdy, session, b"".join(frames))

    send()
    assert other.run("echo on") == "on\n"
