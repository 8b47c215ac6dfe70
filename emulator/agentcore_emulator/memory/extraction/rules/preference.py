"""Preferences: `{"context", "preference", "categories"}` as JSON, such as "Prefers window seats"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agentcore_emulator.memory.extraction.extractor import Memo
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import speech, words
from agentcore_emulator.memory.extraction.rules.sentences import clauses, sentences

__all__ = ["Preference", "find", "memos"]

_ADVERBS = (
    r"(?:(?:really|absolutely|also|still|generally|usually|mostly|particularly|especially|truly|strongly|now|much|always|"
    r"just|actually|definitely|do|no\s+longer|never|quite|would)\s+)*"
)

_TASTE = re.compile(
    rf"^I\s+{_ADVERBS}(?:like|love|enjoy|prefer|favou?r|hate|dislike|adore|detest|despise|avoid|"
    r"(?:don't|do\s+not|didn't)\s+(?:really\s+|particularly\s+|much\s+)?(?:like|love|enjoy|eat|drink|care\s+for|want|use|"
    r"watch|trust)|(?:can't|cannot|can\s+not)\s+stand|"
    r"(?:would\s+)?(?:rather|sooner)|"
    rf"am\s+{_ADVERBS}(?:not\s+)?(?:really\s+)?(?:into|fond\s+of|keen\s+on|crazy\s+about|passionate\s+about|"
    r"interested\s+in|obsessed\s+with|(?:a\s+)?(?:big\s+|huge\s+|great\s+)?(?:fan\s+of|lover\s+of)))\s+(?P<what>.+)$",
    re.IGNORECASE,
)
# A wish is no preference: "I would like a coffee", "I would love to go there".
_WISH = re.compile(r"^I\s+would\s+(?:\w+\s+)?(?:like|love)\b", re.IGNORECASE)
_FAVORITE = re.compile(
    r"^my\s+(?:all-time\s+|absolute\s+|personal\s+)?(?:favou?rite|preferred|go-to)\s+(?P<of>[\w' -]{1,60}?)\s+"
    r"(?:is|are)\s+(?P<what>.+)$",
    re.IGNORECASE,
)
_IS_FAVORITE = re.compile(
    r"^(?P<what>[\w' -]{1,60}?)\s+(?P<verb>is|are)\s+my\s+(?:all-time\s+|absolute\s+)?favou?rites?"
    r"(?:\s+(?P<of>[\w' -]{1,60}))?$",
    re.IGNORECASE,
)
_DIET = re.compile(
    r"^I\s+(?:am|eat|follow|have)\s+(?:\w+\s+)?(?:an?\s+)?(?:strict\s+|strictly\s+|mostly\s+)?(?P<diet>vegetarian|vegan|pescatarian|"
    r"lactose[ -]intolerant|gluten[ -]free|coeliac|celiac|kosher|halal|keto|paleo)\b",
    re.IGNORECASE,
)
_ALLERGY = re.compile(
    r"^I\s+(?:am\s+(?:\w+\s+)?allergic\s+to|have\s+an?\s+(?=[\w ]{2,40}\ballergy))\s*(?P<what>.+)$", re.I
)
_HABIT = re.compile(
    r"^I\s+(?:(?:always|usually|never|only|mostly|typically|generally|normally|rarely|often|tend\s+to)\s+)"
    r"(?P<what>(?!(?:am|was|have|had|been|said|thought|got|know|knew|need|needed|did|meant)\b)\S+\s.+)$",
    re.IGNORECASE,
)
# How the user wants to be served, from now on.
_MANNER = re.compile(
    r"^(?:please\s+|from\s+now\s+on,?\s+|going\s+forward,?\s+|in\s+(?:the\s+)?future,?\s+)*(?:"
    r"(?P<rule>(?:always|never)\s+\S.+)"
    r"|(?P<answers>(?:keep|make)\s+(?:your|the|all|it|them|answers?|responses?|replies)\b.+)"
    r"|(?P<language>(?:answer|reply|respond|write|speak|talk)\b(?:\s+(?:to\s+)?me)?(?:\s+only)?\s+in\s+(?:\w+\s+)?\w+)"
    r"|(?P<use>(?:use|give\s+me|show\s+me)\s+(?:only\s+)?(?:metric|imperial|celsius|fahrenheit|bullet\s+points|"
    r"(?:24|12)-hour)\b.*)"
    r"|(?P<avoid>(?:don't|do\s+not)\s+(?:ever\s+)?(?:use|send|call|ask|include|suggest|recommend|show)\b.+)"
    r"|(?P<call>call\s+me\s+\S.{0,40})"
    r")$",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?:\s*,?\s+(?:from\s+now\s+on|going\s+forward|in\s+(?:the\s+)?future|please))+$", re.IGNORECASE
)
_LASTING = re.compile(r"\b(?:from\s+now\s+on|going\s+forward|in\s+(?:the\s+)?future)\b", re.IGNORECASE)

# Things of which people choose one.
_CHOICES: Final[Mapping[str, str]] = {
    "theme": r"\b(?:dark|light)\s+(?:mode|theme)\b",
    "seat": r"\b(?:window|aisle|middle)\s+seats?\b",
    "units": r"\b(?:metric|imperial)\b",
    "temperature": r"\b(?:celsius|fahrenheit)\b",
    "clock": r"\b(?:24|12)[ -]hour\b",
    "length of answers": r"\b(?:short|brief|concise|long|detailed|verbose|longer|shorter)\s+(?:\w+\s+)?"
    r"(?:answers?|responses?|repl(?:y|ies)|explanations?)\b|\b(?:answers?|responses?|replies)\b.*\b(?:short|brief|concise|"
    r"detailed|long)\b",
    "tone": r"\b(?:formal|informal|casual)\b",
    "way of contact": r"\b(?:contact|reach|notif\w*|updates?)\b.*\b(?:e-?mail|phone|text|sms|slack)\b|"
    r"\bby\s+(?:e-?mail|phone|text|sms)\b",
    "cabin": r"\b(?:economy|business|first)\s+class\b",
    "indentation": r"\b(?:tabs|spaces)\b",
}
_CHOICE = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _CHOICES.items()}
_VERSUS = re.compile(
    r"^(?P<this>.+?)\s+(?:over|rather\s+than|instead\s+of|more\s+than|to|than)\s+(?P<that>[^,]+)$", re.IGNORECASE
)
_REASON = re.compile(
    r"\s+(?:because|since|when|whenever|so\s+that|as\s+it|but|although|though|for\s+my|if|unless|while|after|before|any\s*more|"
    r"instead|too|a\s+lot|the\s+most|very\s+much|these\s+days)\b.*$",
    re.IGNORECASE,
)
_LONGEST_PREFERENCE = 300


@dataclass(frozen=True, slots=True)
class Preference:
    """What is preferred, as a phrase, and what that is about."""

    text: str
    subject: str


def memos(messages: Sequence[Message]) -> list[Memo]:
    """What the user likes and how they want things, as far as they say so."""
    return list(_memos(messages))


def find(clause: str) -> Preference | None:
    """The preference in a clause; None if there is none."""
    if match := _FAVORITE.match(clause):
        return Preference(_phrase(clause), f"favorite {words.key(match['of'])}")
    if match := _IS_FAVORITE.match(clause):
        of = f" {match['of']}" if match["of"] else ""
        return Preference(
            f"Favorite{of} {match['verb']} {match['what']}", f"favorite {words.key(match['of'] or match['what'])}"
        )
    if match := _MANNER.match(_TRAILING.sub("", clause)):
        return _manner(match, clause)
    if not clause.startswith("I ") or _WISH.match(clause):
        return None
    if _DIET.match(clause):
        return Preference(_phrase(clause), "diet")
    if match := _ALLERGY.match(clause):
        return Preference(_phrase(clause), f"allergy {words.key(match['what'])}")
    if match := _TASTE.match(clause) or _HABIT.match(clause):
        return Preference(_phrase(clause), _subject(match["what"]))
    return None


def _memos(messages: Sequence[Message]) -> Iterator[Memo]:
    for message in messages:
        if message.role != "USER":
            continue
        for sentence in sentences(message.text):
            for clause in clauses(sentence):
                found = None if clause.is_question else find(clause.text)
                if found is not None and len(found.text) <= _LONGEST_PREFERENCE:
                    record = {
                        "context": f'The user said: "{sentence}"',
                        "preference": found.text,
                        "categories": words.categories(f"{clause.text} {found.subject}")[:3] or ["general"],
                    }
                    yield Memo(json.dumps(record, ensure_ascii=False), found.subject)


def _manner(match: re.Match[str], clause: str) -> Preference | None:
    kind = str(match.lastgroup)
    if kind == "avoid" and not _LASTING.search(clause) and "ever " not in match["avoid"]:
        return None
    text = f"Wants the assistant to {_lowered(speech.to_assistant(match[kind]))}"
    if kind == "avoid":
        text = re.sub(r"\bto\s+(?:don't|do\s+not)\s+(?:ever\s+)?", "never to ", text)
    named = {"language": "manner language", "call": "manner name"}
    return Preference(text, named.get(kind) or _choice(clause) or f"manner {words.key(match[kind])}")


def _subject(what: str) -> str:
    if words.key(brief := _REASON.sub("", what)):
        what = brief
    if choice := _choice(what):
        return choice
    if match := _VERSUS.match(what):
        return "choice " + " | ".join(sorted((words.key(match["this"]), words.key(match["that"]))))
    return f"taste {words.key(what)}"


def _choice(text: str) -> str | None:
    return next((f"choice {name}" for name, pattern in _CHOICE.items() if pattern.search(text)), None)


def _phrase(clause: str) -> str:
    text = re.sub(r"^The\s+user(?:'s)?\s+", "", speech.third_person(clause)).rstrip(".")
    return text[:1].upper() + text[1:]


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
