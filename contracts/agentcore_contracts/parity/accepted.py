"""`parity.toml`: differences that are accepted, each with a reason and until a day."""

from __future__ import annotations

import datetime
import fnmatch
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentcore_contracts.parity.differences import matches

__all__ = ["NAME", "Acceptance", "read"]

NAME = "parity.toml"

_MEMBERS = {"contract": str, "path": str, "reason": str, "expires": datetime.date}


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Differences of the contracts that match `contract`, at paths that match `path`, until the end of `expires`."""

    contract: str
    path: str
    reason: str
    expires: datetime.date

    def covers(self, contract: str, path: str) -> bool:
        """Whether this is about a difference."""
        return fnmatch.fnmatchcase(contract, self.contract) and matches(self.path, path)

    def expired(self, today: datetime.date) -> bool:
        """Whether it holds no longer."""
        return today > self.expires

    def __str__(self) -> str:
        return f"{NAME}: {self.contract}, {self.path}"


def read(file: Path) -> list[Acceptance]:
    """The acceptances of a file, none if there is none. Raises `ValueError` with a sentence for anything else in it."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no TOML: {error}") from None
    if document.keys() - {"accepted"} or not isinstance(document.get("accepted", []), list):
        raise ValueError(f"{file} must hold nothing but [[accepted]] tables")
    return [_acceptance(file, number, table) for number, table in enumerate(document.get("accepted", []), 1)]


def _acceptance(file: Path, number: int, table: Any) -> Acceptance:
    if not isinstance(table, dict) or table.keys() != _MEMBERS.keys():
        raise ValueError(f"{file}: [[accepted]] number {number} must have {', '.join(_MEMBERS)}, and nothing else")
    for name, kind in _MEMBERS.items():
        value = table[name]
        if type(value) is not kind or not str(value).strip():
            wanted = "a date such as 2027-01-31" if kind is datetime.date else "a text"
            raise ValueError(f"{file}: `{name}` of [[accepted]] number {number} must be {wanted}, not {value!r}")
    return Acceptance(**table)
