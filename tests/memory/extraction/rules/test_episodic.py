from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agentcore_emulator.memory.extraction.extractor import Known
from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import episodic
from agentcore_emulator.memory.extraction.rules.episodic import Episode

Spoken = Callable[..., list[Message]]


def read(messages: list[Message]) -> Episode:
    episode = episodic.read(messages)
    assert episode is not None
    return episode


def record(messages: list[Message]) -> Any:
    return json.loads(episodic.memo(read(messages), "s").text)


def test_a_record_has_the_documented_form(messages: Spoken) -> None:
    said = messages("My order has not arrived. Can you cancel it?", "A: Sure. It is cancelled now.", "Great, thanks!")
    said[1] = Message("ASSISTANT", said[1].text, ("cancel_order",))
    assert record(said) == {
        "situation": "A conversation about shopping, in which the user spoke once.",
        "intent": 'The user asked: "Can you cancel it?"',
        "assessment": "Yes",
        "justification": 'The user closed with: "Great, thanks!"',
        "reflection": "Answering once with the tools cancel_order served the user: "
        'The user asked: "Can you cancel it?"',
        "turns": [
            {
                "situation": "The conversation begins.",
                "intent": 'The user asked: "Can you cancel it?"',
                "action": 'It called the tool cancel_order. It said: "It is cancelled now."',
                "thought": "Not known: rules see only what was said.",
                "assessmentAssistant": "Yes",
                "assessmentUser": "Yes",
            }
        ],
    }


def test_the_user_decides_how_it_went(messages: Spoken) -> None:
    asked = ["How do I reset it?", "A: Press the red button."]
    assert record(messages(*asked, "Never mind."))["assessment"] == "No"
    idle = record(messages(*asked))
    assert idle["assessment"] == "Unclear"
    assert "without a word" in idle["justification"]
    assert record(messages(*asked, "Which one is red?"))["turns"][0]["assessmentUser"] == "Unclear"


def test_without_the_user_there_is_no_episode(messages: Spoken) -> None:
    assert episodic.read(messages("A: You are welcome.")) is None
    assert episodic.read([]) is None


def test_the_same_episode_is_the_same_record(messages: Spoken) -> None:
    once, again, other = (read(messages(text, "Thanks!")) for text in ("Reset it", "Reset it", "Cancel it"))
    assert episodic.memo(once, "s") == episodic.memo(again, "s")
    assert episodic.memo(once, "s").subject != episodic.memo(other, "s").subject
    assert episodic.memo(once, "s").subject != episodic.memo(once, "t").subject


def test_a_long_episode_fits_a_record(messages: Spoken) -> None:
    said = messages(*[f"Please book flight {number} " + "and more " * 400 for number in range(100)])
    assert len(episodic.memo(read(said), "s").text) < 16_000


def test_episodes_about_one_topic_teach_something(messages: Spoken) -> None:
    good = read(messages("Book me a flight to Rome", "A: It is booked for Monday.", "Perfect, thanks"))
    bad = read(messages("Book me a hotel in Rome", "A: There is no hotel there.", "Never mind."))
    first = episodic.reflection(good, [])
    assert first.reflection
    assert json.loads(first.text) == {
        "title": "Conversations about travel",
        "use_cases": "When a conversation is about travel, as in: "
        "The user asked the assistant to book them a flight to Rome.",
        "hints": ["Answering once served the user: The user asked the assistant to book them a flight to Rome."],
        "confidence": "0.5",
    }
    second = episodic.reflection(good, [Known(first.subject, first.text)])
    assert second.subject == first.subject == episodic.subject(bad)
    assert json.loads(second.text)["confidence"] == "0.6"
    third = json.loads(episodic.reflection(bad, [Known(second.subject, second.text)]).text)
    assert third["confidence"] == "0.5"
    assert len(third["hints"]) == 2


def test_a_reflection_that_somebody_wrote_over_is_begun_anew(messages: Spoken) -> None:
    episode = read(messages("Book me a flight", "Thanks"))
    for text in ("no json", "[1]", '{"hints": [1], "confidence": {}}', "[" * 5_000):
        assert json.loads(episodic.reflection(episode, [Known("s", text)]).text)["hints"]
