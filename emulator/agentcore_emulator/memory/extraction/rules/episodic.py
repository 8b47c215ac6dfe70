"""Episodes: what was to be done, how it went and what can be learned; and reflections over several of them.

A record is the JSON of `{"situation", "intent", "assessment", "justification", "reflection", "turns": [{"situation",
"intent", "action", "thought", "assessmentAssistant", "assessmentUser"}]}`, a reflection that of `{"title", "use_cases",
"hints", "confidence"}` (AWS developer guide, episodic memory strategy).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from agentcore_emulator.memory.extraction import episodes
from agentcore_emulator.memory.extraction.extractor import Known, Memo
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import summary, words
from agentcore_emulator.memory.extraction.rules.sentences import clauses, sentences

__all__ = ["Episode", "memo", "read", "reflection", "subject"]

_MOST_TURNS: Final = 20
_LONGEST: Final = 240
_MOST_HINTS: Final = 10
_NO_TOPIC: Final = "general"
# Words.
_REACTION: Final = 3
# Rules see what is said, not what is thought.
_THOUGHT: Final = "Not known: rules see only what was said."

Assessment = Literal["Yes", "No", "Unclear"]


@dataclass(frozen=True, slots=True)
class _Turn:
    intent: str
    action: str
    assessment: Assessment
    text: str


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode. `topic` is one of the categories of words, `served` whether the user got what they wanted."""

    topic: str
    intent: str
    served: Assessment
    closing: str
    tools: Sequence[str]
    turns: Sequence[_Turn]


def read(messages: Sequence[Message]) -> Episode | None:
    """The episode that these messages are; None if the user says nothing in them."""
    turns = list(_turns(messages))
    if not turns:
        return None
    last = turns[-1]
    served = episodes.closing(last.text) if len(turns) > 1 else None
    # What closes the episode is no turn of its own.
    body = turns[:-1] if served is not None else turns
    tools = dict.fromkeys(tool for message in messages for tool in message.tools)
    about = words.categories(" ".join(turn.text for turn in body))
    return Episode(
        topic=about[0] if about else _NO_TOPIC,
        intent=body[0].intent,
        served={None: "Unclear", True: "Yes", False: "No"}[served],  # type: ignore[arg-type]
        closing=last.text if served is not None else "",
        tools=list(tools),
        turns=body,
    )


def subject(episode: Episode) -> str:
    """What the reflections on such episodes are about."""
    return f"reflection {episode.topic}"


def memo(episode: Episode, session_id: str) -> Memo:
    """The episode as a record. The same one again is the same record."""
    record = {
        "situation": f"A conversation about {_about(episode)}, in which the user spoke {_times(len(episode.turns))}.",
        "intent": episode.intent,
        "assessment": episode.served,
        "justification": _justification(episode),
        "reflection": _lesson(episode),
        "turns": [
            {
                "situation": "The conversation begins."
                if number == 0
                else f"After: {episode.turns[number - 1].intent}",
                "intent": turn.intent,
                "action": turn.action,
                "thought": _THOUGHT,
                "assessmentAssistant": "Yes" if turn.action else "No",
                "assessmentUser": turn.assessment,
            }
            for number, turn in enumerate(episode.turns[:_MOST_TURNS])
        ],
    }
    digest = hashlib.sha256("\0".join(turn.text for turn in episode.turns).encode()).hexdigest()[:16]
    return Memo(json.dumps(record, ensure_ascii=False), f"episode {session_id} {digest}")


def reflection(episode: Episode, known: Sequence[Known]) -> Memo:
    """What is learned of episodes about one topic: the more of them went well, the surer (0.5 for one, 0.9 at most)."""
    before = _parsed(known[0].text) if known else {}
    hints = [hint for hint in before.get("hints", []) if isinstance(hint, str)]
    hint = _lesson(episode)
    if hint not in hints:
        hints.append(hint)
    try:
        confidence = float(before.get("confidence", 0.4))
    except (TypeError, ValueError):
        confidence = 0.4
    step = {"Yes": 0.1, "No": -0.1, "Unclear": 0.0}[episode.served] if before else 0.1
    record = {
        "title": f"Conversations about {_about(episode)}",
        "use_cases": f"When a conversation is about {_about(episode)}, as in: {episode.intent}",
        "hints": hints[-_MOST_HINTS:],
        "confidence": f"{min(0.9, max(0.1, confidence + step)):.1f}",
    }
    return Memo(json.dumps(record, ensure_ascii=False), subject(episode), reflection=True)


def _turns(messages: Sequence[Message]) -> Iterator[_Turn]:
    """One for each time that the user speaks, with what the assistant does until they speak again."""
    asked: Message | None = None
    done: list[str] = []
    for message in [*messages, None]:
        if message is not None and message.role == "ASSISTANT":
            done.extend(f"It called the tool {tool}." for tool in message.tools)
            said = next((one for one in sentences(message.text) if len(one.split()) > _REACTION), None)
            if said is not None:
                done.append(f'It said: "{said[:_LONGEST]}"')
        elif message is None or (message.role == "USER" and message.text):
            if asked is not None:
                good = episodes.closing(message.text) if message is not None else None
                assessment: Assessment = "Unclear" if good is None else "Yes" if good else "No"
                yield _Turn(_intent(asked.text), _joined(done), assessment, asked.text)
            asked, done = message, []


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _about(episode: Episode) -> str:
    return "this and that" if episode.topic == _NO_TOPIC else episode.topic


def _joined(done: Sequence[str]) -> str:
    return " ".join(done)[: 2 * _LONGEST]


def _intent(text: str) -> str:
    told = [
        one for sentence in sentences(text) for clause in clauses(sentence) if (one := summary.said_by_user(clause))
    ]
    # What is asked for says more about an intent than what is told beside it.
    wanted = next((one for one in told if one.startswith("The user asked")), None) or next(iter(told), None)
    return (wanted or f'The user said: "{" ".join(text.split())}"')[:_LONGEST]


def _justification(episode: Episode) -> str:
    if episode.served == "Unclear":
        return "The conversation ended without a word of the user's on how it went."
    return f'The user closed with: "{" ".join(episode.closing.split())[:_LONGEST]}"'


def _lesson(episode: Episode) -> str:
    tools = f" with the tools {', '.join(episode.tools[:5])}" if episode.tools else ""
    outcome = {"Yes": "served the user", "No": "did not serve the user", "Unclear": "had no clear outcome"}[
        episode.served
    ]
    return f"Answering {_times(len(episode.turns))}{tools} {outcome}: {episode.intent}"


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
