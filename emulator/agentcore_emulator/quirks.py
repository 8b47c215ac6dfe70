"""The platform's five surprises, each by name and with a level.

What each one is, where it arises and how to live with it: one page per name under `docs/quirks/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final, Literal, get_args

__all__ = ["LEVELS", "NAMES", "Level", "Quirks"]

Level = Literal["strict", "warn", "off"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
NAMES: Final = ("payload-type", "double-encoding", "stream-double-encoding", "truncation", "generator")


class Quirks(Mapping[str, Level]):
    """An immutable mapping from each of `NAMES` to its level.

    `strict` enforces the quirk, `warn` (the default) only points at code that it would punish, `off` does neither.
    """

    __slots__ = ("_levels",)

    def __init__(self, levels: Mapping[str, Level] | None = None) -> None:
        self._levels: dict[str, Level] = dict.fromkeys(NAMES, "warn")
        for name, level in (levels or {}).items():
            self._levels[_name(name)] = _level(level)

    @classmethod
    def parse(cls, text: str) -> Quirks:
        """Read `strict`, `truncation=strict,generator=off` or both: `off,truncation=strict`.

        A level by itself comes first and holds for every quirk that is not named after it. Raises ValueError with one
        sentence.
        """
        first, *others = (item.strip() for item in text.split(","))
        levels: dict[str, Level] = {}
        if "=" in first:
            others = [first, *others]
        else:
            levels.update(dict.fromkeys(NAMES, _level(first)))
        named: set[str] = set()
        for item in others:
            name, equals, level = (part.strip() for part in item.partition("="))
            if not equals:
                raise ValueError(f"{item!r} is not of the form name=level; only the first item may be a level alone")
            if name in named:
                raise ValueError(f"the quirk {name!r} is given twice")
            named.add(name)
            levels[_name(name)] = _level(level)
        return cls(levels)

    def __getitem__(self, name: str) -> Level:
        return self._levels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._levels)

    def __len__(self) -> int:
        return len(self._levels)

    def __hash__(self) -> int:
        return hash(tuple(self._levels.values()))

    def __str__(self) -> str:
        """The shortest text that `parse` reads back to an equal value."""
        common = Counter(self._levels.values()).most_common(1)[0][0]
        return ",".join([common, *(f"{name}={level}" for name, level in self._levels.items() if level != common)])

    def __repr__(self) -> str:
        return f"Quirks.parse({str(self)!r})"


def _name(text: str) -> str:
    if text not in NAMES:
        near = get_close_matches(text, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the quirks are {', '.join(NAMES)}"
        raise ValueError(f"there is no quirk {text!r}; {hint}")
    return text


def _level(text: str) -> Level:
    for level in LEVELS:
        if text == level:
            return level
    raise ValueError(f"{text!r} is not a level of a quirk; the levels are {', '.join(LEVELS)}")
