from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agentcore_emulator.runtime.microvm.resources import LogPipe, RunFolder, SessionFolder, Sockets


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "agent.py").write_text("x = 1")
    return folder


@pytest.fixture
def session(tmp_path: Path) -> SessionFolder:
    return SessionFolder(tmp_path / "session")


# Folders


def test_the_run_folder_is_the_users_alone_and_short() -> None:
    folder = RunFolder()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    session = folder.session()
    assert not session.path.exists()
    assert session.path.parent == folder.path
    assert len(str(session.socket)) < 100
    assert folder.session().path != session.path
    session.path.mkdir()
    folder.remove()
    assert not folder.path.exists()


def test_a_long_temp_folder_does_not_make_a_long_socket_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = RunFolder()
    session = folder.session()
    session.path.mkdir()
    Sockets(session.socket).close()
    folder.remove()
    assert not folder.path.exists()


def test_a_session_works_on_a_copy(project: Path, session: SessionFolder) -> None:
    (project / "data").mkdir()
    (project / "data" / "note.txt").write_text("note")
    (project / "run.sh").write_text("#!/bin/sh")
    (project / "run.sh").chmod(0o755)
    os.utime(project / "run.sh", (1, 1))
    session.make(project, isolated=False)
    copied = session.work / "data" / "note.txt"
    assert copied.read_text() == "note"
    assert (session.work / "run.sh").stat().st_mode & 0o111
    assert (session.work / "run.sh").stat().st_mtime == 1
    assert list(session.home.iterdir()) == list(session.tmp.iterdir()) == []
    copied.write_text("changed")
    assert (project / "data" / "note.txt").read_text() == "note"
    session.remove()
    assert not session.path.exists()


# Sockets


async def test_both_sockets_take_connections_before_anybody_accepts(tmp_path: Path) -> None:
    sockets = Sockets(tmp_path / "s")
    for kind, listener in (("unix", sockets.unix), ("tcp", sockets.tcp)):
        reader, writer = await sockets.connect(kind)
        writer.write(b"early")
        await writer.drain()
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(5) == b"early"
            accepted.sendall(b"late")
        assert await reader.read() == b"late"
        writer.close()
        await writer.wait_closed()
    sockets.close()
    for kind in ("unix", "tcp"):
        with pytest.raises(ConnectionRefusedError):
            await sockets.connect(kind)


async def test_tcp_is_loopback_only(tmp_path: Path) -> None:
    sockets = Sockets(tmp_path / "s")
    assert sockets.tcp.getsockname() == ("127.0.0.1", sockets.port)
    sockets.close()


# The log


class Lines(list[str]):
    """Collects lines, and tells when a certain one has come."""

    def __init__(self) -> None:
        super().__init__()
        self._last: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, line: str) -> None:
        self.append(line)
        if line == "last":
            self._last.set_result(None)

    async def complete(self) -> list[str]:
        await self._last
        return list(self)


async def test_lines_as_they_come() -> None:
    lines = Lines()
    pipe = LogPipe(lines.take)
    os.write(pipe.write_end, b"one\ntw")
    os.write(pipe.write_end, "o\r\n\nfünf\n".encode() + b"\xff\nlast\n")
    assert await lines.complete() == ["one", "two", "", "fünf", "\ufffd", "last"]
    pipe.close_write_end()
    pipe.close()


async def test_drain_takes_what_is_there_at_once() -> None:
    lines = Lines()
    pipe = LogPipe(lines.take)
    os.write(pipe.write_end, b"one\nunfinished")
    pipe.drain()
    assert lines == ["one"]
    pipe.close_write_end()
    pipe.close()
    assert lines == ["one", "unfinished"]
    pipe.drain()
    pipe.close()
    assert lines == ["one", "unfinished"]


async def test_the_end_of_the_guest_ends_the_log() -> None:
    lines = Lines()
    pipe = LogPipe(lines.take)
    os.write(pipe.write_end, b"one\nlast")
    pipe.close_write_end()
    assert await lines.complete() == ["one", "last"]


async def test_who_prints_without_end_does_not_hold_the_loop_up() -> None:
    lines = Lines()
    many = asyncio.Event()

    def take(line: str) -> None:
        # The agent prints faster than its lines are taken in.
        lines.append(line)
        os.write(pipe.write_end, b"more\n" * 2)
        if len(lines) > 100:
            many.set()

    pipe = LogPipe(take)
    os.write(pipe.write_end, b"first\n")
    pipe.drain()
    assert lines == ["first"]
    await many.wait()  # It goes on by itself, and others have their turn.
    pipe.close_write_end()
    pipe.close()


async def test_a_line_without_end_is_taken_in_pieces() -> None:
    lines = Lines()
    pipe = LogPipe(lines.take)
    for _ in range(100):
        os.write(pipe.write_end, b"x" * 50_000)
        await asyncio.sleep(0)
        pipe.drain()
    assert 0 < len(lines) < 100
    os.write(pipe.write_end, b"\nlast\n")
    assert sum(map(len, await lines.complete())) == 5_000_000 + 4
    pipe.close_write_end()
    pipe.close()


def test_the_folder_of_a_killed_emulator_is_cleared_away_and_that_of_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living = RunFolder()
    (living.path / "1").mkdir()
    script = "import os; from agentcore_emulator.runtime.microvm.resources import RunFolder; "
    script += (
        "folder = RunFolder(); (folder.path / '1').mkdir(); print(folder.path, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    fresh = RunFolder()
    assert not left.exists()
    assert (living.path / "1").is_dir()
    living.remove()
    fresh.remove()
    assert not living.path.exists()
