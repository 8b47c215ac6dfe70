from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, RetryableConflictException, RuntimeClientError
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.session import Session, SessionKey, State
from agentcore_emulator.runtime.sessions import Sessions

if TYPE_CHECKING:
    from tests.conftest import Fifo, Laboratory
    from tests.runtime.conftest import FakeClock

Order = Callable[[MicroVM, str], Awaitable[Any]]
MakeFifo = Callable[[str], "Fifo"]

KEY = SessionKey("agent-0123456789", "DEFAULT", "a-session")
START_UP_SECONDS = 30.0
OTHER = KEY._replace(session_id="another-session")


@pytest.fixture
async def sessions(clock: FakeClock) -> Sessions:
    return Sessions(clock, debug=False)


def open_descriptors() -> int:
    """How many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def is_running(pid_file: Path) -> bool:
    return Path("/proc", pid_file.read_text()).exists()


def microvm_of(session: Session) -> MicroVM:
    assert session.microvm is not None
    return session.microvm


async def test_a_session_keeps_its_microvm(laboratory: Laboratory, sessions: Sessions, clock: FakeClock) -> None:
    agent = await laboratory.agent()
    session = await sessions.get_or_start(KEY, agent)
    assert session.state is State.IDLE
    assert session.created == clock.now
    assert f"started, pid {microvm_of(session).pid}" in session.journal.lines
    assert await sessions.get_or_start(KEY, agent) is session
    other = await sessions.get_or_start(OTHER, agent)
    assert microvm_of(other).pid != microvm_of(session).pid
    assert list(sessions) == [session, other]
    await sessions.close(grace=1)
    assert list(sessions) == []
    assert not microvm_of(session).alive
    assert not microvm_of(other).alive


async def test_a_second_call_during_provisioning_may_be_retried(
    laboratory: Laboratory, sessions: Sessions, make_fifo: MakeFifo, puppet: str
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    agent = await laboratory.agent(f"{entered.put_here}; {gate.get_here}\n{puppet}")
    first = asyncio.create_task(sessions.get_or_start(KEY, agent))
    await asyncio.to_thread(entered.get)
    with pytest.raises(RetryableConflictException, match="Session operation in progress, please retry"):
        await sessions.get_or_start(KEY, agent)
    with pytest.raises(RetryableConflictException):
        await sessions.stop(KEY, "too early")
    gate.put()
    session = await first
    assert await sessions.get_or_start(KEY, agent) is session
    await sessions.close(grace=0)


async def test_a_call_while_a_session_is_torn_down_may_be_retried(
    laboratory: Laboratory, sessions: Sessions, make_fifo: MakeFifo, puppet: str
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    agent = await laboratory.agent(
        f"""
import os, signal
def leave(*_):
    {entered.put_here}
    {gate.get_here}
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
{puppet}
"""
    )
    session = await sessions.get_or_start(KEY, agent)
    stop = asyncio.create_task(sessions.stop(KEY, "enough", grace=60))
    await asyncio.to_thread(entered.get)
    assert session.state is State.STOPPING
    for call in (sessions.get_or_start(KEY, agent), sessions.stop(KEY, "again")):
        with pytest.raises(RetryableConflictException):
            await call
    gate.put()
    await stop
    assert microvm_of(session).how_it_ended() == "exited with status 0"
    with pytest.raises(ResourceNotFoundException):
        await sessions.stop(KEY, "again")
    assert await sessions.get_or_start(KEY, agent) is not session
    await sessions.close(grace=0)


async def test_stop_cuts_answers_before_the_guest_has_ended(
    laboratory: Laboratory, sessions: Sessions, make_fifo: MakeFifo, puppet: str
) -> None:
    gate = make_fifo("gate")
    agent = await laboratory.agent(
        f"import os, signal\nsignal.signal(15, lambda *_: ({gate.get_here}, os._exit(0)))\n{puppet}"
    )
    microvm = microvm_of(await sessions.get_or_start(KEY, agent))
    async with microvm.connect() as (reader, _):
        stop = asyncio.create_task(sessions.stop(KEY, "enough", grace=60))
        assert await reader.read() == b""
        assert not stop.done()
    gate.put()
    await stop


async def test_who_ignores_sigterm_is_killed_after_the_grace(
    laboratory: Laboratory, sessions: Sessions, puppet: str
) -> None:
    agent = await laboratory.agent("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + puppet)
    session = await sessions.get_or_start(KEY, agent)
    await sessions.stop(KEY, "enough", grace=0)
    assert microvm_of(session).how_it_ended() == "was killed by SIGKILL"


async def test_a_stopped_session_leaves_nothing_behind(
    laboratory: Laboratory, sessions: Sessions, order: Order
) -> None:
    agent = await laboratory.agent()
    before = open_descriptors()
    session = await sessions.get_or_start(KEY, agent)
    work = Path(await order(microvm_of(session), "open('note', 'w').close(); answer(os.getcwd())"))
    assert (work / "note").exists()
    await sessions.stop(KEY, "enough", grace=1)
    assert list(laboratory.run_folder.path.iterdir()) == []
    await asyncio.sleep(0)  # Closed transports close their sockets in the loop's next turn.
    assert open_descriptors() == before


async def test_a_dead_microvm_takes_its_session_with_it(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, order: Order
) -> None:
    agent = await laboratory.agent()
    session = await sessions.get_or_start(KEY, agent)
    microvm = microvm_of(session)
    os.kill(microvm.pid, 9)
    await microvm.exited
    await asyncio.sleep(0)
    assert list(sessions) == []
    assert (session.state, session.reason) == (State.STOPPED, "its process was killed by SIGKILL")
    assert any("was killed by SIGKILL; the next call starts cold" in line for line in session.journal.lines)
    await clock.advance(0)
    assert list(laboratory.run_folder.path.iterdir()) == []
    again = await sessions.get_or_start(KEY, agent)
    assert await order(microvm_of(again), "answer(state['count'])") == 1
    await sessions.close(grace=0)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('no such thing')", "ValueError: no such thing at {file}:1"),
        (
            "import json\njson.loads('x')",
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0) at {file}:2",
        ),
        ("raise ValueError('one line\\nand another')", "ValueError: one line at {file}:1"),
        ("raise KeyError", "KeyError at {file}:1"),
        ("import sys; sys.exit(7)", "the agent exited with status 7 before it served"),
        ("import os; os._exit(7)", "the agent's process exited with status 7 before it served"),
        ("import os; os.kill(os.getpid(), 9)", "the agent's process was killed by SIGKILL before it served"),
        ("x = 1", "{file} ended without starting a server and holds no ASGI app; call app.run() at its end"),
    ],
)
async def test_an_agent_that_does_not_come_up(
    laboratory: Laboratory, sessions: Sessions, caplog: pytest.LogCaptureFixture, source: str, reason: str, puppet: str
) -> None:
    agent = await laboratory.agent(source)
    with pytest.raises(RuntimeClientError, match="Runtime initialization time exceeded"):
        await sessions.get_or_start(KEY, agent)
    file = agent.runtime.entrypoint
    assert f"did not start: {reason.format(file=file)}" in caplog.text
    assert list(sessions) == []
    assert list(laboratory.run_folder.path.iterdir()) == []
    laboratory.write(puppet)
    assert (await sessions.get_or_start(KEY, agent)).state is State.IDLE, "the repaired file is what runs"
    await sessions.close(grace=0)


async def test_a_traceback_begins_with_the_agents_own_line(
    laboratory: Laboratory, sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    agent = await laboratory.agent("def f():\n    return 1 / 0\nf()")
    with pytest.raises(RuntimeClientError):
        await sessions.get_or_start(KEY, agent)
    printed = [record.getMessage() for record in caplog.records if record.name == "agentcore_emulator.agent"]
    lines = [line.partition(" | ")[2] for line in printed]
    file = agent.runtime.entrypoint
    assert lines[:2] == ["Traceback (most recent call last):", f'  File "{file}", line 3, in <module>']
    assert lines[-1] == "ZeroDivisionError: division by zero"


async def test_a_wrong_port_is_named_after_the_deadline(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, make_fifo: MakeFifo, caplog: pytest.LogCaptureFixture
) -> None:
    bound, never = make_fifo("bound"), make_fifo("never")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    agent = await laboratory.agent(
        f"""
        import socket
        server = socket.create_server(("127.0.0.1", {port}))
        {bound.put_here}
        {never.get_here}
        """
    )
    start = asyncio.create_task(sessions.get_or_start(KEY, agent))
    await asyncio.to_thread(bound.get)
    await clock.due_in(START_UP_SECONDS)
    for _ in range(10):
        await asyncio.sleep(0)  # What the guest has reported is there; these turns take it in.
    await clock.advance(START_UP_SECONDS)
    with pytest.raises(RuntimeClientError):
        await start
    assert f"the agent listens on port {port}, but AgentCore speaks to port 8080; serve there" in caplog.text


async def test_no_server_at_all_is_named_after_the_deadline(
    laboratory: Laboratory, sessions: Sessions, clock: FakeClock, make_fifo: MakeFifo, caplog: pytest.LogCaptureFixture
) -> None:
    agent = await laboratory.agent(make_fifo("never").get_here)
    start = asyncio.create_task(sessions.get_or_start(KEY, agent))
    await clock.due_in(START_UP_SECONDS)
    await clock.advance(START_UP_SECONDS)
    with pytest.raises(RuntimeClientError, match="Please make sure that initialization completes in 30s"):
        await start
    assert "did not start: nothing listened on port 8080 within 30 s; call app.run() at the end" in caplog.text
    assert list(laboratory.run_folder.path.iterdir()) == []


async def test_a_breakpoint_in_the_start_up_may_be_sat_on(
    laboratory: Laboratory, clock: FakeClock, make_fifo: MakeFifo, puppet: str
) -> None:
    entered, gate = make_fifo("entered"), make_fifo("gate")
    sessions = Sessions(clock, debug=True)
    agent = await laboratory.agent(f"{entered.put_here}; {gate.get_here}\n{puppet}")
    start = asyncio.create_task(sessions.get_or_start(KEY, agent))
    await asyncio.to_thread(entered.get)
    await clock.advance(100_000)
    await asyncio.sleep(0)
    gate.put()
    assert (await start).state is State.IDLE
    await sessions.close(grace=0)


async def test_a_provisioning_that_is_cancelled_leaves_no_guest(
    laboratory: Laboratory, sessions: Sessions, make_fifo: MakeFifo
) -> None:
    entered, never = make_fifo("entered"), make_fifo("never")
    pid_file = laboratory.folder / "pid"
    agent = await laboratory.agent(
        f"import os; open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n{entered.put_here}; {never.get_here}"
    )
    start = asyncio.create_task(sessions.get_or_start(KEY, agent))
    await asyncio.to_thread(entered.get)
    start.cancel()
    await asyncio.wait([start])
    assert start.cancelled()
    assert list(sessions) == []
    assert not is_running(pid_file)


async def test_those_of_an_endpoint_or_a_version_end_together(laboratory: Laboratory, clock: FakeClock) -> None:
    agent = await laboratory.agent()
    sessions = Sessions(clock, debug=False)
    keys = [KEY._replace(endpoint=endpoint, session_id=name) for endpoint in ("DEFAULT", "PROD") for name in "ab"]
    for key in keys[:3]:
        await sessions.get_or_start(key, agent)
    await agent.update()
    await sessions.get_or_start(keys[3], agent)
    other = await sessions.get_or_start(KEY._replace(runtime_id="other-0123456789"), agent)
    await sessions.end_all(KEY.runtime_id, endpoint="DEFAULT")
    assert {session.key for session in sessions} == {*keys[2:], other.key}
    await sessions.end_all(KEY.runtime_id, version=1)
    assert {session.key for session in sessions} == {keys[3], other.key}
    await sessions.end_all(KEY.runtime_id)
    assert {session.key for session in sessions} == {other.key}
    await sessions.close(grace=0)


async def test_none_starts_by_what_is_deleted(laboratory: Laboratory, clock: FakeClock) -> None:
    agent = await laboratory.agent()
    sessions = Sessions(clock, debug=False)
    agent.leave("DEFAULT")
    with pytest.raises(ResourceNotFoundException, match="qualifier DEFAULT for agent agent-0123456789"):
        await sessions.get_or_start(KEY, agent)
    await sessions.get_or_start(KEY._replace(endpoint="PROD"), agent)
    await sessions.close(grace=0)
