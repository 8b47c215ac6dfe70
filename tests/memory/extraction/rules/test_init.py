from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.memory.extraction.extractor import Known, Memo, Work
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import Rules

Spoken = Callable[..., list[Message]]

KINDS = ("SEMANTIC", "USER_PREFERENCE", "SUMMARIZATION", "EPISODIC")


async def nothing(prefix: str = "", *, reflections: bool = False, limit: int = 50) -> Sequence[Known]:
    return []


def work(kind: str, messages: Sequence[Message], **more: Any) -> Work:
    given: dict[str, Any] = {
        "strategy": {"configuration": None},
        "reflects": True,
        "inferred": (),
        "inferred_of_reflections": (),
        "actor_id": "ada",
        "session_id": "s",
        "recall": nothing,
    }
    return Work(kind=kind, messages=messages, **{**given, **more})


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("SEMANTIC", ["The user likes tea."]),
        ("USER_PREFERENCE", ['{"context": ']),
        ("SUMMARIZATION", ['<topic name="Drink">']),
        ("EPISODIC", ['{"situation": ', '{"title": ']),
    ],
)
async def test_each_type_has_its_rules(messages: Spoken, kind: str, begins: list[str]) -> None:
    memos = await Rules().extract(work(kind, messages("I like tea")))
    assert len(memos) == len(begins)
    for memo, begin in zip(memos, begins, strict=True):
        assert memo.text.startswith(begin)
    assert [memo.reflection for memo in memos] == [False, True][: len(memos)]


async def test_a_strategy_without_a_place_for_reflections_has_none(messages: Spoken) -> None:
    memos = await Rules().extract(work("EPISODIC", messages("I like tea"), reflects=False))
    assert [memo.reflection for memo in memos] == [False]


async def test_long_work_gives_the_same_as_short(messages: Spoken) -> None:
    filler = messages("A: " + "Well. " * 1_000)
    short = await Rules().extract(work("SEMANTIC", messages("I like tea")))
    assert await Rules().extract(work("SEMANTIC", [*messages("I like tea"), *filler])) == short


_WORDS = (
    "I my we am like prefer and but , . ? ! ; : over please never to fly favorite color is Paris thanks a b \n ``` "
    "\" ' <topic> so you\u2019re don't hiking 7 é 漢 \u0301 […] {} call me name"
)
WORDS = st.sampled_from(_WORDS.split(" "))
TEXTS = st.text() | st.lists(WORDS, max_size=60).map(" ".join)
MESSAGES = st.builds(
    Message,
    st.sampled_from(("USER", "USER", "ASSISTANT", "OTHER", "DATA")),
    TEXTS,
    st.lists(st.text(max_size=5), max_size=2).map(tuple),
)


@given(st.lists(MESSAGES, max_size=6), st.sampled_from(KINDS))
async def test_whatever_is_said_becomes_records_that_can_be_kept(said: list[Message], kind: str) -> None:
    memos: Sequence[Memo] = await Rules().extract(work(kind, said))
    for memo in memos:
        assert 1 <= len(memo.text) <= 16_000
        assert memo.subject
        if kind in ("USER_PREFERENCE", "EPISODIC"):
            json.loads(memo.text)
    assert await Rules().extract(work(kind, said)) == memos
