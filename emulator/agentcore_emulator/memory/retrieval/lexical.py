"""How much a record's words have to do with a question's.

A question is taken apart into words. Those that say nothing are left out, and those that say little ("like", "time")
count for less. A record has a word when it has any form of it, or, counting for less again, a related one (`words`).
From what it has, a record gets a score from 0 to 1 in which both matter: how much of the question it has, so that a
short question can be met in full, and how much it has altogether, so that one telling word in common counts however
long the question is. Nothing depends on other records, so a score stays what it is when others come and go.
"""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection

from agentcore_emulator.memory.retrieval import fulltext, words
from agentcore_emulator.memory.retrieval.ranking import Ranked

__all__ = ["ByWords"]

_WORD: Final = re.compile(r"[^\W_]+")
# Of a question as long as a page these are enough.
_MOST_WORDS: Final = 24

# In thousandths, which add up to the same in any order.
_STRONG, _WEAK = 1000, 350
# What a thing, or the name of what it is, counts in place of the word itself.
_THING, _NAME = 0.8, 0.5
# So that a strong word in common is worth 0.33 even if it is all, and a question that is met in full 0.8 or more.
_SATURATION: Final = 0.4
_COVERAGE: Final = 0.8
# Below the score of the very same text, which is 1.
_BEST: Final = 0.99

# So many records with a telling word are enough; weak words then only put these in order.
_ENOUGH: Final = 100


class _Word(NamedTuple):
    text: str
    weight: int
    things: frozenset[str]
    names: frozenset[str]


class ByWords:
    """Retrieval by words: the `Ranking` that needs nothing but the database, which keeps its index by itself."""

    async def open(self) -> None:
        """Nothing goes on in the background."""

    async def close(self) -> None:
        """Nothing does."""

    async def prepare(self, memory_key: int) -> Ranked:
        """Nothing is to be prepared."""
        return functools.partial(_ranked, memory_key)


def _ranked(
    memory_key: int, connection: Connection, path: str, conditions: Sequence[ColumnElement[bool]], question: str
) -> Iterator[tuple[int, float]]:
    """Records with a word of the question, or with one that is related to it."""
    same = sorted(fulltext.identical(connection, memory_key, path, question), reverse=True)
    yield from ((key, 1.0) for key in same)
    asked = _words(question)
    whole = sum(word.weight for word in asked)
    found: defaultdict[int, list[int]] = defaultdict(list)
    for key, amount in _amounts(connection, memory_key, path, asked).items():
        found[amount].append(key)
    skipped = frozenset(same)
    for amount in sorted(found, reverse=True):
        score = _score(amount, whole)
        yield from ((key, score) for key in sorted(found[amount], reverse=True) if key not in skipped)


def _words(question: str) -> Sequence[_Word]:
    """What is looked for, the words that say most first."""
    asked: dict[str, _Word] = {}
    for text in _WORD.findall(question.lower()):
        base = words.base_form(text)
        if base not in asked and not words.is_silent(base):
            weight = _WEAK if words.is_weak(base) else _STRONG
            asked[base] = _Word(base, weight, *words.related(base))
    return sorted(asked.values(), key=lambda word: -word.weight)[:_MOST_WORDS]


def _amounts(connection: Connection, memory_key: int, path: str, asked: Sequence[_Word]) -> dict[int, int]:
    """How much of the question each record has, by its key."""
    amounts: dict[int, int] = {}
    telling: set[str] = set()
    for word in asked:
        among = telling if word.weight == _WEAK and len(amounts) >= _ENOUGH else ()
        counted: set[str] = set()
        for forms, part in (({word.text}, 1.0), (word.things, _THING), (word.names, _NAME)):
            if forms:
                worth = int(word.weight * part)
                # A record counts once for a word, by the best that it has.
                for key in fulltext.matching(connection, memory_key, path, forms, without=counted, among=among):
                    amounts[key] = amounts.get(key, 0) + worth
                counted |= forms
        if word.weight == _STRONG:
            telling |= counted
    return amounts


def _score(amount: int, whole: int) -> float:
    missing = math.exp(-_SATURATION * amount / _STRONG) * (1 - _COVERAGE * (amount / whole) ** 2)
    return round(min(_BEST, 1 - missing), 4)
