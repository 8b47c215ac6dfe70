from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from agentcore_emulator.errors import GatewayTimeout, RuntimeClientError
from agentcore_emulator.faults import Faults, read
from agentcore_emulator.runtime.sessions import Sessions

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import Caller, FakeClock, Invoke

MakeFifo = Callable[[str], "Fifo"]
Order = Callable[..., None]

COUNT = "answer(state['count'])"
STREAM = """
self.stream()
for piece in (b"one ", b"two ", b"three"):
    self.chunk(piece)
self.raw(b"0\\r\\n\\r\\n")
"""


@pytest.fixture
def order(caller: Caller, session: str) -> Iterator[Order]:
    """Orders a fault of the test's session; all are taken back."""
    url = f"{caller.emulator.url}/_emulator/faults"

    def order(fault: str, **members: Any) -> None:
        assert httpx.post(url, json={"fault": fault, "session": session, **members}).status_code == 201

    yield order
    httpx.delete(url)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failure.value.response["Error"]["Code"])


def received(answer: dict[str, Any]) -> bytes:
    """What comes of a body that is cut off."""
    data: list[bytes] = []
    with pytest.raises((ResponseStreamingError, IncompleteReadError)):
        data.extend(answer["response"].iter_chunks(1))
    return b"".join(data)


# kill


def test_a_kill_before_the_answer_is_a_424_and_the_next_call_is_cold(
    caller: Caller, session: str, order: Order
) -> None:
    assert [caller.json(session, COUNT) for _ in range(2)] == [1, 2]
    order("kill")
    with pytest.raises(ClientError) as failure:
        caller.call(session, COUNT)
    assert code_of(failure) == "RuntimeClientError"
    assert caller.json(session, COUNT) == 1
    caller.logged(f"{session}] fault")
    caller.logged(f"kill, strikes InvokeAgentRuntime of session '{session}'")
    caller.logged(f"{session}] 424 RuntimeClientError: its process was killed by SIGKILL")


def test_a_kill_in_the_middle_of_a_stream(caller: Caller, session: str, order: Order) -> None:
    order("kill", after_bytes=6)
    assert received(caller.call(session, STREAM)) == b"one tw"
    assert caller.json(session, COUNT) == 1


def test_a_kill_in_the_middle_of_an_answer_in_one_piece(caller: Caller, session: str, order: Order) -> None:
    order("kill", after_bytes=1000)
    assert received(caller.call(session, "answer(b'x' * 5000)")) == b"x" * 1000


def test_a_kill_after_the_last_byte_still_comes_before_the_end(caller: Caller, session: str, order: Order) -> None:
    order("kill", after_bytes=13)
    assert received(caller.call(session, STREAM)) == b"one two three"


def test_an_answer_that_is_too_short_for_the_kill(caller: Caller, session: str, order: Order) -> None:
    order("kill", after_bytes=20)
    assert caller.call(session, STREAM)["response"].read() == b"one two three"
    caller.logged(f"{session}] the answer ended 7 bytes before the fault would have killed the microVM")
    assert caller.json(session, COUNT) == 2


def test_another_session_is_not_struck(caller: Caller, session: str, order: Order) -> None:
    order("kill")
    assert caller.json(session[:-1] + "x", COUNT) == 1
    with pytest.raises(ClientError):
        caller.call(session, COUNT)


# hang


def test_a_client_that_gives_up_on_a_hanging_agent_may_have_it_work_twice(
    caller: Caller, session: str, order: Order
) -> None:
    from botocore.config import Config

    impatient = caller.emulator.client(
        "bedrock-agentcore", config=Config(read_timeout=0.5, retries={"total_max_attempts": 1})
    )
    order("hang")
    with pytest.raises(ReadTimeoutError):
        impatient.invoke_agent_runtime(
            agentRuntimeArn=caller.arn, runtimeSessionId=session, contentType="text/x-python", payload=COUNT
        )
    assert caller.json(session, COUNT) == 2


def test_a_hanging_call_ends_with_its_session(
    caller: Caller, session: str, order: Order, pool: ThreadPoolExecutor, make_fifo: MakeFifo
) -> None:
    entered = make_fifo("entered")
    for end in (lambda: caller.stop(session), lambda: kill(caller, session)):
        order("hang")
        call = pool.submit(caller.call, session, f"{entered.put_here}; {COUNT}")
        entered.get()
        end()
        with pytest.raises(ClientError) as failure:
            call.result(30)
        assert code_of(failure) == "RuntimeClientError"
    caller.logged(f"{session}] 424 RuntimeClientError: its process was killed by SIGKILL")


def kill(caller: Caller, session: str) -> None:
    assert httpx.post(f"{caller.emulator.url}/_emulator/sessions/{session}/kill").status_code == 200


def test_a_hanging_call_ends_when_the_client_goes_and_the_agent_is_not_held_up(
    caller: Caller, session: str, order: Order, make_fifo: MakeFifo
) -> None:
    entered, done = make_fifo("entered"), make_fifo("done")
    order("hang")
    # More than the buffers on the way hold: the agent gets through only if somebody reads.
    code = f"{entered.put_here}; answer(b'x' * 20_000_000); {done.put_here}"
    parts = urlsplit(caller.emulator.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        head = [
            f"POST /runtimes/{quote(caller.arn, safe='')}/invocations HTTP/1.1",
            "Host: localhost",
            "Content-Type: text/x-python",
            f"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: {session}",
            f"Content-Length: {len(code)}",
        ]
        connection.sendall("\r\n".join([*head, "", code]).encode())
        entered.get()
        assert done.empty()
    done.get()
    assert caller.json(session, COUNT) == 2


class Call:
    """One call of a plane in this process, by a client that stays."""

    def __init__(
        self, invoke: Invoke, laboratory: Laboratory, clock: FakeClock, code: str, *faults: dict[str, Any]
    ) -> None:
        self._invoke = invoke
        self._laboratory = laboratory
        self._clock = clock
        self._code = code
        self._faults = Faults()
        self._faults.add(map(read, faults))
        self._asked = False
        self.sent: list[Any] = []
        self.went = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await self.went.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._code.encode(), "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def run(self, *, debug: bool = False) -> list[Any]:
        agent = await self._laboratory.agent()
        sessions = Sessions(self._clock, debug=debug)
        try:
            await self._invoke(
                agent,
                sessions,
                self._clock,
                receive=self.receive,
                send=self.send,
                debug=debug,
                faults=self._faults,
            )
        finally:
            await sessions.close(grace=0)
        return self.sent


async def test_a_hanging_call_is_given_up_after_15_minutes(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock, make_fifo: MakeFifo
) -> None:
    entered = make_fifo("entered")
    answer = asyncio.create_task(
        Call(invoke_in_process, laboratory, clock, f"{entered.put_here}; answer(1)", {"fault": "hang"}).run()
    )
    await asyncio.to_thread(entered.get)
    await clock.advance(15 * 60)
    with pytest.raises(GatewayTimeout):
        await answer


# slow-first-byte


async def test_the_head_is_held_back(invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock) -> None:
    call = Call(invoke_in_process, laboratory, clock, "answer(1)", {"fault": "slow-first-byte", "seconds": 40})
    answer = asyncio.create_task(call.run())
    await clock.due_in(40)
    assert call.sent == []
    await clock.advance(40)
    head, body = await answer
    assert (head["status"], json.loads(body["body"])) == (200, 1)


async def test_a_late_head_is_late_for_nobody_when_the_client_has_gone(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock
) -> None:
    call = Call(invoke_in_process, laboratory, clock, "answer(1)", {"fault": "slow-first-byte", "seconds": 40})
    answer = asyncio.create_task(call.run())
    await clock.due_in(40)
    call.went.set()
    head, _ = await answer
    assert head["status"] == 200


async def test_a_session_that_dies_before_the_late_head(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock
) -> None:
    call = Call(
        invoke_in_process,
        laboratory,
        clock,
        "answer(1); threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGKILL)).start()",
        {"fault": "slow-first-byte", "seconds": 40},
    )
    with pytest.raises(RuntimeClientError):
        await call.run()
    assert call.sent == []


async def test_faults_of_different_kinds_strike_together(
    invoke_in_process: Invoke, laboratory: Laboratory, clock: FakeClock
) -> None:
    call = Call(
        invoke_in_process,
        laboratory,
        clock,
        STREAM,
        {"fault": "slow-first-byte", "seconds": 40},
        {"fault": "kill", "after_bytes": 3},
    )
    answer = asyncio.create_task(call.run())
    await clock.due_in(40)
    await clock.advance(40)
    sent = await answer
    assert [message.get("body") for message in sent] == [None, b"one"]
    assert sent[-1]["more_body"]
