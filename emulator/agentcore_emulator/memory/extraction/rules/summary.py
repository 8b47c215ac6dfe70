"""Summaries: `<topic name="…">…</topic>`, one for each topic of a session, which grows with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape
from typing import Final

from agentcore_emulator.memory.extraction import episodes
from agentcore_emulator.memory.extraction.extractor import Known, Memo
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import preference, semantic, speech, words
from agentcore_emulator.memory.extraction.rules.english import VERBS
from agentcore_emulator.memory.extraction.rules.sentences import Clause, clauses, sentences

__all__ = ["memos", "prefix", "said_by_user"]

_TOPIC = re.compile(r'\A<topic name="(?P<name>[^"]*)">(?P<body>.*)</topic>\Z', re.DOTALL)
_OTHER: Final = "general"
# Characters: of a topic, and of what the assistant is quoted with.
_LONGEST: Final = 4_000
_LONGEST_QUOTE: Final = 160
_MOST_OF_A_MESSAGE: Final = 12
# Words: what is shorter than that is a reaction rather than news.
_SHORT: Final = 4
_FILLER = re.compile(
    r"^(?:hi|hello|hey|thanks?|thank\s+you|ok|okay|yes|no|sure|great|perfect|bye|good\s*bye|cool|nice|got\s+it|"
    r"good\s+(?:morning|afternoon|evening)|you're\s+welcome)\b[\s\w,!.']{0,30}$",
    re.IGNORECASE,
)


def prefix(session_id: str) -> str:
    """What the subjects of a session's summaries begin with."""
    return f"summary {session_id} "


def memos(messages: Sequence[Message], known: Sequence[Known], session_id: str) -> list[Memo]:
    """The topics that the messages touch, with all that was said of them in the session; `known` are its records.

    A sentence belongs to the topic that most of its words are of, else to the one that was talked of before.
    """
    bodies = {match["name"]: unescape(match["body"]) for one in known if (match := _TOPIC.match(one.text))}
    # The last changed is what was talked of last.
    topic = next(iter(bodies), None)
    changed: dict[str, None] = {}
    waiting: list[str] = []
    for sentence, about in _told(messages):
        topic = _title(about[0]) if about else topic
        if topic is None:
            # What comes before the first topic is of that topic.
            waiting.append(sentence)
            continue
        for one in (*waiting, sentence):
            bodies[topic] = _grown(bodies.get(topic, ""), one)
        waiting = []
        changed[topic] = None
    if waiting:
        topic = _title(_OTHER)
        for one in waiting:
            bodies[topic] = _grown(bodies.get(topic, ""), one)
        changed[topic] = None
    return [
        Memo(f'<topic name="{name}">{escape(bodies[name], quote=False)}</topic>', f"{prefix(session_id)}{name.lower()}")
        for name in changed
    ]


def said_by_user(clause: Clause) -> str | None:
    """What the user says, in indirect speech as far as the rules reach; None for what is not worth telling."""
    text = clause.text
    if clause.is_question:
        return f'The user asked: "{text}?"'
    if (fact := semantic.fact(text)) is not None:
        return fact.text
    short = len(text.split()) < _SHORT
    if _FILLER.match(text) or (short and (speech.about_user(text) or episodes.closing(text) is not None)):
        return None
    if speech.about_user(text):
        return speech.third_person(text)
    if (manner := preference.find(text)) is not None:
        return f"The user {manner.text[:1].lower()}{manner.text[1:]}."
    first, _, rest = re.sub(r"^please\s+", "", text, flags=re.IGNORECASE).partition(" ")
    if first.lower() in VERBS and rest:
        return f"The user asked the assistant to {first.lower()} {speech.to_assistant(rest)}."
    return f'The user said: "{text}."' if len(text.split()) > 2 else None


def _told(messages: Sequence[Message]) -> Iterator[tuple[str, Sequence[str]]]:
    """Sentences in the third person, each with its categories."""
    for message in messages:
        if message.role == "USER":
            number = 0
            for sentence in sentences(message.text):
                for clause in clauses(sentence):
                    told = said_by_user(clause)
                    if told is not None and number < _MOST_OF_A_MESSAGE:
                        number += 1
                        yield told, words.categories(clause.text)
        elif message.role == "DATA":
            for number, sentence in enumerate(sentences(message.text)):
                if number < _MOST_OF_A_MESSAGE:
                    yield sentence, words.categories(sentence)
        else:
            speaker = "The assistant" if message.role == "ASSISTANT" else "Somebody else"
            told = next((one for one in sentences(message.text) if len(one.split()) >= _SHORT), None)
            if told is not None:
                # An answer is about what was asked, whatever its words.
                yield f'{speaker} said: "{_cut(told)}"', ()


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_QUOTE:
        return text
    return text[:_LONGEST_QUOTE].rpartition(" ")[0] + " …"


def _grown(body: str, sentence: str) -> str:
    """The body with one more sentence, unless it has it; the first sentence stays, and the oldest after it go."""
    if sentence in body:
        return body
    parts = [*re.split(r"(?<=[.\"])\s+(?=(?:The|Somebody)\s)", body), sentence] if body else [sentence]
    while len(parts) > 2 and sum(map(len, parts)) + len(parts) > _LONGEST:
        del parts[1]
    return " ".join(parts)


def _title(category: str) -> str:
    return category.capitalize()
