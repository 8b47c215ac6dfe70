"""Holds the lock, the doors and the project's metadata together."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parent.parent
LOCK = (REPOSITORY / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


def required() -> list[str]:
    extras = [item for items in PROJECT["project"]["optional-dependencies"].values() for item in items]
    return [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *extras,
        *PROJECT["dependency-groups"]["dev"],
    ]


@pytest.mark.parametrize("text", required())
def test_the_lock_has_what_the_project_asks_for(text: str) -> None:
    wanted = Requirement(text)
    pinned = re.search(rf"^{re.escape(wanted.name.lower())}==(\S+)", LOCK, re.MULTILINE)
    assert pinned is not None, f"{wanted.name} is not in requirements.lock; `nox -s lock` brings it up to date"
    assert wanted.specifier.contains(pinned[1]), f"requirements.lock has {wanted.name} {pinned[1]}, and not {wanted}"


def test_every_line_of_the_lock_is_pinned_and_hashed() -> None:
    entries = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^ *#.*\n", "", LOCK, flags=re.MULTILINE))
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[a-zA-Z0-9._-]+==\S+( ; [^\\\n]+)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_lock_names_no_place() -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|file:|@ |(?<![\w.])/", LOCK)


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with a shell's usual tools in it, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "cksum", "cat", "rm", "awk"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def set_up(tmp_path: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs the set-up in a folder that holds nothing but what it reads."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "nox", tmp_path / ".ci")
    shutil.copy(REPOSITORY / "requirements.lock", tmp_path)
    return subprocess.run(
        [str(tmp_path / ".ci" / "nox"), "--list"],
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
    )


def test_without_python_the_set_up_says_so(tmp_path: Path, bare_path: Path) -> None:
    ended = set_up(tmp_path, bare_path)
    assert ended.returncode == 1
    assert (
        ended.stderr == "Python 3.11 or later is needed, but there is no python3 on PATH; install one and try again.\n"
    )


def write_python(folder: Path, version: str, modules: int) -> None:
    """A `python3` that answers the three questions of the set-up as an interpreter of that kind would."""
    script = f"""#!/bin/sh
case "$2" in
    *print*) echo {version} ;;
    *"(3, 11)"*) [ {version.partition(".")[2]} -ge 11 ] ;;
    *ensurepip*) exit {modules} ;;
esac
"""
    (folder / "python3").write_text(script)
    (folder / "python3").chmod(0o755)


def test_with_an_old_python_only_the_set_up_says_so(tmp_path: Path, bare_path: Path) -> None:
    write_python(bare_path, "3.9", 0)
    ended = set_up(tmp_path, bare_path)
    assert ended.returncode == 1
    assert ended.stderr == "Python 3.11 or later is needed, but python3 is 3.9; install one and try again.\n"


def test_with_a_python_that_makes_no_environments_the_set_up_says_so(tmp_path: Path, bare_path: Path) -> None:
    write_python(bare_path, "3.12", 1)
    ended = set_up(tmp_path, bare_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("python3 cannot make virtual environments because it lacks ensurepip;")
    assert ended.stderr.count("\n") == 1
