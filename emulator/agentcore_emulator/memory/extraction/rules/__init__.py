"""The default extractor: deterministic rules for English, a stand-in for the models that AWS uses.

They find what is said plainly about the user in the first person, and put it into the form that records of each type
have. They understand nothing: no other language, no "she" or "there", no irony, nothing that lies between the lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from agentcore_emulator.memory.extraction.extractor import Memo, Work
from agentcore_emulator.memory.extraction.rules import episodic, preference, semantic, summary

__all__ = ["Rules"]

P = ParamSpec("P")
T = TypeVar("T")


# Characters. What is shorter is done sooner than a thread has been asked to.
_SHORT = 2_000


async def _semantic(work: Work) -> Sequence[Memo]:
    return await _run(work, semantic.memos, work.messages)


async def _preference(work: Work) -> Sequence[Memo]:
    return await _run(work, preference.memos, work.messages)


async def _summary(work: Work) -> Sequence[Memo]:
    # One record for each topic of the session, which grows with it.
    known = await work.recall(summary.prefix(work.session_id))
    return await _run(work, summary.memos, work.messages, known, work.session_id)


async def _episodic(work: Work) -> Sequence[Memo]:
    episode = await _run(work, episodic.read, work.messages)
    if episode is None:
        return []
    memo = episodic.memo(episode, work.session_id)
    if not work.reflects:
        return [memo]
    known = await work.recall(episodic.subject(episode), reflections=True, limit=1)
    return [memo, episodic.reflection(episode, known)]


async def _run(work: Work, rules: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
    if sum(len(message.text) for message in work.messages) < _SHORT:
        return rules(*given, **more)
    return await asyncio.to_thread(rules, *given, **more)


_BY_KIND: Mapping[str, Callable[[Work], Awaitable[Sequence[Memo]]]] = {
    "SEMANTIC": _semantic,
    "USER_PREFERENCE": _preference,
    "SUMMARIZATION": _summary,
    "EPISODIC": _episodic,
}


class Rules:
    """An `Extractor` that asks nobody, and finds the same in the same work. What takes its time is done on threads."""

    concurrency = 8

    async def extract(self, work: Work) -> Sequence[Memo]:
        """What the rules of the strategy's type find."""
        return await _BY_KIND[work.kind](work)
