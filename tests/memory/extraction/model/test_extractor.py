from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure, Known, Memo, Work
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.model.extractor import DEFAULT_MODEL, Model

Spoken = Callable[..., list[Message]]


class Asked:
    """A model that answers each step as the test says, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.models: list[str] = []
        self.systems: list[str] = []
        self.texts: list[str] = []

    async def __call__(self, model_id: str, system: str, text: str) -> str:
        self.models.append(model_id)
        self.systems.append(system)
        self.texts.append(text)
        answer = self.answers[system.rpartition("Step: ")[2]]
        return answer if isinstance(answer, str) else json.dumps(answer)


def work(kind: str, messages: Sequence[Message], known: Sequence[Known] = (), **more: Any) -> Work:
    async def recall(prefix: str = "", *, reflections: bool = False, limit: int = 50) -> Sequence[Known]:
        return [one for one in known if one.subject.startswith(prefix)]

    given: dict[str, Any] = {
        "strategy": {"configuration": None},
        "reflects": True,
        "inferred": (),
        "inferred_of_reflections": (),
        "actor_id": "ada",
        "session_id": "s",
        "recall": recall,
    }
    return Work(kind=kind, messages=messages, **{**given, **more})


MOOD = {"key": "mood", "type": "STRING", "extractionConfig": {"llmExtractionConfig": {"definition": "mood"}}}


async def test_facts_are_what_the_model_finds(messages: Spoken) -> None:
    asked = Asked(semantic_extraction=[{"fact": "The user likes tea.", "metadata": {"mood": "good"}}, {"fact": ""}, {}])
    assert await Model(asked).extract(work("SEMANTIC", messages("I like tea"), inferred=[MOOD])) == [
        Memo("The user likes tea.", "fact tea", {"mood": {"stringValue": "good"}})
    ]
    assert asked.models == [DEFAULT_MODEL]
    assert "I like tea" in asked.texts[0]
    assert '"mood"' in asked.systems[0]


async def test_preferences_have_the_documented_form(messages: Spoken) -> None:
    found = {"preference": "Likes tea", "context": "Said so", "categories": ["drink", 1, ""], "other": 1}
    memos = await Model(Asked(user_preference_extraction=[found, {"preference": 1}])).extract(
        work("USER_PREFERENCE", messages("I like tea"))
    )
    assert [json.loads(memo.text) for memo in memos] == [
        {"context": "Said so", "preference": "Likes tea", "categories": ["drink"]}
    ]


async def test_what_is_found_is_compared_with_what_is_known(messages: Spoken) -> None:
    asked = Asked(
        semantic_extraction=[{"fact": fact} for fact in ("a1", "b1", "c1", "d1")],
        consolidation=[
            {"new": 1, "action": "UPDATE", "known": 2},
            {"new": 2, "action": "SKIP"},
            {"new": 3, "action": "ADD"},
            {"new": 4, "action": "UPDATE", "known": 7},
            {"new": 9, "action": "SKIP"},
            {"action": "SKIP"},
        ],
    )
    known = [Known("x", "known x"), Known("y", "known y")]
    memos = await Model(asked).extract(work("SEMANTIC", messages("I like tea"), known))
    assert [(memo.text, memo.subject) for memo in memos] == [("a1", "y"), ("c1", "fact c1"), ("d1", "fact d1")]
    assert "<known>\n1. known x\n2. known y\n</known>" in asked.texts[1]
    assert "<new>\n1. a1" in asked.texts[1]


async def test_where_there_is_nothing_to_compare_nobody_is_asked(messages: Spoken) -> None:
    asked = Asked(semantic_extraction=[])
    assert await Model(asked).extract(work("SEMANTIC", messages("Hm"), [Known("x", "x")])) == []
    assert len(asked.texts) == 1
    assert await Model(asked).extract(work("SEMANTIC", messages("A: Hm"))) == []
    assert len(asked.texts) == 1


async def test_a_summary_goes_on_by_topic(messages: Spoken) -> None:
    asked = Asked(summary_consolidation=[{"topic": 'Tea "&" more', "summary": "a < b", "metadata": {}}, {"topic": "x"}])
    known = [Known("summary s tea", "old"), Known("summary t tea", "other session")]
    assert await Model(asked).extract(work("SUMMARIZATION", messages("I like tea"), known)) == [
        Memo('<topic name="Tea &quot;&amp;&quot; more">a &lt; b</topic>', 'summary s tea "&" more')
    ]
    assert "<summary>\n1. old\n</summary>" in asked.texts[0]


EPISODE = {
    "situation": "s",
    "intent": "cancel the order",
    "assessment": "Yes",
    "turns": [{"intent": "i"}, 1],
    "more": 1,
}


async def test_an_episode_is_told_and_reflected_on(messages: Spoken) -> None:
    lesson = {"title": "Cancelling", "use_cases": "u", "hints": ["h", 1], "confidence": 0.7}
    asked = Asked(episodic_extraction=EPISODE, episodic_reflection=lesson)
    episode, reflection = await Model(asked).extract(work("EPISODIC", messages("Cancel it", "Thanks")))
    assert json.loads(episode.text) == {
        "situation": "s",
        "intent": "cancel the order",
        "assessment": "Yes",
        "justification": "",
        "reflection": "",
        "turns": [
            {
                "situation": "",
                "intent": "i",
                "action": "",
                "thought": "",
                "assessmentAssistant": "",
                "assessmentUser": "",
            }
        ],
    }
    assert reflection.reflection
    assert json.loads(reflection.text) == {"title": "Cancelling", "use_cases": "u", "hints": ["h"], "confidence": "0.7"}
    assert "cancel the order" in asked.texts[1]


async def test_a_reflection_can_take_the_place_of_a_known_one(messages: Spoken) -> None:
    asked = Asked(episodic_extraction=EPISODE, episodic_reflection={"title": "Cancelling", "known": 1})
    known = [Known("reflection x", "old")]
    _, reflection = await Model(asked).extract(work("EPISODIC", messages("Cancel it"), known))
    assert reflection.subject == "reflection x"
    alone = await Model(asked).extract(work("EPISODIC", messages("Cancel it"), known, reflects=False))
    assert len(alone) == 1


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("SEMANTIC", {"semantic_extraction": "I cannot."}),
        ("USER_PREFERENCE", {"user_preference_extraction": "{}"}),
        ("SUMMARIZATION", {"summary_consolidation": "1"}),
        ("EPISODIC", {"episodic_extraction": {"situation": "s"}}),
        ("EPISODIC", {"episodic_extraction": EPISODE, "episodic_reflection": {"hints": []}}),
    ],
)
async def test_an_answer_that_is_none_fails_the_job(messages: Spoken, kind: str, answers: dict[str, Any]) -> None:
    with pytest.raises(ExtractionFailure):
        await Model(Asked(**answers)).extract(work(kind, messages("I like tea")))


async def test_a_custom_strategy_has_its_own_models_and_prompts(messages: Spoken) -> None:
    def step(kind: str, name: str) -> dict[str, Any]:
        return {
            f"custom{kind}Configuration": {
                f"semantic{kind}Override": {"appendToPrompt": f"Own {name}", "modelId": name}
            }
        }

    configuration = {
        "type": "SEMANTIC_OVERRIDE",
        "extraction": step("Extraction", "first"),
        "consolidation": step("Consolidation", "second"),
    }
    asked = Asked(semantic_extraction=[{"fact": "a"}], consolidation=[])
    job = work("SEMANTIC", messages("I like tea"), [Known("x", "x")], strategy={"configuration": configuration})
    await Model(asked).extract(job)
    assert asked.models == ["first", "second"]
    assert ["Own first" in asked.systems[0], "Own second" in asked.systems[1]] == [True, True]


async def test_a_configuration_without_models_leaves_the_default(messages: Spoken) -> None:
    reflection = {"episodicReflectionConfiguration": {"namespaceTemplates": ["/a/"]}}
    asked = Asked(episodic_extraction=EPISODE, episodic_reflection={"title": "t"})
    await Model(asked).extract(work("EPISODIC", messages("a"), strategy={"configuration": {"reflection": reflection}}))
    assert asked.models == [DEFAULT_MODEL, DEFAULT_MODEL]
