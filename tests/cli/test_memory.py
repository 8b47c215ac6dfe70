"""`agentcore-emulator memory`, on a store that no emulator has."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store
from agentcore_emulator.testing import EmulatorProcess

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def notes(store_url: str) -> str:
    """A memory with three events of two actors, at `store_url`."""

    async def fill() -> str:
        store = Store(store_url)
        plane = MemoryPlane(store, Clock(), "us-east-1", "123456789012")
        created = await plane.operations["CreateMemory"]({"name": "notes", "eventExpiryDuration": 30})
        memory: str = created["memory"]["id"]
        for actor, session in (("ada", "one"), ("ada", "two"), ("bob", "one")):
            said = {"eventTimestamp": 1_767_225_600.0, "payload": [{"blob": "é"}]}
            await plane.operations["CreateEvent"]({"memoryId": memory, "actorId": actor, "sessionId": session, **said})
        await store.close()
        return memory

    return asyncio.run(fill())


def only_line(text: str) -> str:
    [line] = text.splitlines()
    return line


def test_memories_are_carried_from_one_store_to_another(
    call: Run, store_url: str, notes: str, folder: Path, tmp_path: Path
) -> None:
    ended = call("memory", "export", "--store", store_url, "--output", "notes.jsonl")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "Exported 1 memory, 3 sessions, 3 events.\n"
    assert [entry.name for entry in folder.iterdir()] == ["notes.jsonl"]
    assert "é" in (folder / "notes.jsonl").read_text("utf-8")
    ended = call("memory", "import", "notes.jsonl", "--state-dir", tmp_path / "other")
    assert (ended.returncode, ended.stderr) == (0, "Imported 1 memory, 3 sessions, 3 events.\n")
    ended = call("memory", "export", "--state-dir", tmp_path / "other", "-o", "again.jsonl")
    assert (folder / "again.jsonl").read_bytes() == (folder / "notes.jsonl").read_bytes()
    refused = call("memory", "import", "notes.jsonl", "--state-dir", tmp_path / "other")
    assert refused.returncode == 1
    assert only_line(refused.stderr) == (
        f"agentcore-emulator: line 2: the memory {notes} is there already; --replace puts this one in its place"
    )
    assert call("memory", "import", "notes.jsonl", "--replace", "--state-dir", tmp_path / "other").returncode == 0


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_standard_streams_will_do(run: Run, store_url: str, notes: str, folder: Path, tmp_path: Path) -> None:
    exported = run("memory", "export", "--actor", "bob", AGENTCORE_EMULATOR_STORE=store_url)
    assert exported.stderr == "Exported 1 memory, 1 session, 1 event.\n"
    kinds = [json.loads(line)["kind"] for line in exported.stdout.splitlines()]
    assert kinds == ["export", "memory", "session", "event"]
    (folder / "bob.jsonl").write_text(exported.stdout, "utf-8")
    script = f'"$0" -m agentcore_emulator memory import - --state-dir {tmp_path / "other"} < bob.jsonl'
    command = ["sh", "-c", script, *exported.args[:1]]
    imported = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert imported.stderr == "Imported 1 memory, 1 session, 1 event.\n"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_who_reads_an_export_may_stop(run: Run, store_url: str, notes: str, tmp_path: Path) -> None:
    ended = run("memory", "export", "--store", store_url)
    python = ended.args[0]
    script = f'"$0" -m agentcore_emulator memory export --store {store_url} | true'
    piped = subprocess.run(["sh", "-c", script, python], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Traceback" not in piped.stderr
    assert "BrokenPipe" not in piped.stderr


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_what_has_expired_is_told(call: Run, store_url: str, notes: str, folder: Path, tmp_path: Path) -> None:
    call("memory", "export", "--store", store_url, "-o", "notes.jsonl")
    lines = [json.loads(line) for line in (folder / "notes.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        if line["kind"] == "event":
            line["expiresAt"] = "2026-01-02T00:00:00Z"
    (folder / "old.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    told = call("memory", "import", "old.jsonl", "--state-dir", tmp_path / "other")
    assert told.stderr.splitlines()[1] == (
        "3 of them have expired already; with --renew they would live as long as new ones."
    )
    renewed = call("memory", "import", "old.jsonl", "--replace", "--renew", "--state-dir", tmp_path / "other")
    assert renewed.stderr == "Imported 1 memory, 3 sessions, 3 events.\n"


def test_what_is_kept_is_shown(call: Run, store_url: str, notes: str) -> None:
    shown = call("memory", "inspect", "--store", store_url)
    assert (shown.returncode, shown.stderr) == (0, "")
    place, *_, row, _ = shown.stdout.splitlines()
    assert place.startswith(("State file ", "Database "))
    assert row.split() == [notes, "30", "days", "0", "2", "3", "3", "0", "60", "bytes", "2026-01-01", "00:00"]
    actors = call("memory", "inspect", "--memory", "notes", "--store", store_url).stdout.splitlines()
    assert [row.split()[:3] for row in actors[-3:-1]] == [["ada", "2", "2"], ["bob", "1", "1"]]
    sessions = call("memory", "inspect", "--memory", notes, "--actor", "ada", "--store", store_url).stdout.splitlines()
    assert [row.split()[:3] for row in sessions[-3:-1]] == [["one", "0", "1"], ["two", "0", "1"]]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["inspect", "--memory", "other"], 1, "there is no memory with the id or name 'other'"),
        (["inspect", "--memory", "notes", "--actor", "eve"], 1, "has no actor 'eve'"),
        (["inspect", "--actor", "eve"], 2, "--actor needs --memory, as actors of several memories may have one name"),
        (["export", "--session", "three"], 1, "there is no session of that actor or with that id"),
        (["export", "--output", "no/folder"], 1, "no/folder cannot be written: No such file or directory"),
        (["import", "no.jsonl"], 1, "no.jsonl cannot be read: No such file or directory"),
        (["import", "/dev/null"], 1, "there is no line in it"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    call: Run, store_url: str, notes: str, folder: Path, arguments: list[str], status: int, message: str
) -> None:
    ended = call("memory", *arguments, "--store", store_url)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert only_line(ended.stderr).endswith(message)
    assert list(folder.iterdir()) == []


def test_where_no_memory_is_kept_none_is_made(call: Run, folder: Path) -> None:
    for command in ("export", "inspect"):
        ended = call("memory", command)
        file = folder / ".agentcore-emulator" / "state.db"
        assert only_line(ended.stderr) == f"agentcore-emulator: no memory is kept here: there is no file {file}"
    assert list(folder.iterdir()) == []


def test_the_projects_table_says_where(call: Run, folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.agentcore-emulator]\nstate-dir = 'kept'\n")
    for command in (["export"], ["inspect"]):
        assert only_line(call("memory", *command).stderr).endswith(f"there is no file {folder / 'kept' / 'state.db'}")
    (folder / "pyproject.toml").write_text("[tool.agentcore-emulator]\nstore = 'mysql://ada:secret@db.test/notes'\n")
    ended = call("memory", "import", "/dev/null")
    assert ended.returncode == 2
    assert only_line(ended.stderr).endswith("the URL of a store starts with sqlite:/// or postgresql+psycopg://")
    assert "secret" not in ended.stderr


def test_beside_a_running_emulator_nothing_is_done(call: Run, agent: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with EmulatorProcess(agent, "--state-dir", str(state)):
        for command in (["export"], ["inspect"], ["import", "/dev/null"]):
            ended = call("memory", *command, "--state-dir", state)
            assert ended.returncode == 1
            assert "is in use by another emulator: stop that one" in only_line(ended.stderr)
