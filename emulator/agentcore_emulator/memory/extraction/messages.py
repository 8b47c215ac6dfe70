"""From what a job has kept of an event to what was said.

Applications wrap what was said. The Strands session manager writes each message as a conversational text that is the
JSON of a SessionMessage, `{"message": {"role", "content": [{"text"} | {"toolUse"} | …]}, "message_id", …}`; the SDK's
converter for OpenAI has `{"role", "content": "…"}` in it; and a `json` payload can be anything. Reads all of them, and
raises for none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Message", "Role", "clean", "read"]

Role = Literal["USER", "ASSISTANT", "OTHER", "DATA"]

_ROLES: Mapping[str, Role] = {
    "user": "USER",
    "human": "USER",
    "assistant": "ASSISTANT",
    "ai": "ASSISTANT",
    "other": "OTHER",
}

# What a client cannot show, a database refuses, or both: controls, marks of direction, unpaired surrogates.
_UNUSABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
# What the session manager puts before a question is what was remembered, not what is said.
_CONTEXT, _CONTEXT_END = "<user_context>", "</user_context>"

# How far into a document of an application's own facts are looked for, and how many are taken.
_DEPTH = 4
_FACTS = 50
_LONGEST_VALUE = 200
_LONGEST_NAME = 64
_OF = "'s "


@dataclass(frozen=True, slots=True)
class Message:
    """What one speaker said, or the facts in a document, a line each (DATA). `tools` are those that were called."""

    role: Role
    text: str
    tools: tuple[str, ...] = ()


def read(stored: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages of a job, in order. What tools answered, and what has no text and calls no tool, is left out."""
    found: list[Message] = []
    for item in stored:
        if "json" in item:
            found.extend(_document(item["json"]))
        else:
            found.extend(_conversational(item["role"], item["text"]))
    return [message for message in found if message.text or message.tools]


def clean(text: str) -> str:
    """`text` without characters that no record can have."""
    return _UNUSABLE.sub("", text)


def _conversational(role: str, text: str) -> Iterator[Message]:
    wrapped = _parsed(text)
    if isinstance(wrapped, Mapping) and (message := _message(wrapped)) is not None:
        yield message
    elif role != "TOOL":
        yield Message(_ROLES[role.lower()], _said(text))


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _message(value: Mapping[Any, Any]) -> Message | None:
    """A message in the forms of Strands and OpenAI; None for anything else."""
    # What a guardrail has taken out is not to be remembered.
    for name in ("redact_message", "message"):
        if isinstance(inner := value.get(name), Mapping):
            return _message(inner)
    role = value.get("role", value.get("type"))
    if not isinstance(role, str) or "content" not in value:
        return None
    known = _ROLES.get(role.lower())
    if known is None:
        return Message("OTHER", "")
    content = value["content"]
    blocks = content if isinstance(content, list) else [content]
    texts = [
        block if isinstance(block, str) else block.get("text") for block in blocks if isinstance(block, str | dict)
    ]
    calls = [block.get("toolUse") for block in blocks if isinstance(block, dict)]
    if isinstance(functions := value.get("tool_calls"), list):
        calls += [call.get("function") for call in functions if isinstance(call, dict)]
    names = [call.get("name") for call in calls if isinstance(call, dict)]
    return Message(
        known,
        _said("\n".join(text for text in texts if isinstance(text, str))),
        tuple(clean(name)[:_LONGEST_NAME] for name in names if isinstance(name, str)),
    )


def _said(text: str) -> str:
    start = text.find(_CONTEXT)
    while start >= 0 and (end := text.find(_CONTEXT_END, start)) >= 0:
        text = text[:start] + text[end + len(_CONTEXT_END) :]
        start = text.find(_CONTEXT, start)
    return clean(text).strip()


def _document(value: Any) -> Iterator[Message]:
    if isinstance(value, str):
        parsed = _parsed(value)
        if parsed is None:
            yield Message("DATA", _said(value))
            return
        value = parsed
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    items = value if isinstance(value, list) else [value]
    messages = [_message(item) for item in items if isinstance(item, Mapping)]
    if items and len(messages) == len(items) and None not in messages:
        yield from (message for message in messages if message is not None)
        return
    facts = [fact for fact, _ in zip(_facts(value, (), _DEPTH), range(_FACTS), strict=False)]
    yield Message("DATA", "\n".join(facts))


def _facts(value: Any, path: tuple[str, ...], depth: int) -> Iterator[str]:
    """One sentence for each value: `{"order": {"status": "sent"}}` says "The order's status is sent."."""
    if isinstance(value, Mapping):
        if depth:
            for name, item in value.items():
                yield from _facts(item, (*path, _words(str(name))), depth - 1)
    elif isinstance(value, list):
        if value and all(isinstance(item, str | int | float) for item in value):
            yield from _fact(", ".join(str(item) for item in value[:20]), path)
        elif depth:
            for item in value:
                yield from _facts(item, path, depth - 1)
    elif value is not None and not isinstance(value, bool):
        yield from _fact(str(value), path)
    elif value is not None:
        yield from _fact("yes" if value else "no", path)


def _fact(value: str, path: tuple[str, ...]) -> Iterator[str]:
    text = " ".join(clean(value[: 2 * _LONGEST_VALUE]).split())
    if not text or len(text) > _LONGEST_VALUE:
        return
    if not path:
        yield f"{text}."
    elif all(path):
        yield f"The {_OF.join(path)} is {text}."


def _words(name: str) -> str:
    """`firstName` and `first_name` are both "first name"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", clean(name[:60]))
    return " ".join(apart.lower().split())
