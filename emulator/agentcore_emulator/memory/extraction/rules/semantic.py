"""Facts: one plain sentence each, such as "The user lives in Seattle."."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agentcore_emulator.memory.extraction.extractor import Memo
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import preference, speech, words
from agentcore_emulator.memory.extraction.rules.english import NO_NAMES
from agentcore_emulator.memory.extraction.rules.sentences import clauses, sentences

__all__ = ["fact", "memos"]

_NAME = re.compile(
    r"^(?:my\s+(?:full\s+)?name\s+is|(?:please\s+|you\s+can\s+)?call\s+me|I\s+am\s+called|I\s+go\s+by)\s+"
    r"(?P<name>[^\W\d_][\w'.-]*(?:\s+[A-Z][\w'.-]*){0,3})",
    re.IGNORECASE,
)
# "I am Ada" and "I am Ada Lovelace"; "I am French" is no name.
_SELF = re.compile(r"^I\s+am\s+(?P<name>[A-Z][a-z'-]+(?:\s+[A-Z][a-z'-]+)?)(?:,.*)?$")
_NO_NAME: Final = re.compile(
    r"^(?:[A-Z]\w*(?:ish|ese|ian|ean|can|lic|ist|tic)|Dutch|French|German|Greek|Swiss|Czech|Thai|Iraqi|Israeli|Pakistani|Turk|"
    r"Swede|Dane|Pole|Finn|Scot|Welsh|Jewish|Muslim|Hindu|Sikh|Buddhist|In|On|At|From|Not|New|Based|Not|Vegan|Vegetarian|"
    r"Allergic|Happy|Sorry|Married|Single|Retired|The|A|An|Looking|Working|Trying|Interested|Using|Planning)\b"
)

# What there is one of: a later sentence takes the place of an earlier one.
_SINGLE: Final = [
    (re.compile(pattern, re.IGNORECASE), subject)
    for pattern, subject in (
        (r"^I\s+(?:\w+\s+)?(?:live|reside)\s+in\b|^I\s+am\s+(?:\w+\s+)?(?:based|living|located)\s+in\b", "residence"),
        (r"^I\s+(?:have\s+)?(?:\w+\s+)?(?:moved|relocated)\s+(?:back\s+)?to\b", "residence"),
        (r"^I\s+am\s+(?:originally\s+)?from\b|^I\s+(?:\w+\s+)?(?:come\s+from|grew\s+up\s+in)\b", "origin"),
        (r"^I\s+was\s+born\s+in\s+(?-i:[A-Z])", "origin"),
        (
            r"^I\s+(?:\w+\s+)?work(?:ed)?\s+(?:as\s+[^,]{1,60}\s+)?(?:at|for)\s+(?:(?:an?|the|my)\s|(?-i:[A-Z]))",
            "employer",
        ),
        (r"^I\s+am\s+employed\b|^I\s+(?:have\s+)?(?:\w+\s+)?joined\b", "employer"),
        (r"^I\s+am\s+\d{1,3}(?:\s+years\s+old)?$|^I\s+(?:have\s+)?(?:just\s+)?turned\s+\d{1,3}\b", "age"),
        (r"^my\s+birthday\b|^I\s+was\s+born\s+on\b", "birthday"),
        (r"^my\s+(?:native|mother|first)\s+(?:language|tongue)\b", "native language"),
    )
]
# Of such things, too, there is one each.
_ATTRIBUTE: Final = re.compile(
    r"^my\s+(?P<what>(?:[\w'-]+\s+){0,4}?(?:name|email|e-mail|address|number|phone|budget|job|title|role|goal|deadline|"
    r"timezone|zone|language|age|height|weight|size|password|username|handle|id|plan|salary|major|team|manager|boss|doctor|"
    r"airline|airport|favou?rite(?:\s+[\w'-]+){0,4}?))\s+(?:is|are|was|has\s+changed\s+to)\b",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"^my\s+(?P<what>[\w'-]+(?:\s+[\w'-]+){0,2}?)(?:'s\s+name\s+is|\s+is\s+(?:called|named))\b", re.IGNORECASE
)
_COUNTED: Final = re.compile(
    r"^I\s+(?:\w+\s+)?have\s+(?:a|an|one|two|three|four|five|six|seven|\d+)\s+(?P<what>[\w'-]+)(?:$|,|\s+(?:named|called)\b)",
    re.I,
)
# A statement about somebody or something with a name of its own.
_OTHER: Final = re.compile(
    r"^(?P<what>[A-Z][\w'.-]*(?:\s+[A-Z][\w'.-]*){0,3})\s+(?:is|are|was|were|has|have|costs|starts|ends|opens|closes|lives|"
    r"works|likes|loves|prefers|hates)\s+\S.{4,}$"
)


def memos(messages: Sequence[Message]) -> list[Memo]:
    """What the user says of themselves, of what is theirs, and of things by their names; and what documents say."""
    return list(_memos(messages))


def _memos(messages: Sequence[Message]) -> Iterator[Memo]:
    for message in messages:
        if message.role == "DATA":
            yield from _data(message.text)
        elif message.role == "USER":
            for sentence in sentences(message.text):
                for clause in clauses(sentence):
                    if not clause.is_question and (memo := fact(clause.text)) is not None:
                        yield memo


def fact(clause: str) -> Memo | None:
    """The fact in a clause that is no question; None if there is none."""
    if (match := _NAME.match(clause) or _SELF.match(clause)) and not _NO_NAME.match(match["name"]):
        return Memo(f"The user's name is {match['name'].strip(' .')}.", "name")
    if speech.about_user(clause):
        return None if speech.is_idle(clause) else Memo(speech.third_person(clause), _subject(clause))
    match = _OTHER.match(clause)
    if match and match["what"].split()[0].lower() not in NO_NAMES and not re.search(r"\byour?\b", clause, re.I):
        return Memo(f"{speech.of_the_user(clause)}.", _subject(clause))
    return None


def _subject(clause: str) -> str:
    for pattern, subject in _SINGLE:
        if pattern.match(clause):
            return subject
    if match := _NAMED.match(clause):
        return f"name of {words.key(match['what'])}"
    if match := _ATTRIBUTE.match(clause):
        return f"my {words.key(match['what'])}"
    if match := _COUNTED.match(clause):
        return f"have {words.key(match['what'])}"
    # So that what the user likes no more is not among what they like.
    if (found := preference.find(clause)) is not None:
        return found.subject
    return f"fact {words.key(clause)}"


def _data(text: str) -> Iterator[Memo]:
    for sentence in sentences(text):
        head, verb, _ = sentence.partition(" is ")
        yield Memo(sentence, f"data {words.key(head if verb else sentence)}")
