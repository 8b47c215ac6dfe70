"""What a caller may ask of the agent: the payload of an invocation, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MODES = ("chat", "forget", "memory_query", "ping")

DEFAULT_USER = "anonymous"
DEFAULT_MEMORY_SESSION = "main"

# So many characters are at most 80 kB in UTF-8; AgentCore Memory takes 100 kB a message (AWS, AgentCore quotas).
MAX_PROMPT = 20_000
MAX_NAME = 1_024

_JSON_NAMES = {bool: "true or false", dict: "an object", float: "a number", int: "a number", list: "a list"}


class PayloadError(ValueError):
    """The payload cannot be used; the text is one sentence for the caller."""


@dataclass(frozen=True)
class Request:
    """A checked payload.

    `user_id` and `memory_session_id` say whose memory is used, and which thread of it. The runtime session does not
    bind a user (AWS developer guide, "Use isolated sessions for agents"), so the client names one with every call.
    """

    mode: str
    prompt: str
    user_id: str
    memory_session_id: str
    stream: bool


def read(payload: Any) -> Request:
    """Checks a payload and fills in what is absent. Raises PayloadError.

    The payload may be a dict or Strands' JSONSerializableDict, which has `.get(key)` with one argument and nothing
    else of a dict: no default, no subscript, no `in`.
    """
    if not callable(getattr(payload, "get", None)):
        raise PayloadError(f'The payload must be a JSON object such as {{"prompt": "Hello"}}, not {_kind(payload)}.')
    mode = _text(payload, "mode", MAX_NAME) or "chat"
    if mode not in MODES:
        raise PayloadError(f"There is no mode {_short(mode)}; choose one of {', '.join(MODES)}.")
    prompt = _text(payload, "prompt", MAX_PROMPT)
    if mode == "chat" and not prompt:
        raise PayloadError("The key 'prompt' is missing; put the user's message there.")
    return Request(
        mode=mode,
        prompt=prompt,
        user_id=_text(payload, "user_id", MAX_NAME) or DEFAULT_USER,
        memory_session_id=_text(payload, "memory_session_id", MAX_NAME) or DEFAULT_MEMORY_SESSION,
        stream=wants_stream(payload, strict=True),
    )


def wants_stream(payload: Any, *, strict: bool = False) -> bool:
    """Whether the caller asked for a stream, so that even a refusal comes in the form it expects.

    With `strict` anything but true, false and nothing raises PayloadError; without it that counts as false.
    """
    value = payload.get("stream") if callable(getattr(payload, "get", None)) else None
    if strict and value is not None and not isinstance(value, bool):
        raise PayloadError(f"The key 'stream' must be true or false, not {_kind(value)}.")
    return value is True


def _text(payload: Any, key: str, limit: int) -> str:
    value = payload.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PayloadError(f"The key '{key}' must be text, not {_kind(value)}.")
    if not value.strip():
        raise PayloadError(f"The key '{key}' is empty; give it a text or leave it out.")
    if len(value) > limit:
        raise PayloadError(f"The key '{key}' holds {len(value):,} characters; the most is {limit:,}.")
    # JSON can carry half of a surrogate pair, which is no text: neither UTF-8 nor any service takes it.
    return value.encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return _JSON_NAMES.get(type(value), "text" if isinstance(value, str) else type(value).__name__)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
