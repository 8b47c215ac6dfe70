"""From the first person to the third: "I fly to my parents" is "The user flies to their parents."."""

from __future__ import annotations

import re
from typing import Final

from agentcore_emulator.memory.extraction.rules.english import ADVERBS, PAST, PRESENT_IN_ED, VERBS

__all__ = ["about_user", "is_idle", "of_the_user", "pronouns", "third_person", "to_assistant"]

_IRREGULAR: Final = {
    "am": "is",
    "have": "has",
    "do": "does",
    "go": "goes",
    "don't": "doesn't",
    "haven't": "hasn't",
    "dont": "doesn't",
    "ain't": "isn't",
}

_PRONOUNS = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"\bI\s+am\b", "they are"),
        (r"\bI\s+was\b", "they were"),
        (r"(?<![\w.'])I(?![\w.'/&-])", "they"),
        (r"\b(?:we\s+are|we're)\b", "they are"),
        (r"\bwe\b", "they"),
        (r"\b(?:my|our)\b", "their"),
        (r"\b(?:mine|ours)\b", "theirs"),
        (r"\bmyself\b", "themselves"),
        (r"\bourselves\b", "themselves"),
        (r"\bme\b", "them"),
        (r"\byour\b", "the assistant's"),
        (r"\byourself\b", "itself"),
        (r"\byou\b", "the assistant"),
        # "US" is a country.
        (r"\b(?-i:us)\b", "them"),
    )
]
_NAMED = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"\bI\s+am\b", "the user is"),
        (r"(?<![\w.'])I(?![\w.'/&-])", "the user"),
        (r"\b(?:my|our)\b", "the user's"),
        (r"\bme\b", "the user"),
    )
]
_YOURS = [(re.compile(pattern, re.IGNORECASE), text) for pattern, text in ((r"\byour\b", "its"), (r"\byou\b", "it"))]
_AND_I = re.compile(r"^my\s+(.{1,60}?)\s+and\s+I\s+(am\b|was\b)?\s*(.+)$", re.IGNORECASE)
_POSSESSED = re.compile(r"^my\s+(\S.*)$", re.IGNORECASE)

# What people say to keep a conversation going, to ask for something now, or to hold back; nothing of it lasts.
_IDLE = re.compile(
    r"^I\s+(?:(?:really|just|still|also|only|actually|totally)\s+)*(?:"
    r"(?:think|guess|mean|hope|wonder|see|understand|agree|disagree|said|asked|told|know|knew|suppose|believe|assume|bet|"
    r"doubt|appreciate|apologize|swear|promise|forgot|thought|meant|noticed|got\s+(?:it|that)|feel\s+like)\b"
    r"|(?:don't|do\s+not|didn't|did\s+not|can't|cannot|couldn't)\s+(?:know|think|understand|see|remember|get\s+it|mind|"
    r"find|believe|tell|agree|mean)\b"
    r"|(?:was|am|have\s+been)\s+(?:just\s+)?(?:wondering|curious|asking|hoping|thinking|trying|referring|talking|confused|"
    r"saying|looking\s+at|sorry|not\s+sure|sure|afraid|glad|happy\s+(?:to|with|that)|done|ready|back|here|all\s+set|ok|"
    r"okay|fine|good|unsure|not\s+(?:certain|following))\b"
    r"|(?:would|will)\s+(?:really\s+)?(?:like|love|appreciate|want)\s+(?:you|it\s+if|to\s+(?:know|ask|hear|see|understand|"
    r"get|have\s+you)|some\s+help|help|your)\b"
    r"|(?:want|need|require)\s+(?:you|your|to\s+(?:know|ask|see|understand)|an?\s+(?:answer|hand|favor|favour)|(?:some\s+)?"
    r"help)\b"
    r"|have\s+(?:a|an|another|one|some|two|a\s+few)\s+(?:\w+\s+)?(?:question|questions|problem|request|doubt|issue)\b"
    r"|(?:will|would|could|should|might|may)\s+(?:try|check|do|see|be\s+back|let\s+you|get\s+back|think|say|be\s+happy|need)\b"
    r"|(?:may|might|could)\b|can\s+(?:see|hear|tell|do\s+that|confirm|try|wait)\b|did\b|didn't\b|am$|have$|do$)",
    re.IGNORECASE,
)
_IDLE_POSSESSED = re.compile(
    r"^my\s+(?:(?:first|last|next|other|only|main)\s+)?(?:question|questions|problem|point|request|bad|mistake|apologies|"
    r"pleasure|god|goodness|guess|answer|understanding|thanks)\b",
    re.IGNORECASE,
)
_REPEATS = re.compile(r"\b(\w+)(?:\s+\1\b){3,}", re.IGNORECASE)
_SHORTEST = 3


def about_user(clause: str) -> bool:
    """Whether a clause is said of the user: its subject is "I" or something that is "my"."""
    return clause.startswith("I ") or _POSSESSED.match(clause) is not None


def is_idle(clause: str) -> bool:
    """Whether a clause about the user is not worth remembering."""
    words = clause.split()
    return (
        len(words) < _SHORTEST
        or _IDLE.match(clause) is not None
        or _IDLE_POSSESSED.match(clause) is not None
        or _REPEATS.search(clause) is not None
        # Nothing is said of anybody without a verb.
        or (_POSSESSED.match(clause) is not None and not _has_verb(words[2:]))
    )


def third_person(clause: str) -> str:
    """A clause about the user as a sentence of the third person, which begins with "The user"."""
    if match := _AND_I.match(clause):
        verb = {"am": "are ", "was": "were "}.get((match[2] or "").lower(), "")
        return f"The user and their {pronouns(match[1])} {verb}{pronouns(match[3])}."
    if match := _POSSESSED.match(clause):
        return f"The user's {pronouns(match[1])}."
    words = clause.split()[1:]
    place = 0
    while place < len(words) - 1 and words[place].lower() in ADVERBS:
        place += 1
    words[place] = _conjugated(words[place])
    return f"The user {pronouns(' '.join(words))}."


def pronouns(text: str) -> str:
    """A text in which the user is "they" instead of "I"."""
    for pattern, other in _PRONOUNS:
        text = pattern.sub(other, text)
    return text


def of_the_user(text: str) -> str:
    """A text that is not about the user, in which they are mentioned by that word."""
    for pattern, other in _NAMED:
        text = pattern.sub(other, text)
    return text


def to_assistant(text: str) -> str:
    """A demand, in which the assistant is "it" and the user "they"."""
    for pattern, other in _YOURS:
        text = pattern.sub(other, text)
    return pronouns(text)


def _conjugated(word: str) -> str:
    verb = word.lower()
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb in PAST or not verb.isalpha():
        return word
    if verb.endswith("ed") and verb not in PRESENT_IN_ED:
        return word
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        # "passed" is a past, "pass" is none; "is" and "has" are what somebody wrote who speaks another English.
        return word if verb in ("is", "has", "does", "was") else f"{word}es"
    if verb.endswith("y") and len(verb) > 1 and verb[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def _has_verb(words: list[str]) -> bool:
    for word in words:
        verb = word.lower()
        if verb in (
            "is",
            "are",
            "was",
            "were",
            "has",
            "have",
            "had",
            "isn't",
            "aren't",
            "does",
            "doesn't",
            "will",
            "can",
        ):
            return True
        if verb in PAST or verb.endswith("ed") or verb.rstrip("s") in VERBS or verb.removesuffix("es") in VERBS:
            return True
        if verb.endswith("ies") and f"{verb[:-3]}y" in VERBS:
            return True
    return False
