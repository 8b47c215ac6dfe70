"""Recordings: `FOLDER/TARGET/DATE/CONTRACT.json`, each with a head that says what was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Case", "Head", "Recording", "file_of", "found", "read", "write"]


@dataclass(frozen=True, slots=True)
class Head:
    """What was recorded: `aws` or `emulator`, where, on which day (UTC), and the versions of what took part."""

    target: str
    region: str
    date: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What passed in one case of a contract, and whether the contract was kept: `passed` or `failed`."""

    outcome: str
    exchanges: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """A contract's recording. `cases` are by the name that pytest gives them in brackets, empty if it gives none."""

    contract: str
    head: Head
    cases: Mapping[str, Case]


def file_of(folder: Path, contract: str) -> Path:
    """Where a contract's recording lies in the folder of one day."""
    # An id is anybody's text, and must not lead out of the folder.
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', contract).lstrip('.') or '_'}.json"


def write(folder: Path, recording: Recording) -> Path:
    """Write a recording to `folder/TARGET/DATE`; one of the same contract and day is replaced."""
    file = file_of(folder / recording.head.target / recording.head.date, recording.contract)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Only ASCII, so that text which is no Unicode, a half of a surrogate pair say, can be written too.
    file.write_text(json.dumps(asdict(recording), indent=1) + "\n", "utf-8")
    return file


def read(file: Path) -> Recording:
    """Raises `ValueError` with a sentence if the file is no recording, and what opening it raises."""
    text = file.read_text("utf-8")
    try:
        written = json.loads(text)
        cases = {name: Case(**case) for name, case in written["cases"].items()}
        return Recording(written["contract"], Head(**written["head"]), cases)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{file} is no recording of a contract; record it again with --agentcore-record") from None


def found(folder: Path) -> Iterator[Recording]:
    """All recordings below a folder, by target, day and contract."""
    for file in sorted(folder.glob("*/*/*.json")):
        yield read(file)
