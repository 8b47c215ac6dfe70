"""Differences between two JSON trees, by path, and the patterns that such paths match."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

__all__ = ["ABSENT", "Absent", "Difference", "differences", "matches"]


class Absent:
    """The side of a difference that has nothing there."""

    def __repr__(self) -> str:
        return "(nothing)"


ABSENT: Final = Absent()

_WILDCARDS: Final = {"**/": "(?:[^/]+/)*", "/**": "(?:/[^/]+)*", "**": ".*", "*": "[^/]*"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands at `path` in one tree and in the other; `ABSENT` where there is nothing.

    A path is names and positions with slashes between: `exchanges/2/output/event/eventId`. A slash within a name is
    `~1`, a tilde `~0`, as in JSON Pointer (RFC 6901).
    """

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path}\n    expected: {_shown(self.expected)}\n    got:      {_shown(self.got)}"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, Absent) else json.dumps(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"


def differences(expected: Any, got: Any, path: str = "") -> list[Difference]:
    """All of them, in the order of `expected`; a list that lost or gained items is not told as all of its items."""
    if isinstance(expected, dict) and isinstance(got, dict):
        found = []
        for name in dict.fromkeys([*expected, *got]):
            escaped = name.replace("~", "~0").replace("/", "~1")
            found += differences(expected.get(name, ABSENT), got.get(name, ABSENT), f"{path}/{escaped}".lstrip("/"))
        return found
    if isinstance(expected, list) and isinstance(got, list):
        return _of_lists(expected, got, path)
    if _same(expected, got):
        return []
    return [Difference(path, expected, got)]


def _of_lists(expected: list[Any], got: list[Any], path: str) -> list[Difference]:
    if len(expected) == len(got):
        blocks = [(0, len(expected), 0, len(got))]
    else:
        # By a list's own items, so that what came or went in its middle does not shift the rest.
        kinds = [*map(_kind, expected)], [*map(_kind, got)]
        blocks = [block[1:] for block in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes()]
    found = []
    for start, end, other_start, other_end in blocks:
        pairs = zip_longest(range(start, end), range(other_start, other_end))
        for one, other in pairs:
            found += differences(
                ABSENT if one is None else expected[one],
                ABSENT if other is None else got[other],
                f"{path}/{other if one is None else one}".lstrip("/"),
            )
    return found


def _kind(item: Any) -> str:
    """What tells items of a list from each other: of exchanges, what was asked."""
    if isinstance(item, dict) and "operation" in item:
        item = (item["operation"], item.get("request"))
    return json.dumps(item, sort_keys=True)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, where 1 is not true and not 1.0, and NaN is NaN."""
    if isinstance(one, Absent) or isinstance(other, Absent):
        return one is other
    return json.dumps(one) == json.dumps(other)


def matches(pattern: str, path: str) -> bool:
    """Whether a path is one of a pattern's: `*` is any part of one name, `**` any number of names."""
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*)", pattern)
    regex = "".join(_WILDCARDS.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(regex, path, re.DOTALL) is not None
