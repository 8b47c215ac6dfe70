"""Words: their stems, and which of them say what a sentence is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from agentcore_emulator.memory.extraction.rules.english import CATEGORIES, EMPTY

__all__ = ["categories", "key", "stem", "stems"]

_WORD = re.compile(r"[^\W_]+(?:[.'+#-][^\W_]+)*[+#]*")


def stem(word: str) -> str:
    """What the forms of an English word have in common, more or less."""
    word = word.lower().removesuffix("'s").strip("'")
    if len(word) > 4 and word.endswith(("ies", "sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        if len(word) > len(suffix) + 2 and word.endswith(suffix) and re.search("[aeiouy]", word[: -len(suffix)]):
            word = word[: -len(suffix)]
            if len(word) > 2 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word.endswith("y") else word


def stems(text: str) -> list[str]:
    """The stems of the words that say what a text is about, in order, each once."""
    words = (word.lower() for word in _WORD.findall(text))
    return list(dict.fromkeys(stem(word) for word in words if word not in EMPTY))


def key(text: str) -> str:
    """What texts about the same have in common."""
    return " ".join(stems(text))


_CATEGORY: Final[Mapping[str, str]] = {
    stem(word): name for name, words in reversed(list(CATEGORIES.items())) for word in words
}


def categories(text: str) -> list[str]:
    """Which of CATEGORIES a text has words of, the one with most of them first."""
    counts = Counter(_CATEGORY[one] for one in map(stem, _WORD.findall(text)) if one in _CATEGORY)
    order = list(CATEGORIES)
    return sorted(counts, key=lambda name: (-counts[name], order.index(name)))
