"""A mutant: the emulator with one deliberate fault."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "Stale"]


class Stale(Exception):
    """The code has changed, and a mutant's replacement does not fit any more; the text names both."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One fault: in `file`, a path below the package, the only place that reads `old` reads `new` instead.

    `breaks` says in a sentence what that does to a user. `contracts` are the ids of those that should notice, which are
    asked before all others.
    """

    name: str
    file: str
    old: str
    new: str
    breaks: str
    contracts: tuple[str, ...]

    def check(self, package: Path) -> None:
        """Raise `Stale` unless the replacement fits the code of `package`."""
        self._mutated(package)

    def apply(self, package: Path) -> None:
        """Put the fault into `package`, a copy. Raises `Stale`."""
        text = self._mutated(package)
        path = package / self.file
        path.write_text(text, encoding="utf-8")
        # Bytecode is told from another by size and second, which may both be those of the original.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

    def _mutated(self, package: Path) -> str:
        path = package / self.file
        if not path.is_file():
            raise Stale(
                f"mutant {self.name}: there is no file {self.file} any more; name the one that has its code now"
            )
        text = path.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise Stale(
                f"mutant {self.name}: {self.file} has the text that it replaces {count} times, and not once; write it"
                " anew for the code as it is"
            )
        return text.replace(self.old, self.new)
