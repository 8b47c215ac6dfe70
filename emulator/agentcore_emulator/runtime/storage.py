"""Managed session storage: a folder that outlives a session's stop, until the agent has a new version.

AWS developer guide, "Persistent file system": it is mounted at `/mnt/<name>`, kept across stop and resume of the same
session id, deleted after 14 days without use, and wiped when the runtime's version is updated.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path
from typing import Final

from agentcore_emulator import project_files
from agentcore_emulator.clock import Clock
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.microvm.host import Storage

__all__ = ["SessionStorage"]

_UNUSED_SECONDS: Final = 14 * 86_400.0


class SessionStorage:
    """The storage of one runtime's sessions, below `folder`, in one folder per version and session.

    A version is known by its number in this run of the emulator, and by what its source files are, so that an agent
    that is changed while no emulator runs has a new one, too.
    """

    def __init__(self, folder: Path, runtime: AgentRuntime, clock: Clock) -> None:
        self._folder = folder / runtime.runtime_id
        self._runtime = runtime
        self._clock = clock
        self._names: dict[int, str] = {}

    def add_version(self, number: int, live: set[int]) -> None:
        """Wipe what versions had that are neither this one nor among the `live` ones. Blocking."""
        if self._runtime.session_storage is None:
            return
        digest = project_files.digest(self._runtime.project_dir)[:16]
        self._names[number] = f"{digest}-{number}"
        kept = {name for known, name in self._names.items() if known == number or known in live}
        if self._folder.is_dir():
            for entry in self._folder.iterdir():
                if entry.name not in kept:
                    shutil.rmtree(entry, ignore_errors=True)

    def open(self, version: int, session_id: str) -> Storage | None:
        """The storage of a session that starts, None if the runtime has none. Blocking."""
        name = self._runtime.session_storage
        if name is None:
            return None
        folder = self._path(version, session_id)
        stamp = folder.with_suffix(".used")
        try:
            unused = self._clock.time() - float(stamp.read_text("ascii"))
        except (OSError, ValueError):
            unused = 0.0
        if unused > _UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.used(version, session_id)
        return Storage(folder, Path("/mnt") / name)

    def used(self, version: int, session_id: str) -> None:
        """Note that a session has its storage in use until now. Blocking."""
        if self._runtime.session_storage is not None:
            stamp = self._path(version, session_id).with_suffix(".used")
            with contextlib.suppress(FileNotFoundError):  # Wiped meanwhile, as its version has been replaced.
                stamp.write_text(repr(self._clock.time()), "ascii")

    def _path(self, version: int, session_id: str) -> Path:
        # Ids hold what a file's name may not.
        key = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / self._names[version] / key
