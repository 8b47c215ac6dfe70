"""What options' values mean. Each function raises ValueError with a sentence for text that means nothing."""

from __future__ import annotations

import importlib.util
import re
import shlex
from difflib import get_close_matches
from pathlib import Path

from agentcore_emulator.clock import LONGEST_ADVANCE

__all__ = ["items", "mount_name", "seconds", "services", "words"]


def items(text: str) -> list[str]:
    """What stands between commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def words(text: str) -> tuple[str, ...]:
    """A command's words, as a shell has them."""
    found = shlex.split(text)
    if not found:
        raise ValueError("it names no program")
    return tuple(found)


def seconds(text: str) -> float:
    """A number of seconds, as far ahead as a clock goes."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= LONGEST_ADVANCE:
        raise ValueError(f"{text!r} is not a number of seconds from 0 to {LONGEST_ADVANCE:.0f}")
    return number


def mount_name(text: str) -> str:
    """The name of one folder below `/mnt`."""
    # botocore's `bedrock-agentcore-control` model, MountPath.
    match = re.fullmatch(r"/mnt/([a-zA-Z0-9._-]+)/?", text)
    if match is None or match[1].strip(".") == "" or not 6 <= len(text) <= 200:
        raise ValueError(f"{text!r} is not one folder below /mnt, as in /mnt/data")
    return match[1]


def services(text: str) -> frozenset[str]:
    """Names of AWS services, as botocore has them."""
    names = frozenset(items(text))
    if not names:
        return names
    # Importing botocore to ask it would take longer than all else that happens before the server is built.
    spec = importlib.util.find_spec("botocore")
    folders = (spec and spec.submodule_search_locations) or []
    known = {entry.name for folder in folders for entry in (Path(folder) / "data").iterdir() if entry.is_dir()}
    for name in sorted(names - known):
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ", by the names that boto3.client() takes"
        raise ValueError(f"there is no AWS service {name!r}{hint}")
    return names
