"""A project's files: which of them belong to the agent, and the copy of them that every session gets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from agentcore_emulator.config import RUN_FOLDER_PREFIX, STATE_FILE, ProjectError

__all__ = ["LEFT_OUT", "check_size", "copy", "digest", "is_source"]

_SOURCES = frozenset(
    {
        ".cjs",
        ".go",
        ".html",
        ".j2",
        ".java",
        ".js",
        ".json",
        ".md",
        ".mjs",
        ".py",
        ".rb",
        ".rs",
        ".sh",
        ".sql",
        ".toml",
        ".ts",
        ".tsx",
        ".txt",
        ".yaml",
        ".yml",
    }
)

# History, environments and caches are large and no input of an agent; deploys to AWS do not carry them either.
LEFT_OUT = frozenset(
    {
        ".agentcore-emulator",
        ".bzr",
        ".git",
        ".hg",
        ".hypothesis",
        ".idea",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "__pycache__",
        "node_modules",
        "venv",
    }
)

# A direct code deployment may have this much unpacked (AWS developer guide, "Quotas for Amazon Bedrock AgentCore").
_LARGEST_PROJECT = 750_000_000


def check_size(project: Path) -> None:
    """Raise `ProjectError` for a folder with more than AWS takes: a home folder, say, with the agent's file in it."""
    size = 0
    for entry in _entries(project):
        with contextlib.suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_size
        if size > _LARGEST_PROJECT:
            raise ProjectError(
                f"{project} holds more than the {_LARGEST_PROJECT // 1_000_000} MB that an agent's code may have, and "
                "every session works on a copy of it; put the agent into a folder of its own"
            )


def digest(project: Path) -> str:
    """A name for what a project's source files are now: another one, once one of them has changed. Blocking."""
    found = hashlib.sha256()
    for entry in sorted(_entries(project), key=lambda entry: entry.path):
        if is_source(entry.path):
            with contextlib.suppress(OSError):
                stat = entry.stat()
                found.update(f"{os.path.relpath(entry.path, project)}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return found.hexdigest()


def is_source(path: str) -> bool:
    """Whether a file is one whose change makes another version of an agent: code, or data that code goes by.

    Not among them are hidden files, such as the toolkit's, which every one of its commands writes.
    """
    name = os.path.basename(path)  # noqa: PTH119 - hot
    return not name.startswith(".") and os.path.splitext(name)[1] in _SOURCES  # noqa: PTH122 - hot


def copy(source: Path, target: Path) -> None:
    """Copy a project's files into `target`, which must not exist yet. Blocking.

    Symbolic links stay as they are. What is no file (sockets, pipes) and what cannot be read is left out.
    """
    target.mkdir()
    for entry in _entries(source):
        to = target / os.path.relpath(entry.path, source)
        try:
            if entry.is_symlink():
                to.symlink_to(os.readlink(entry.path))  # noqa: PTH115 - as it stands, also when it leads nowhere
            elif entry.is_dir():
                to.mkdir()
            elif stat.S_ISREG(entry.stat().st_mode):
                shutil.copy2(entry.path, to)
        except (PermissionError, FileNotFoundError):
            continue  # What the developer cannot read, the agent cannot need; and an editor's files come and go.


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """What belongs to the agent below a folder, each folder before what is in it."""
    try:
        entries = list(os.scandir(folder))
    except (PermissionError, FileNotFoundError):
        return
    # The emulator's own state, wherever --state-dir puts it. Opening and closing the database here would, besides, give
    # up the locks that this process holds on it (sqlite.org, "How To Corrupt An SQLite Database File", 2.2).
    state = STATE_FILE if any(entry.name == f"{STATE_FILE}.lock" for entry in entries) else None
    for entry in entries:
        # A project that is the temporary folder itself holds the very copies that are made of it.
        if entry.name.startswith(RUN_FOLDER_PREFIX):
            continue
        if entry.name in LEFT_OUT or (state and entry.name.startswith(state)):
            continue
        if os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):  # noqa: PTH110, PTH118 - hot
            continue
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)
