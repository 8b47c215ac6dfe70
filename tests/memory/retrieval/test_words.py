from __future__ import annotations

import pytest

from agentcore_emulator.memory.retrieval import words


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("likes", "like"),
        ("preferred", "prefer"),
        ("hobbies", "hobby"),
        ("dishes", "dish"),
        ("running", "run"),
        ("coding", "coding"),
        ("married", "married"),
        ("studied", "study"),
        ("liked", "like"),
        ("making", "make"),
        ("is", "is"),
        ("as", "as"),
        ("s", "s"),
        ("ing", "ing"),
        ("zebras", "zebras"),
    ],
)
def test_forms_that_the_lists_know(word: str, base: str) -> None:
    assert words.base_form(word) == base


def test_asking_finds_things_and_other_names() -> None:
    asked = words.related("eat")
    assert {"sushi", "food", "dinner"} <= asked.things
    assert "eat" not in asked.things


def test_a_thing_finds_what_it_is_but_no_other_thing() -> None:
    asked = words.related("sushi")
    assert {"food", "eat"} <= asked.names
    assert asked.things == frozenset()
    assert not {"pizza", "sushi"} & asked.names


def test_a_word_may_be_both() -> None:
    asked = words.related("dog")
    assert {"puppy", "corgi"} <= asked.things
    assert "pet" in asked.names
    assert not asked.things & asked.names


def test_a_word_that_no_group_has_is_alone() -> None:
    assert words.related("zebra") == (frozenset(), frozenset())


def test_words_that_say_nothing_are_not_asked_for() -> None:
    assert words.is_silent("the")
    assert words.is_silent("user")
    assert not words.is_silent("sushi")
    assert words.is_weak("like")
    assert not words.is_weak("sushi")
