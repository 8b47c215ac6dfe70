"""When a self-managed strategy's pipeline is to be told, and of what.

It is when one of three conditions holds for what was said in a session since the last time: so many messages, so many
tokens, or nobody said anything for so long (AWS developer guide, self-managed strategy). Events have nothing to do with
it: observed with a count of 3 and events of two messages each, every third message struck, the first one of its event
or the second (awslabs/amazon-bedrock-agentcore-samples, the notebook of the culinary assistant with citations).

AWS does not say what becomes of blobs, or how tokens are counted. Here a blob is no message but has tokens, and a token
is four characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

__all__ = ["LONGEST", "Triggers", "counts", "tokens"]

LONGEST: Final = 100
"""Messages and blobs that wait at most, whatever the triggers say. Of messages the model lets 50 wait."""

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

    def struck(self, waiting: Sequence[Mapping[str, Any]]) -> int:
        """How many of these messages, in the form of tables.extraction_jobs, go out now; 0 when they wait for more."""
        said = spent = 0
        for number, message in enumerate(waiting, start=1):
            said += counts(message)
            spent += tokens(message)
            if said >= self.messages or spent >= self.tokens or number >= LONGEST:
                return number
        return 0


def counts(message: Mapping[str, Any]) -> bool:
    """Whether this is a message; a blob is none."""
    return "blob" not in message


def tokens(message: Mapping[str, Any]) -> int:
    """About how many tokens a message has."""
    [content] = [message[name] for name in ("text", "json", "blob") if name in message]
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return -(-len(text) // _CHARACTERS_OF_A_TOKEN)
