"""Extraction by a model: prompts of our own, the strategy's models and additions, and answers that nobody trusts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Final

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure, Known, Memo, Work
from agentcore_emulator.memory.extraction.model import answers, prompts
from agentcore_emulator.memory.extraction.rules import summary, words

__all__ = ["DEFAULT_MODEL", "Model"]

DEFAULT_MODEL: Final = "global.anthropic.claude-sonnet-4-6"
"""Where a strategy names no model: the one that Strands takes by default. Which ones AWS uses is not documented."""

_EPISODE: Final = ("situation", "intent", "assessment", "justification", "reflection")
_TURN: Final = ("situation", "intent", "action", "thought", "assessmentAssistant", "assessmentUser")
_MOST_TURNS: Final = 10
_LONGEST: Final = 400
# How many records the new ones are compared with.
_COMPARED: Final = 30

Ask = Callable[[str, str, str], Awaitable[str]]
"""Model id, system prompt and message to the model's answer."""


class Model:
    """An `Extractor` that asks a model of bedrock-runtime through `ask`."""

    # Real models throttle.
    concurrency = 4

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def extract(self, work: Work) -> Sequence[Memo]:
        """What the model finds. Raises `ExtractionFailure` when it cannot be asked, or answers with something else."""
        if not any(message.role in ("USER", "DATA") for message in work.messages):
            return []
        match work.kind:
            case "SEMANTIC":
                return await self._consolidated(work, await self._facts(work))
            case "USER_PREFERENCE":
                return await self._consolidated(work, await self._preferences(work))
            case "SUMMARIZATION":
                return await self._summary(work)
            case _:
                return await self._episode(work)

    async def _asked(
        self, work: Work, step: str, part: str, *parts: str, inferred: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        model_id, own = _override(work.strategy, part)
        return await self._ask(model_id, prompts.system(step, own, inferred), "\n\n".join(parts))

    async def _facts(self, work: Work) -> list[Memo]:
        said = prompts.conversation(work.messages)
        answer = await self._asked(work, "semantic extraction", "extraction", said, inferred=work.inferred)
        return [
            Memo(fact, f"fact {words.key(fact)}", answers.metadata(one, work.inferred))
            for one in answers.objects(answer)
            if (fact := answers.text(one, "fact"))
        ]

    async def _preferences(self, work: Work) -> list[Memo]:
        said = prompts.conversation(work.messages)
        answer = await self._asked(work, "user preference extraction", "extraction", said, inferred=work.inferred)
        memos = []
        for one in answers.objects(answer):
            if preference := answers.text(one, "preference"):
                given = one.get("categories")
                categories = [answers.text({"": name}, "", 40) for name in given] if isinstance(given, list) else []
                record = {
                    "context": answers.text(one, "context"),
                    "preference": preference,
                    "categories": [name for name in categories if name][:5],
                }
                subject = f"preference {words.key(preference)}"
                memos.append(
                    Memo(json.dumps(record, ensure_ascii=False), subject, answers.metadata(one, work.inferred))
                )
        return memos

    async def _consolidated(self, work: Work, memos: list[Memo]) -> list[Memo]:
        """The memos, those that are about something known with its subject, and without those that add nothing."""
        known = await work.recall(limit=_COMPARED) if memos else []
        if not known:
            return memos
        new = prompts.numbered("new", [memo.text for memo in memos])
        answer = await self._asked(work, "consolidation", "consolidation", prompts.numbered("known", known), new)
        for one in answers.objects(answer):
            number, other = one.get("new"), one.get("known")
            if not isinstance(number, int) or not 1 <= number <= len(memos):
                continue
            if one.get("action") == "SKIP":
                memos[number - 1] = replace(memos[number - 1], text="")
            elif one.get("action") == "UPDATE" and isinstance(other, int) and 1 <= other <= len(known):
                memos[number - 1] = replace(memos[number - 1], subject=known[other - 1].subject)
        return [memo for memo in memos if memo.text]

    async def _summary(self, work: Work) -> list[Memo]:
        prefix = summary.prefix(work.session_id)
        known = await work.recall(prefix)
        answer = await self._asked(
            work,
            "summary consolidation",
            "consolidation",
            prompts.numbered("summary", known),
            prompts.conversation(work.messages),
            inferred=work.inferred,
        )
        return [
            Memo(
                f'<topic name="{escape(topic)}">{escape(told, quote=False)}</topic>',
                f"{prefix}{topic.lower()}",
                answers.metadata(one, work.inferred),
            )
            for one in answers.objects(answer)
            if (topic := answers.text(one, "topic", 100)) and (told := answers.text(one, "summary"))
        ]

    async def _episode(self, work: Work) -> list[Memo]:
        said = prompts.conversation(work.messages)
        answer = await self._asked(work, "episodic extraction", "extraction", said, inferred=work.inferred)
        given = answers.single(answer)
        episode: dict[str, Any] = {name: answers.text(given, name, _LONGEST) for name in _EPISODE}
        if not episode["intent"]:
            raise ExtractionFailure("The model was to describe an episode, and named no intent")
        turns = given.get("turns")
        episode["turns"] = [
            {name: answers.text(turn, name, _LONGEST) for name in _TURN}
            for turn in (turns if isinstance(turns, list) else [])[:_MOST_TURNS]
            if isinstance(turn, dict)
        ]
        told = json.dumps(episode, ensure_ascii=False)
        subject = f"episode {work.session_id} {words.key(episode['intent'])}"
        memos = [Memo(told, subject, answers.metadata(given, work.inferred))]
        return [*memos, await self._reflection(work, told)] if work.reflects else memos

    async def _reflection(self, work: Work, episode: str) -> Memo:
        known: Sequence[Known] = await work.recall("reflection ", reflections=True, limit=_COMPARED)
        answer = await self._asked(
            work,
            "episodic reflection",
            "reflection",
            prompts.numbered("known", known),
            prompts.numbered("episode", [episode]),
            inferred=work.inferred_of_reflections,
        )
        given = answers.single(answer)
        hints = given.get("hints")
        title = answers.text(given, "title", _LONGEST)
        if not title:
            raise ExtractionFailure("The model was to draw a lesson from an episode, and gave it no title")
        record = {
            "title": title,
            "use_cases": answers.text(given, "use_cases", _LONGEST),
            "hints": [
                hint
                for one in (hints if isinstance(hints, list) else [hints])
                if (hint := answers.text({"": one}, "", _LONGEST))
            ][:_MOST_TURNS],
            "confidence": str(given.get("confidence", ""))[:8],
        }
        other = given.get("known")
        if isinstance(other, int) and 1 <= other <= len(known):
            subject = known[other - 1].subject
        else:
            subject = f"reflection {words.key(title)}"
        found = answers.metadata(given, work.inferred_of_reflections)
        return Memo(json.dumps(record, ensure_ascii=False), subject, found, reflection=True)


def _override(strategy: Mapping[str, Any], part: str) -> tuple[str, str]:
    """The model and the addition to the prompt that a custom strategy has for a step, else the defaults."""
    inner: Any = (strategy["configuration"] or {}).get(part)
    # customExtractionConfiguration, and in it semanticExtractionOverride, and so on.
    while isinstance(inner, Mapping) and inner and "modelId" not in inner:
        inner = next(iter(inner.values()))
    if not isinstance(inner, Mapping) or "modelId" not in inner:
        return DEFAULT_MODEL, ""
    return str(inner["modelId"]), str(inner.get("appendToPrompt", ""))
