"""Agents that mean no good, or are broken in ways that look like it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.microvm.link import Finding, Link
from agentcore_emulator.runtime.relay import Exchange
from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from tests.conftest import Laboratory
    from tests.runtime.conftest import Caller

STUCK = "print('stuck', flush=True)\nimport threading\nthreading.Event().wait()\n"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[31mred\x1b[0m\tplain", "\x1b[31mred\x1b[0m\tplain"),
        ("\rERROR: [other] ended", r"\rERROR: [other] ended"),
        ("\x1b]52;c;cm0gLXJm\x07", r"\x1b]52;c;cm0gLXJm\x07"),
        ("\x1b[2J\x9b2J", r"\x1b[2J\x9b2J"),
        ("größer – 日本", "größer – 日本"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(printed: str, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="agentcore_emulator")
    journal = Journal(f"[agent {printed}]")
    journal.printed(printed)
    journal.happened(printed)
    assert list(journal.lines) == [shown, shown]
    assert [record.getMessage() for record in caplog.records] == [
        f"[agent {shown}] | {shown}",
        f"[agent {shown}] {shown}",
    ]


def test_a_line_break_in_what_befell_a_session_makes_no_line_of_its_own() -> None:
    journal = Journal("[agent s]")
    journal.happened("did not start: x\nERROR: [other] ended")
    assert list(journal.lines) == [r"did not start: x\nERROR: [other] ended"]


async def test_reports_of_ever_more_ports_are_not_kept() -> None:
    findings: list[Finding] = []
    link = Link(findings.append)
    for port in range(1000):
        link._take(b'{"elsewhere": %d}' % port)
    assert link.elsewhere == list(range(10))


async def test_headers_after_the_body_are_dropped() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        trailers = b"".join(b"x-trailer: %d\r\n" % number for number in range(1000))
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n" + trailers + b"\r\n")
        await writer.drain()
        writer.close()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        exchange = Exchange(reader, writer)
        await exchange.request("POST", "/invocations", [], receive, 0)
        await exchange.head()
        assert b"".join([piece async for piece in exchange.body()]) == b"hi"
        assert exchange.headers == [("transfer-encoding", "chunked")]
        writer.close()
        await writer.wait_closed()


def test_an_error_whose_body_never_comes_is_an_error_all_the_same(caller: Caller, session: str) -> None:
    code = "self.send_response(503); self.end_headers(); self.wfile.flush(); threading.Event().wait()"
    with pytest.raises(ClientError, match=r"Received error \(503\) from runtime"):
        caller.call(session, code)


def test_the_emulator_ends_quietly_over_a_session_that_never_gets_ready(
    write_agent: Callable[[str], Path], make_caller: type[Caller], session: str
) -> None:
    with EmulatorProcess(write_agent(STUCK)) as emulator, ThreadPoolExecutor(1) as pool:
        call = pool.submit(make_caller(emulator).call, session, "")
        while "| stuck" not in emulator.log:
            assert not call.done()
        [pending] = emulator.sessions()
        assert pending["state"] == "Provisioning"
        assert emulator.stop() == 0
        assert isinstance(call.exception(), (ClientError, BotoCoreError))
        assert "Traceback" not in emulator.log
        assert "ERROR" not in emulator.log


async def test_a_session_that_cannot_be_started_leaves_no_files(laboratory: Laboratory) -> None:
    agent = await laboratory.agent()
    folder = laboratory.run_folder.path = laboratory.folder / ("x" * 110)  # Too long for a Unix socket's path.
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        await laboratory.start(agent)
    assert list(folder.iterdir()) == []


async def test_a_process_too_many_ends_no_other(laboratory: Laboratory) -> None:
    full = laboratory.folder / "full"
    laboratory.write(
        f"""
        import os
        fork = os.fork
        def fork_if_there_is_room():
            if os.path.exists({str(full)!r}):
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return fork()
        os.fork = fork_if_there_is_room
        """,
        "sitecustomize.py",
    )
    agent = await laboratory.agent(env={"PYTHONPATH": str(laboratory.folder / "project")})
    first = await laboratory.start(agent)
    await first.ready()
    full.touch()
    with pytest.raises(BootFailure, match="no room for another process: Resource temporarily unavailable"):
        await laboratory.start(agent)
    full.unlink()
    await (await laboratory.start(agent)).ready()
    assert first.alive
