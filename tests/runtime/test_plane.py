from __future__ import annotations

import asyncio
import http.client
import json
import os
import select
import signal
import socket
import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from agentcore_emulator.errors import GatewayTimeout
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.testing import new_session

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import Caller, FakeClock, Invoke

MakeFifo = Callable[[str], "Fifo"]

COUNT = "answer(state['count'])"
SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(60) as executor:
        yield executor


class RawClient:
    """Plain HTTP to the emulator, for what boto3 does not let pass."""

    def __init__(self, caller: Caller) -> None:
        parts = urlsplit(caller.emulator.url)
        self.address = (parts.hostname or "", parts.port or 0)
        self.path = f"/runtimes/{quote(caller.arn, safe='')}/invocations"

    def post(self, headers: Mapping[str, str], content: bytes | Iterator[bytes] = b"{}") -> httpx.Response:
        url = f"http://{self.address[0]}:{self.address[1]}{self.path}"
        return httpx.post(url, content=content, headers=headers)

    def connect(self, session: str, *, length: int, mcp_name: str | None = None) -> socket.socket:
        """A connection on which the head of a request with a body of `length` bytes has been sent."""
        connection = socket.create_connection(self.address, timeout=30)
        head = [f"POST {self.path} HTTP/1.1", "Host: localhost", f"{SESSION}: {session}", f"Content-Length: {length}"]
        head.append(f"Mcp-Name: {mcp_name}" if mcp_name else "Content-Type: text/x-python")
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        return connection


def response_on(connection: socket.socket) -> http.client.HTTPResponse:
    """The response to a request that was written to `connection`."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


@pytest.fixture
def raw(caller: Caller) -> RawClient:
    return RawClient(caller)


# Sessions


def test_globals_live_as_long_as_the_session(caller: Caller) -> None:
    first, second = new_session(), new_session()
    assert [caller.json(first, COUNT), caller.json(first, COUNT), caller.json(second, COUNT)] == [1, 2, 1]


def test_each_session_is_a_process_of_its_own(caller: Caller) -> None:
    pids = {caller.json(new_session(), "answer(os.getpid())") for _ in range(3)}
    assert len(pids) == 3
    assert caller.emulator.pid not in pids


def test_a_caller_without_session_gets_one_made(raw: RawClient) -> None:
    answer = raw.post({})
    assert answer.status_code == 200
    made = answer.headers[SESSION]
    assert str(uuid.UUID(made)) == made
    again = raw.post({SESSION: made})
    assert again.headers[SESSION] == made
    assert again.json()["count"] == 2


def test_fifty_sessions_at_once(caller: Caller, pool: ThreadPoolExecutor, make_fifo: MakeFifo) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    code = f"{entered.put_here}; {gate.get_here}; answer([os.getpid(), state['count']])"
    calls = [pool.submit(caller.json, new_session(), code) for _ in range(50)]
    entered.get(50)  # All are inside their handler now, and none has answered.
    assert not any(call.done() for call in calls)
    gate.put(50)
    answers = [call.result() for call in calls]
    assert len({pid for pid, _ in answers}) == 50
    assert {count for _, count in answers} == {1}


def test_a_handler_that_blocks_delays_no_other_session(
    caller: Caller, pool: ThreadPoolExecutor, make_fifo: MakeFifo
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    blocked = pool.submit(caller.json, new_session(), f"{entered.put_here}; {gate.get_here}; answer('late')")
    entered.get()
    assert caller.json(new_session(), COUNT) == 1
    assert not blocked.done()
    gate.put()
    assert blocked.result() == "late"


# Which agent


def test_the_agent_by_id_and_account(caller: Caller, session: str) -> None:
    runtime_id = caller.arn.rpartition("/")[2]
    assert caller.json(session, COUNT) == 1
    answer = caller.client.invoke_agent_runtime(
        agentRuntimeArn=runtime_id, accountId="123456789012", runtimeSessionId=session, payload=b""
    )
    assert json.load(answer["response"])["count"] == 2, "the same session as under the ARN"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (
            {"agentRuntimeArn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/other-0123456789"},
            404,
            "other",
        ),
        ({"agentRuntimeArn": "other-0123456789", "accountId": "123456789012"}, 404, "other-0123456789"),
        ({"agentRuntimeArn": "ID", "accountId": "999999999999"}, 404, "No agent runtime"),
        ({"agentRuntimeArn": "ID"}, 400, "accountId"),
        ({"qualifier": "production"}, 404, "production"),
        ({"accountId": "12"}, 400, "accountId"),
    ],
)
def test_an_agent_that_is_not_there(caller: Caller, session: str, change: dict[str, str], code: int, text: str) -> None:
    change = {name: caller.arn.rpartition("/")[2] if value == "ID" else value for name, value in change.items()}
    with pytest.raises(ClientError) as failure:
        caller.client.invoke_agent_runtime(
            **{"agentRuntimeArn": caller.arn, "runtimeSessionId": session, "payload": b"{}", **change}
        )
    error = failure.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == code
    assert error["Error"]["Code"] == {404: "ResourceNotFoundException", 400: "ValidationException"}[code]
    assert text in error["Error"]["Message"]


def test_the_default_qualifier_by_name(caller: Caller, session: str) -> None:
    assert caller.json(session, COUNT, qualifier="DEFAULT") == 1
    assert caller.json(session, COUNT) == 2


@pytest.mark.parametrize(("length", "status"), [(32, 400), (33, 200), (256, 200), (257, 400)])
def test_the_length_of_a_session_id(raw: RawClient, length: int, status: int) -> None:
    answer = raw.post({SESSION: uuid.uuid4().hex + "x" * (length - 32)})
    assert answer.status_code == status
    if status == 400:
        assert answer.headers["x-amzn-ErrorType"] == "ValidationException"
        error = answer.json()
        assert error["reason"] == "FieldValidationFailed"
        assert "runtimeSessionId" in error["message"]
        assert "Member must have length" in error["message"]


# What goes up


def test_any_bytes_reach_the_agent(caller: Caller, session: str) -> None:
    payload = bytes(range(256)) * 4
    answer = caller.client.invoke_agent_runtime(agentRuntimeArn=caller.arn, runtimeSessionId=session, payload=payload)
    assert json.load(answer["response"])["received"] == len(payload)
    echoed = caller.call(session, "answer(bytes(range(256)), kind='application/octet-stream')")
    assert echoed["response"].read() == bytes(range(256))
    assert echoed["contentType"] == "application/octet-stream"


def test_fifty_megabytes_go_up(caller: Caller, session: str) -> None:
    answer = caller.client.invoke_agent_runtime(
        agentRuntimeArn=caller.arn, runtimeSessionId=session, payload=b"\0" * 50_000_000
    )
    assert json.load(answer["response"])["received"] == 50_000_000


def test_more_than_a_payload_may_have_is_refused_before_it_is_sent(raw: RawClient, session: str) -> None:
    with raw.connect(session, length=100_000_001) as connection:
        answer = response_on(connection)
        assert answer.status == 400
        assert b"100000000" in answer.read()


def test_a_payload_in_chunks_may_not_be_larger_either(raw: RawClient, session: str) -> None:
    pieces = [bytes(1_000_000)] * 100
    assert raw.post({SESSION: session}, iter(pieces)).json()["received"] == 100_000_000
    answer = raw.post({SESSION: session}, iter([*pieces, b"x"]))
    assert answer.status_code == 400
    assert answer.headers["x-amzn-ErrorType"] == "ValidationException"


def test_the_agent_reads_while_the_client_still_sends(raw: RawClient, session: str, make_fifo: MakeFifo) -> None:
    read = make_fifo("read")
    code = f"first = self.rfile.read(3); {read.put_here}; answer((first + self.rfile.read(3)).decode())"
    with raw.connect(session, length=6, mcp_name=code) as connection:
        connection.sendall(b"abc")
        read.get()
        connection.sendall(b"def")
        assert json.load(response_on(connection)) == "abcdef"


def test_a_body_in_chunks_stays_in_chunks(raw: RawClient, session: str, make_fifo: MakeFifo) -> None:
    entered = make_fifo("entered")
    code = f"{entered.put_here}; answer([self.headers['transfer-encoding'], self.body().decode()])"

    def pieces() -> Iterator[bytes]:
        yield b"ab"
        entered.get()  # The agent has the head, so the end of the body cannot be known yet.
        yield b"cd"

    assert raw.post({SESSION: session, "Mcp-Name": code}, pieces()).json() == ["chunked", "abcd"]


def test_an_agent_may_answer_before_it_has_read(raw: RawClient, session: str) -> None:
    with raw.connect(
        session, length=50_000_000, mcp_name="answer('enough'); self.close_connection = True"
    ) as connection:
        connection.sendall(b"abc")
        answer = response_on(connection)
        assert (answer.status, json.load(answer)) == (200, "enough")


def test_half_an_upload_is_no_request(caller: Caller, raw: RawClient, session: str, make_fifo: MakeFifo) -> None:
    reading, over = make_fifo("reading"), make_fifo("over")
    code = f"""
        {reading.put_here}
        try:
            state["got"] = self.rfile.read(100)
        except OSError:
            state["got"] = None
        {over.put_here}
    """
    with raw.connect(session, length=100, mcp_name=f"exec({textwrap.dedent(code)!r})") as connection:
        connection.sendall(b"a" * 50)
        reading.get()
    over.get()
    # The agent's own server saw the connection break: fewer bytes than announced, or an error.
    assert caller.json(session, "answer(state['got'] is None or len(state['got']))") in (True, 50)


# What comes down


def test_the_first_chunk_arrives_while_the_agent_works(caller: Caller, session: str, make_fifo: MakeFifo) -> None:
    gate = make_fifo("gate")
    answer = caller.call(
        session,
        f"""
        self.stream()
        self.chunk(b"data: 1\\n\\n")
        {gate.get_here}
        self.chunk(b"data: 2\\n\\n")
        self.chunk(b"")
        """,
    )
    assert answer["contentType"] == "text/event-stream"
    assert answer["response"].read(9) == b"data: 1\n\n"
    gate.put()  # Only now does the agent go on.
    assert answer["response"].read() == b"data: 2\n\n"


def test_a_client_that_does_not_read_holds_the_agent_up(caller: Caller, raw: RawClient, session: str) -> None:
    code = """
        self.stream()
        for number in range(1, 1001):
            self.chunk(bytes(100_000))
            state["sent"] = number * 100_000
        self.chunk(b"")
    """
    code = textwrap.dedent(code)
    with raw.connect(session, length=len(code)) as connection:
        connection.sendall(code.encode())
        other = new_session()
        before, now = -1, 0
        while now > before or now == 0:
            # Many turns of the emulator's loop: whatever could still move has moved.
            for _ in range(50):
                caller.json(other, COUNT)
            before, now = now, caller.json(session, "answer(state.get('sent', 0))")
        assert now < 20_000_000, "the emulator takes in what nobody reads"
        answer = response_on(connection)
        assert len(answer.read()) == 100_000_000


def test_a_client_that_goes_away_does_not_end_the_work(
    caller: Caller, raw: RawClient, session: str, make_fifo: MakeFifo
) -> None:
    entered, gate, done = make_fifo("entered"), make_fifo("gate"), make_fifo("done")
    code = textwrap.dedent(f"""
        {entered.put_here}
        {gate.get_here}
        self.stream()
        for _ in range(500):
            self.chunk(bytes(100_000))
        self.chunk(b"")
        {done.put_here}
    """)
    with raw.connect(session, length=len(code)) as connection:
        connection.sendall(code.encode())
        entered.get()
    gate.put()
    done.get()
    assert caller.json(session, COUNT) == 2, "the session lives on"


def test_a_client_that_goes_away_in_the_stream_does_not_end_the_work(
    caller: Caller, raw: RawClient, session: str, make_fifo: MakeFifo
) -> None:
    gate, done = make_fifo("gate"), make_fifo("done")
    code = textwrap.dedent(f"""
        self.stream()
        self.chunk(b"first")
        {gate.get_here}
        for _ in range(500):
            self.chunk(bytes(100_000))
        self.chunk(b"")
        {done.put_here}
    """)
    with raw.connect(session, length=len(code)) as connection:
        connection.sendall(code.encode())
        assert response_on(connection).read(5) == b"first"
    gate.put()
    done.get()


def test_an_interim_answer_is_not_the_answer(caller: Caller, session: str) -> None:
    code = """
        self.raw(b"HTTP/1.1 103 Early Hints\\r\\nlink: </a>\\r\\n\\r\\n")
        answer("final")
    """
    assert caller.json(session, code) == "final"


def test_an_answer_without_length_ends_with_its_connection(caller: Caller, session: str) -> None:
    code = """
        self.raw(b"HTTP/1.0 200 OK\\r\\ncontent-type: text/plain\\r\\n\\r\\nthe whole")
        self.close_connection = True
    """
    assert caller.call(session, code)["response"].read() == b"the whole"


def test_headers_of_the_agent_stay_behind(caller: Caller, session: str) -> None:
    answer = caller.call(session, "answer('x', set_cookie='a=b', x_secret='1', mcp_session_id='s-1', server='mine')")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["mcp-session-id"] == answer["mcpSessionId"] == "s-1"
    assert headers["content-type"] == "application/json"
    assert headers[SESSION.lower()] == session
    assert uuid.UUID(headers["x-amzn-requestid"])
    assert headers.keys().isdisjoint({"set-cookie", "x-secret", "server"})


# What goes wrong


def failing(caller: Caller, session: str, code: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as failure:
        caller.call(session, code)
    response: dict[str, Any] = dict(failure.value.response)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "RuntimeClientError"
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    return response


@pytest.mark.parametrize("status", [301, 400, 404, 418, 500, 503])
def test_what_the_agent_refuses_is_424_without_its_words(caller: Caller, session: str, status: int) -> None:
    response = failing(caller, session, f"answer({{'error': 'my secret'}}, status={status})")
    assert response["Error"]["Message"] == (
        f"Received error ({status}) from runtime. Please check your CloudWatch logs for more information."
    )
    assert any("my secret" in line for line in caller.log(session))
    assert caller.json(session, COUNT) == 2, "the session goes on"


def test_a_traceback_stands_in_the_log_before_the_424(caller: Caller, session: str) -> None:
    failing(caller, session, "raise RuntimeError('the reason')")
    lines = caller.log(session)
    raised = lines.index("RuntimeError: the reason")
    assert any(line.startswith("424 RuntimeClientError") for line in lines[raised:])
    caller.logged("RuntimeError: the reason")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
    ],
    ids=["nothing", "words", "half a head", "upgrade", "length", "header"],
)
def test_an_answer_that_is_not_http_is_424(caller: Caller, session: str, answer: bytes) -> None:
    failing(caller, session, f"self.raw({answer!r}); self.close_connection = True")
    assert caller.json(session, COUNT) == 2, "the session goes on"


def test_a_head_may_be_large_but_not_endless(caller: Caller, session: str) -> None:
    assert caller.json(session, "answer('fits', **{f'x_{n}': 'y' * 1000 for n in range(200)})") == "fits"
    endless = """
        self.raw(b"HTTP/1.1 200 OK\\r\\n")
        try:
            while True:
                self.raw(b"x-more: " + b"y" * 1000 + b"\\r\\n")
        except OSError:
            self.close_connection = True
    """
    failing(caller, session, endless)
    assert any("head" in line for line in caller.log(session) if line.startswith("424"))


@pytest.mark.parametrize(
    "code",
    [
        "self.raw(b'HTTP/1.1 200 OK\\r\\ncontent-length: 10\\r\\n\\r\\nhalf')",
        "self.stream(); self.chunk(b'half')",
        "self.stream(); self.raw(b'not a chunk')",
    ],
    ids=["length", "chunks", "framing"],
)
def test_an_answer_that_breaks_off_breaks_the_clients_read(caller: Caller, session: str, code: str) -> None:
    answer = caller.call(session, code + "; self.close_connection = True")
    with pytest.raises((ResponseStreamingError, IncompleteReadError)):
        answer["response"].read()
    assert any(line.startswith("the answer was cut off") for line in caller.log(session))


# The death of a guest


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os._exit(3)", "its process exited with status 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "its process was killed by SIGSEGV"),
    ],
)
def test_a_guest_that_dies_is_424_and_the_next_call_is_cold(
    caller: Caller, session: str, code: str, reason: str
) -> None:
    before = caller.json(session, "answer(os.getpid())")
    failing(caller, session, "print('last words', flush=True); " + code)
    caller.logged(f"{session}] 424 RuntimeClientError: {reason}")
    caller.logged(f"{session}] | last words")
    pid, count = caller.json(session, "answer([os.getpid(), state['count']])")
    assert (pid != before, count) == (True, 1)


def test_a_guest_that_dies_in_its_answer_breaks_the_clients_read(
    caller: Caller, session: str, make_fifo: MakeFifo
) -> None:
    gate = make_fifo("gate")
    answer = caller.call(session, f"self.stream(); self.chunk(b'first'); {gate.get_here}; os._exit(1)")
    assert answer["response"].read(5) == b"first"
    gate.put()
    with pytest.raises(ResponseStreamingError):
        answer["response"].read()
    assert caller.json(session, COUNT) == 1


def test_a_guest_that_died_between_two_calls_is_not_met_again(caller: Caller, session: str) -> None:
    for _ in range(10):
        pid = caller.json(session, "answer(os.getpid())")
        death = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([death], [], [])
        os.close(death)
        # The kernel knows, the emulator perhaps not.
        assert caller.json(session, COUNT) == 1


# StopRuntimeSession


def test_stop_ends_a_session_once(caller: Caller, session: str) -> None:
    pid = caller.json(session, "answer(os.getpid())")
    answer = caller.stop(session)
    assert answer["statusCode"] == 200
    assert answer["runtimeSessionId"] == session
    assert not Path(f"/proc/{pid}").exists()
    for unknown in (session, new_session()):
        with pytest.raises(ClientError) as failure:
            caller.stop(unknown)
        assert failure.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caller.json(session, "answer([state['count'], os.getpid()])") != [1, pid]


def test_stop_cuts_what_is_in_flight(
    caller: Caller, session: str, pool: ThreadPoolExecutor, make_fifo: MakeFifo
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    streaming = caller.call(session, f"self.stream(); self.chunk(b'first'); {gate.get_here}")
    assert streaming["response"].read(5) == b"first"
    waiting = pool.submit(failing, caller, session, f"{entered.put_here}; {gate.get_here}")
    entered.get()
    caller.stop(session)
    with pytest.raises(ResponseStreamingError):
        streaming["response"].read()
    waiting.result()
    assert caller.json(session, COUNT) == 1


def test_stop_of_an_agent_that_is_not_there(caller: Caller, session: str) -> None:
    with pytest.raises(ClientError) as failure:
        caller.client.stop_runtime_session(agentRuntimeArn=caller.arn + "x", runtimeSessionId=session)
    assert failure.value.response["Error"]["Code"] == "ResourceNotFoundException"


# The synchronous limit


async def invoke(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock, code: str, *, debug: bool
) -> list[dict[str, Any]]:
    """One invocation by way of a plane in this process; the ASGI messages of its answer."""
    agent = await laboratory.agent()
    sessions = Sessions(clock, debug=debug)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": code.encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    try:
        await invoke_in_process(agent, sessions, clock, receive=receive, send=send, debug=debug)
    finally:
        await sessions.close(grace=0)
    return sent


async def test_an_agent_that_does_not_answer_in_time(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock, make_fifo: MakeFifo
) -> None:
    entered, never = make_fifo("entered"), make_fifo("never")
    answer = asyncio.create_task(
        invoke(invoke_in_process, laboratory, clock, f"{entered.put_here}; {never.get_here}", debug=False)
    )
    await asyncio.to_thread(entered.get)
    await clock.advance(15 * 60)
    with pytest.raises(GatewayTimeout):
        await answer


async def test_an_agent_that_is_debugged_has_all_the_time(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock, make_fifo: MakeFifo
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    answer = asyncio.create_task(
        invoke(invoke_in_process, laboratory, clock, f"{entered.put_here}; {gate.get_here}; answer('late')", debug=True)
    )
    await asyncio.to_thread(entered.get)
    await clock.advance(100_000)
    gate.put()
    sent = await answer
    assert sent[0]["status"] == 200
    assert b"".join(message["body"] for message in sent[1:]) == b'"late"'
