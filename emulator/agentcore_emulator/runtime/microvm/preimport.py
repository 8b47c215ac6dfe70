"""Which modules a zygote imports before it forks: learnt from the first session, remembered between runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Preimports"]

_FORMAT = 1


class Preimports:
    """The learnt modules of one entry file under one interpreter and set of installed packages.

    A change of any of these starts anew. The file is a cache: unreadable is the same as absent.
    """

    def __init__(self, folder: Path, python: Path, entrypoint: Path) -> None:
        key = hashlib.sha256(f"{_FORMAT}\0{python}\0{entrypoint}\0{_installed(python)}".encode()).hexdigest()[:16]
        self._file = folder / f"{entrypoint.stem}-{key}.json"
        self._unforkable_file = self._file.with_suffix(".unforkable.json")
        self._folder = folder

    @property
    def file(self) -> Path | None:
        """The file with the JSON list of module names, in the order of their import; None when nothing is learnt."""
        return self._file if self._file.exists() else None

    @property
    def names(self) -> list[str]:
        """What is learnt."""
        return _load(self._file)

    def learn(self, modules: Iterable[str]) -> bool:
        """Remember what a session had loaded; return whether that is news worth a new zygote.

        Modules that other sessions needed stay, since sessions of one agent take different paths.
        """
        known = _load(self._file)
        unforkable = set(_load(self._unforkable_file))
        new = [name for name in modules if name.partition(".")[0] not in unforkable]
        merged = list(dict.fromkeys([*known, *new]))
        if merged == known:
            return False
        self._save(self._file, merged)
        return True

    def exclude(self, module: str) -> None:
        """Leave out a package that starts a thread on import, after which a process cannot be forked safely."""
        package = module.partition(".")[0]
        self._save(self._unforkable_file, sorted({*_load(self._unforkable_file), package}))
        self._save(self._file, [name for name in _load(self._file) if name.partition(".")[0] != package])

    def forget(self) -> None:
        """Start anew: a zygote does not survive the import of what was learnt."""
        self._file.unlink(missing_ok=True)

    def _save(self, file: Path, names: list[str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(names), encoding="utf-8")
        part.replace(file)


def _load(file: Path) -> list[str]:
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _installed(python: Path) -> str:
    """The names and versions of what is installed beside an interpreter, without starting it."""
    found: list[str] = []
    for library in sorted((python.parent.parent / "lib").glob("python3*/site-packages")):
        found.extend(sorted(entry.name for entry in library.glob("*.dist-info")))
    return "\n".join(found)
