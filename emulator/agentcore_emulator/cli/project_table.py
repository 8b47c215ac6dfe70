"""The `[tool.agentcore-emulator]` table of a project's `pyproject.toml`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

__all__ = ["ProjectTable", "TableError", "read"]

_TABLE: Final = "agentcore-emulator"
_PATHS: Final = frozenset({"target", "state_dir", "env_file", "faults", "model_rules"})


class TableError(Exception):
    """The file or the table in it is wrong; the message is one sentence."""


@dataclass(frozen=True)
class ProjectTable:
    """Options by their Python names, each as one would type it after its flag; `file` is None if none was found."""

    file: Path | None = None
    options: dict[str, str] = field(default_factory=dict)


def read(near: Path, known: Collection[str]) -> ProjectTable:
    """The table in the first `pyproject.toml` found at `near` or upwards; `known` are the options' Python names.

    Relative paths in it count from the file's folder. Raises TableError.
    """
    near = near.absolute()
    for folder in (near, *near.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            return ProjectTable(file, dict(_options(file, known)))
    return ProjectTable()


def _options(file: Path, known: Collection[str]) -> list[tuple[str, str]]:
    import tomllib

    try:
        table = tomllib.loads(file.read_text("utf-8")).get("tool", {}).get(_TABLE, {})
    except OSError as error:
        raise TableError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{file} is not TOML: {error}") from error
    where = f"[tool.{_TABLE}] in {file}"
    if not isinstance(table, dict):
        raise TableError(f"{where} is not a table")
    options = []
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            names = sorted(option.replace("_", "-") for option in known)
            near = get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it can hold {', '.join(names)}"
            raise TableError(f"{where} has no option {key!r}; {hint}")
        options.append((name, _text(name, value, file, f"{key!r} of {where}")))
    return options


def _text(name: str, value: Any, file: Path, where: str) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int):
        raise TableError(f"{where} is neither a string, a number, true or false, nor a list of strings")
    # A bare `python = "python3.13"` is a command on PATH.
    if name in _PATHS or (name == "python" and Path(str(value)).name != value):
        return str(file.parent / str(value))
    return str(value)
