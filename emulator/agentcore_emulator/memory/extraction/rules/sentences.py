"""From what somebody wrote to sentences, and from those to clauses that say one thing each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agentcore_emulator.memory.extraction.rules.english import VERBS

__all__ = ["Clause", "clauses", "sentences"]

# Whoever writes decides how long it is. What the rules are good for stands in short sentences.
_MOST_TEXT: Final = 20_000
_MOST_SENTENCES: Final = 200
_LONGEST_SENTENCE: Final = 400

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# What begins a line without belonging to the sentence; a quoted line is somebody else's.
_MARKER = re.compile(r"^\s*(?:[-*•#]+|\d{1,3}[.)])\s+")
_END = re.compile(r"(?<=[.!?…])[\"')\]]?\s+|;\s+")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|no|approx|dept|inc|ltd|jan|feb|mar|apr|aug|sept?|oct|nov|dec)"
    r"|\b[A-Z])\.$",
    re.IGNORECASE,
)

_WORDS = "|".join(sorted(VERBS))
_ADVERB = r"(?:also|then|now|usually|often|never|always|sometimes|mostly|really|still|only|currently|rarely)"
_CONTRACTIONS = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"\bi'?m\b(?!-)", "I am"),
        (r"\bi(?:'ve|ve)\b", "I have"),
        (r"\bi'll\b", "I will"),
        (r"\bi'd\s+(?=(?:been|had|gone|seen|done|never\s+been)\b)", "I had "),
        (r"\bi'd\b", "I would"),
        (r"\bwe're\b", "we are"),
        (r"\bwe've\b", "we have"),
        (r"\bwe'll\b", "we will"),
        (r"\bwe'd\b", "we would"),
        (r"\bmy\s+name's\b", "my name is"),
    )
]
# A company or a family is, for what is remembered, the user.
_PLURAL = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in ((r"^we\s+are\b", "I am"), (r"^we\s+were\b", "I was"), (r"^we\b", "I"), (r"^our\b", "My"))
]
_LEAD = re.compile(
    r"^(?:(?:hi|hello|hey|dear)(?:\s+(?:there|again|all|everyone|claude|assistant|[A-Z][a-z]+))?\s*[,!.-]+"
    r"|(?:thanks|thank\s+you)(?:\s+(?:so\s+much|a\s+lot|very\s+much))?\s*[,!.-]+"
    r"|(?:please\s+)?(?:remember|note|keep\s+in\s+mind|bear\s+in\s+mind|know|be\s+aware)(?:\s+(?:this|that|the\s+following))?"
    r"\s*(?:[:,-]+|(?=\s(?:i|my|we|our)\b))"
    r"|(?:just\s+)?(?:so\s+you\s+know|fyi|for\s+(?:your|the)\s+(?:information|record|reference|context))\s*[:,-]*"
    r"|you\s+should\s+know\s+(?:that\s+)?|i\s+should\s+(?:mention|add)\s+(?:that\s+)?|(?:as\s+)?i\s+(?:said|mentioned)\s*,"
    r"|(?:by\s+the\s+way|btw|in\s+fact|in\s+general|to\s+be\s+honest|honestly|actually|basically|anyway|well|ok|okay|so|"
    r"and|but|also|oh|ah|yes|yeah|yep|no|nope|sure|right|great|cool|nice|good|perfect|unfortunately|however|hmm|um|plus|"
    r"besides|additionally|furthermore|still|personally|as\s+for\s+me|for\s+me|update|correction|ps|p\.s\.)"
    r"\s*(?:[,:!.-]+|(?=\s(?:i|my|we|our|please)\b)))\s*",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:what|which|who|whom|whose|where|when|why|how|is|are|am|was|were|do|does|did|can|could|would|will|should|shall|"
    r"may|might|has|have|had)\b(?!,)",
    re.IGNORECASE,
)
# "My wife and I" are one subject.
_COUPLE = re.compile(r"^(?:my|our)\s+(?:(?!is\b|are\b|was\b|has\b)[\w'-]+\s+){1,2}and\s+I\s", re.IGNORECASE)
_ROLE = re.compile(r"^as\s+(an?\s+[\w' -]{3,60}?)\s*,\s+(?=I\s)", re.IGNORECASE)
_NEW_SUBJECT = re.compile(
    r"\s*,?\s+(?:and|but|so|while|whereas)\s+(?=(?:I|my|we|our|please)\s)|\s*,\s+(?=(?:I|my|we|our|please)\s)",
    re.IGNORECASE,
)
_SHARED_SUBJECT = re.compile(rf"\s*,?\s+(?:and|but)\s+(?=(?:{_ADVERB}\s+)?(?:{_WORDS}|don't|do\s+not)\s+[^\s,])")
_SHARED_BEING = re.compile(
    r"\s*,?\s+and\s+(?=(?:also\s+)?(?:allergic|intolerant|based|vegetarian|vegan|diabetic|married|divorced|retired)\b)",
    re.IGNORECASE,
)
_NO_SHARING = re.compile(
    rf"\bto\s+(?:{_WORDS})\b"
    r"|^I\s+(?:\w+\s+)?(?:can|can't|cannot|could|will|won't|would|should|must|may|might|shall)\b",
    re.IGNORECASE,
)
_TASTE = re.compile(
    r"^(I\s+(?:(?:really|absolutely|also|still|generally|usually|mostly|particularly|especially|truly|strongly|much)\s+)*"
    r"(?:like|love|enjoy|prefer|hate|dislike|adore|detest|avoid|(?:don't|do\s+not)\s+(?:like|enjoy|eat|drink)|"
    r"(?:can't|cannot|can\s+not)\s+stand|am\s+(?:into|fond\s+of|allergic\s+to|interested\s+in|(?:a\s+)?(?:big\s+|huge\s+)?"
    r"fan\s+of)))\s+(.+)$",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"^(?:which|because|but|so|when|if|since|as|with|without|especially|although|though|except|while|unless|i|my|it|they|"
    r"that|then|not|particularly|preferably|please|thanks|thank|where|who|is|are)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that was said. `text` has no stop at its end, "I" for "we", and no contraction of either."""

    text: str
    is_question: bool


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, with the marks that end them. Code, quoted lines and what is too long are left out."""
    text = _CODE.sub("\n", text[:_MOST_TEXT]).replace("\u2019", "'").replace("\u2018", "'")
    number = 0
    for line in text.splitlines():
        line = _MARKER.sub("", line).strip()
        if not line or line.startswith((">", "|", "<")):
            continue
        start = 0
        for end in [*(match.span() for match in _END.finditer(line)), (len(line), len(line))]:
            if end[0] < len(line) and _NO_END.search(line[max(start, end[0] - 10) : end[0]]):
                continue
            sentence = " ".join(line[start : end[0]].split())
            start = end[1]
            if sentence and len(sentence) <= _LONGEST_SENTENCE:
                number += 1
                if number > _MOST_SENTENCES:
                    return
                yield sentence


def clauses(sentence: str) -> Iterator[Clause]:
    """What a sentence says, one thing each: "I fly and play the cello" says two."""
    asked = sentence.rstrip("\"')]").endswith("?")
    text = _bare(sentence.strip(" \"'()[]").rstrip(" .!?…"))
    for pattern, full in _CONTRACTIONS:
        text = pattern.sub(full, text)
    text = re.sub(r"\bi\b(?![.'])", "I", text)
    text = re.sub(r"\s*,?\s+please$", "", text)
    if asked or _QUESTION.match(text):
        if text:
            yield Clause(text, is_question=True)
        return
    text = _ROLE.sub(r"I am \1, ", text)
    for part in [text] if _COUPLE.match(text) else _NEW_SUBJECT.split(text):
        part = _bare(part.strip(" ,"))
        for pattern, single in _PLURAL:
            part = pattern.sub(single, part)
        for own in _shared(part):
            for one in _tastes(own):
                if one:
                    yield Clause(one, is_question=False)


def _bare(text: str) -> str:
    """Without the words that lead to what is said."""
    for _ in range(5):
        bare = _LEAD.sub("", text, count=1)
        if bare == text or not bare:
            break
        text = bare
    return text.strip()


def _shared(text: str) -> Iterator[str]:
    """Verbs that share the subject "I", and what the user is, get one each."""
    if text.startswith("I am ") and len(parts := _SHARED_BEING.split(text, maxsplit=1)) == 2:
        yield from _shared(parts[0])
        yield from _shared(f"I am {parts[1]}")
        return
    start = 0
    if text.startswith("I "):
        for match in _SHARED_SUBJECT.finditer(text):
            head = text[start : match.start()]
            if _NO_SHARING.search(head if start == 0 else f"I {head}"):
                break
            yield head if start == 0 else f"I {head}"
            start = match.end()
    yield text[start:] if start == 0 else f"I {text[start:]}"


def _tastes(text: str) -> Iterator[str]:
    """Things that are liked, or not, get a clause each where they are listed with commas."""
    match = _TASTE.match(text)
    things = re.split(r"\s*,\s*(?:(?:and|or)\s+)?", match[2]) if match and "," in match[2] else []
    if things and not re.search(r",\s*(?:and|or)\s", text):
        things[-1:] = re.split(r"\s+(?:and|or)\s+", things[-1], maxsplit=1)
    if (
        not match
        or len(things) < 2
        or any(len(one.split()) > 6 or not one or _SUBORDINATE.match(one) for one in things)
    ):
        yield text
        return
    for thing in things:
        yield f"{match[1]} {thing}"
