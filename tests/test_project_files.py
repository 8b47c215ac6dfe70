"""What is copied of a project, and how much may be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agentcore_emulator.config import ProjectError
from agentcore_emulator.project_files import check_size, copy, digest


def write(file: Path, text: str = "text") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_a_copy_has_the_agents_files_and_no_history_environments_or_caches(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name in ("agent.py", "data/deep/table.csv", ".env", ".git/HEAD", "__pycache__/a.pyc", "node_modules/x/y.js"):
        write(project / name)
    write(project / "my-env" / "pyvenv.cfg")
    write(project / "my-env" / "bin" / "python")
    copy(project, tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {"agent.py", "data/deep/table.csv", ".env"}


def test_a_copy_is_apart_from_its_original(tmp_path: Path) -> None:
    write(tmp_path / "project" / "notes.txt", "old")
    copy(tmp_path / "project", tmp_path / "copy")
    (tmp_path / "copy" / "notes.txt").write_text("new", encoding="utf-8")
    assert (tmp_path / "project" / "notes.txt").read_text(encoding="utf-8") == "old"


def test_empty_folders_are_there_for_the_agent_to_write_into(tmp_path: Path) -> None:
    (tmp_path / "project" / "out").mkdir(parents=True)
    copy(tmp_path / "project", tmp_path / "copy")
    assert (tmp_path / "copy" / "out").is_dir()


def test_the_emulators_state_is_never_touched_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("state.db", "state.db-wal", "state.db.lock"):
        write(tmp_path / "project" / name)
        write(tmp_path / "project" / "my-state" / name)
    write(tmp_path / "project" / "data" / "state.db", "the agent's own")
    copy(tmp_path / "project", tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {"data/state.db"}


def test_links_stay_links_also_when_they_lead_nowhere_or_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "project" / "real.txt")
    (tmp_path / "project" / "link").symlink_to("real.txt")
    (tmp_path / "project" / "lost").symlink_to("nowhere")
    (tmp_path / "project" / "circle").symlink_to(".")
    copy(tmp_path / "project", tmp_path / "copy")
    links = {path.name: str(path.readlink()) for path in (tmp_path / "copy").iterdir() if path.is_symlink()}
    assert links == {"link": "real.txt", "lost": "nowhere", "circle": "."}


def test_pipes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    os.mkfifo(tmp_path / "project" / "pipe")
    copy(tmp_path / "project", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_project_that_aws_would_refuse_is_refused_with_a_way_out(tmp_path: Path) -> None:
    write(tmp_path / "agent.py")
    check_size(tmp_path)
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(751_000_000)
    with pytest.raises(ProjectError, match="folder of its own"):
        check_size(tmp_path)


def test_a_file_that_goes_while_it_is_copied_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "project" / ".agent.py.swp")
    write(tmp_path / "project" / "agent.py")
    real = shutil.copy2

    def meanwhile(source: str, target: Path) -> object:
        (tmp_path / "project" / ".agent.py.swp").unlink(missing_ok=True)
        return real(source, target)

    monkeypatch.setattr(shutil, "copy2", meanwhile)
    copy(tmp_path / "project", tmp_path / "copy")
    assert (tmp_path / "copy" / "agent.py").exists()
    assert not (tmp_path / "project" / ".agent.py.swp").exists()


def test_a_project_that_is_the_temporary_folder_is_copied_once(tmp_path: Path) -> None:
    (tmp_path / "agent.py").touch()
    run = tmp_path / "agentcore-emulator-x"
    run.mkdir()
    copy(tmp_path, run / "work")
    assert [entry.name for entry in (run / "work").iterdir()] == ["agent.py"]


def test_the_digest_changes_with_the_source_alone(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("a")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "prompt.txt").write_text("b")
    before = digest(tmp_path)
    for name in (".bedrock_agentcore.yaml", "data.db", "client.log"):
        (tmp_path / name).write_text("c")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").write_text("c")
    assert digest(tmp_path) == before
    (tmp_path / "package" / "prompt.txt").write_text("changed")
    assert digest(tmp_path) != before
    (tmp_path / "package" / "prompt.txt").rename(tmp_path / "package" / "other.txt")
    assert digest(tmp_path) != before
