"""Hypothesis strategies for what goes over AgentCore's wire."""

from __future__ import annotations

import json
import string
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st

__all__ = [
    "EventStream",
    "Turn",
    "actor_ids",
    "conversations",
    "invalid_session_ids",
    "json_values",
    "payloads",
    "session_ids",
    "sse_streams",
    "texts",
]

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits

# botocore's bedrock-agentcore model: SessionType of the request, and SessionId of the answer.
_SHORTEST_SESSION, _LONGEST_SESSION, _LONGEST_SESSION_OF_AN_ANSWER = 33, 256, 100

# What ends a line for some readers of event streams, and what looks like one of their fields.
_FRAMES = ("\n", "\r", "\r\n", "\n\n", "\u2028", "\u2029", "\x85", "data: ", "data:", "event: ", "id: ", ":", "[DONE]")


class Turn(NamedTuple):
    """One message of a conversation, as `memory.create_event` takes it."""

    role: Literal["USER", "ASSISTANT"]
    text: str


class EventStream(NamedTuple):
    """What an agent yields, and the body in which the SDK sends it."""

    values: list[Any]
    body: bytes


def texts() -> st.SearchStrategy[str]:
    """Any text that UTF-8 can carry: no lone surrogates."""
    return st.text(st.characters(exclude_categories=["Cs"]))


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value: integers of any size, doubles without NaN and infinities, text without lone surrogates."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(min_value=-(10**400), max_value=10**400)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts()
    )
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts(), inner), max_leaves=20)


def payloads(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects with these members, and often with others that nobody has asked for.

    An agent must be ready for the latter: AgentCore passes on whatever its caller sends.
    `payloads(prompt=texts())` gives `{"prompt": "…"}` and `{"prompt": "…", "…": …}`.
    """
    others = st.dictionaries(texts().filter(lambda name: name not in members), json_values(), max_size=3)
    return st.builds(lambda asked, more: {**asked, **more}, st.fixed_dictionaries(members), others)


def session_ids() -> st.SearchStrategy[str]:
    """Session ids that AgentCore takes and gives back: 33 to 100 letters, digits, dashes and underscores.

    Requests may have longer ones, but the model of the answer has no room for them. Two examples may be the same id:
    stop the session, or count on what an earlier one has left in it.
    """
    return st.builds(
        str.__add__,
        st.sampled_from(_LETTERS_AND_DIGITS),
        st.text(_LETTERS_AND_DIGITS + "-_", min_size=_SHORTEST_SESSION - 1, max_size=_LONGEST_SESSION_OF_AN_ANSWER - 1),
    )


def invalid_session_ids() -> st.SearchStrategy[str]:
    """Session ids that AgentCore refuses: of less than 33 characters, or of more than 256.

    None is empty. boto3 refuses the short ones by itself, so send them by `agentcore.post`.
    """
    short = st.text(_LETTERS_AND_DIGITS + "-_", min_size=1, max_size=_SHORTEST_SESSION - 1)
    long = st.integers(_LONGEST_SESSION + 1, 2 * _LONGEST_SESSION).map(lambda length: "x" * length)
    return short | long


def actor_ids() -> st.SearchStrategy[str]:
    """Actor ids that AgentCore Memory takes, namespaces of them (`team/ada`, `user:7`) among them."""
    word = st.builds(
        str.__add__, st.sampled_from(_LETTERS_AND_DIGITS), st.text(_LETTERS_AND_DIGITS + "-_", max_size=20)
    )
    parts = st.lists(st.tuples(st.sampled_from("/:"), word), max_size=4)
    return st.builds(lambda first, more: first + "".join(map("".join, more)), word, parts)


def conversations(*, max_size: int = 8) -> st.SearchStrategy[list[Turn]]:
    """What a user and an assistant say in turn, the user first; a conversation may end with either, or be empty.

    No text is blank.
    """
    said = texts().filter(lambda text: bool(text.strip()))
    return st.lists(said, max_size=max_size).map(
        lambda all_said: [Turn("ASSISTANT" if number % 2 else "USER", text) for number, text in enumerate(all_said)]
    )


def sse_streams(*, max_size: int = 5) -> st.SearchStrategy[EventStream]:
    """Lists of JSON values and the body of the answer of an agent that yields them.

    Many hold text with line ends and with what looks like the frame of an event.
    """
    framed = st.lists(st.sampled_from(_FRAMES) | texts(), max_size=5).map("".join)
    return st.lists(framed | json_values(), max_size=max_size).map(lambda values: EventStream(values, _body(values)))


def _body(values: list[Any]) -> bytes:
    return "".join(f"data: {json.dumps(value, ensure_ascii=False)}\n\n" for value in values).encode("utf-8")
