from __future__ import annotations

import pytest

from agentcore_emulator.memory.extraction.rules.sentences import Clause, clauses, sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I like tea. I hate cocoa! Do you? Yes", ["I like tea.", "I hate cocoa!", "Do you?", "Yes"]),
        ("Dr. Smith is my dentist, e.g. in May. He is nice.", ["Dr. Smith is my dentist, e.g. in May.", "He is nice."]),
        ("My number is 3.14 and I live in the U.S. now", ["My number is 3.14 and I live in the U.S. now"]),
        ("- I like tea\n2. I hate cocoa\n\n* ", ["I like tea", "I hate cocoa"]),
        ("Look:\n```python\nI = 5\n```\nI use tabs", ["Look:", "I use tabs"]),
        ("```\nI like code", []),
        ("> I like tea\nI do not", ["I do not"]),
        ("I like " + "tea " * 200, []),
        ("I\u2019m Ada", ["I'm Ada"]),
        ("", []),
    ],
)
def test_a_text_has_sentences(text: str, found: list[str]) -> None:
    assert list(sentences(text)) == found


def test_no_text_is_read_to_its_end_whatever_its_length() -> None:
    assert len(list(sentences("I like tea. " * 5_000))) == 200
    assert list(sentences(" " * 20_000 + "I like tea.")) == []


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Remember this: my dog Pixel is a corgi.", ["my dog Pixel is a corgi"]),
        ("Hi Claude, actually I like tea.", ["I like tea"]),
        ("By the way, I'm from Rome", ["I am from Rome"]),
        ("im from Rome and i've moved", ["I am from Rome", "I have moved"]),
        ("I am a pilot based in Denver and fly Cessnas.", ["I am a pilot based in Denver", "I fly Cessnas"]),
        ("I run every morning and swim twice a week", ["I run every morning", "I swim twice a week"]),
        ("I want to swim and run", ["I want to swim and run"]),
        ("I can cook and clean well", ["I can cook and clean well"]),
        ("I like salt and pepper", ["I like salt and pepper"]),
        ("My wife and I are from Rome", ["My wife and I are from Rome"]),
        ("My sister lives here and my brother moved", ["My sister lives here", "my brother moved"]),
        ("We use Postgres, but our team likes Mongo", ["I use Postgres", "My team likes Mongo"]),
        (
            "I prefer dark mode, Python over Java, and vim over emacs",
            ["I prefer dark mode", "I prefer Python over Java", "I prefer vim over emacs"],
        ),
        ("I love hiking, jazz and old movies", ["I love hiking", "I love jazz", "I love old movies"]),
        ("I like tea, which is odd", ["I like tea, which is odd"]),
        (
            "I am vegan and allergic to nuts, so please never suggest meat",
            ["I am vegan", "I am allergic to nuts", "please never suggest meat"],
        ),
        ("As a data scientist, I use pandas", ["I am a data scientist", "I use pandas"]),
        ("I'd like a refund please", ["I would like a refund"]),
        ("!!!", []),
    ],
)
def test_a_sentence_says_one_thing_or_more(sentence: str, found: list[str]) -> None:
    assert list(clauses(sentence)) == [Clause(text, is_question=False) for text in found]


@pytest.mark.parametrize("sentence", ["Do I like tea?", "what is my name", "Hi! Could you help me?", "I like tea?"])
def test_a_question_says_nothing(sentence: str) -> None:
    (clause,) = clauses(sentence)
    assert clause.is_question
