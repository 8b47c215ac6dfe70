"""When a self-managed strategy's pipeline is to be told.

It is when one of three conditions holds for what was said in a session since the last time: so many messages, so many
tokens, or nobody said anything for so long (AWS developer guide, self-managed strategy). AWS does not say what counts
as a message, or how tokens are counted. Here a blob is no message but has tokens, and a token is four characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

__all__ = ["LONGEST", "Triggers", "counts", "tokens"]

LONGEST: Final = 100
"""Messages and blobs that wait at most, whatever the triggers say; AWS lets nobody wait for more than 50 messages."""

_CHARACTERS_OF_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Triggers:
    """The conditions of a strategy; `idle` is milliseconds."""

    messages: int
    tokens: int
    idle: int

    @classmethod
    def of(cls, strategy: Mapping[str, Any]) -> Self:
        """Those of a self-managed strategy, a row of tables.strategies by column, which always has all three."""
        conditions: dict[str, Mapping[str, int]] = {}
        for condition in strategy["configuration"]["selfManagedConfiguration"]["triggerConditions"]:
            conditions.update(condition)
        return cls(
            messages=conditions["messageBasedTrigger"]["messageCount"],
            tokens=conditions["tokenBasedTrigger"]["tokenCount"],
            idle=conditions["timeBasedTrigger"]["idleSessionTimeout"] * 1000,
        )

    def strike(self, waiting: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these messages, in the form of tables.extraction_jobs, are enough, however recent the last one is."""
        enough = sum(map(counts, waiting)) >= self.messages or sum(map(tokens, waiting)) >= self.tokens
        return enough or len(waiting) >= LONGEST


def counts(message: Mapping[str, Any]) -> bool:
    """Whether this is a message; a blob is none."""
    return "blob" not in message


def tokens(message: Mapping[str, Any]) -> int:
    """About how many tokens a message has."""
    [content] = [message[name] for name in ("text", "json", "blob") if name in message]
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return -(-len(text) // _CHARACTERS_OF_A_TOKEN)
