"""When an episode is over.

AWS lets a model find out, and does not say how (AWS developer guide, episodic memory strategy). Here an episode is
over when the last thing that the user says closes it ("Thanks, that works.", "Never mind."), though not when that is
the first; when it has grown to `LONGEST` messages; or when nothing was said in the session for `IDLE` milliseconds of
the emulator's clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentcore_emulator.memory.extraction.messages import Message

__all__ = ["IDLE", "LONGEST", "closing", "over"]

IDLE: Final = 15 * 60 * 1000
"""Milliseconds; the time after which AgentCore Runtime ends an idle session, too."""

LONGEST: Final = 100
"""Messages."""

_LONGEST_CLOSING = 200
_GOOD = re.compile(
    r"\b(?:thanks|thank\s+you|thx|cheers|(?:that|this|it)(?:'s|\s+is)?\s+(?:all|perfect|great|exactly|fixed|solved|done|works)"
    r"|(?:that|this|it)\s+(?:worked|did\s+it|helps?|helped|fixed\s+it|solved\s+it)|perfect|awesome|good\s*bye|bye|see\s+you"
    r"|works\s+now|problem\s+solved|all\s+(?:good|set)|i'm\s+(?:done|all\s+set))\b",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"\b(?:never\s*mind|forget\s+it|i\s+give\s+up|(?:still\s+)?(?:doesn't|does\s+not|didn't|did\s+not|isn't|won't)\s+"
    r"(?:work|help|working|helping)|useless|waste\s+of\s+time|not\s+helpful)\b",
    re.IGNORECASE,
)
_ENDS_BADLY = re.compile(r"\b(?:never\s*mind|forget\s+it|i\s+give\s+up|useless|waste\s+of\s+time)\b", re.IGNORECASE)


def over(messages: Sequence[Message]) -> bool:
    """Whether these messages, all that the open episode has, end it."""
    if len(messages) >= LONGEST:
        return True
    said = [message for message in messages if message.role == "USER" and message.text]
    return len(said) > 1 and closing(said[-1].text) is not None


def closing(text: str) -> bool | None:
    """Whether a user who ends an episode with this was served; None for a text that ends none."""
    text = text.replace("\u2019", "'").strip()
    # "Thanks! And how do I …?" goes on.
    if len(text) > _LONGEST_CLOSING or text.endswith("?"):
        return None
    if _ENDS_BADLY.search(text):
        return False
    if _GOOD.search(text) and not _BAD.search(text):
        return True
    return None
