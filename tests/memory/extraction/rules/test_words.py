from __future__ import annotations

import pytest

from agentcore_emulator.memory.extraction.rules import words


@pytest.mark.parametrize(
    "forms",
    [
        ("hike", "hiking", "hikes", "hiked"),
        ("run", "running", "runs"),
        ("movie", "movies"),
        ("city", "cities"),
        ("dish", "dishes"),
        ("Ada", "Ada's", "ada"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({words.stem(form) for form in forms}) == 1


def test_different_words_have_different_stems() -> None:
    apart = ["bus", "boss", "red", "ring", "sing", "this", "need", "bed"]
    assert len({words.stem(word) for word in apart}) == len(apart)


def test_texts_about_the_same_have_one_key() -> None:
    assert words.key("I own a car") == words.key("I no longer own a car")
    assert words.key("I like hiking") == words.key("I really love to hike")
    assert words.key("I like C++") != words.key("I like C")
    assert words.key("I have two cats") != words.key("I have three cats")
    assert words.key("") == ""


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("sushi with tuna", ["food"]),
        ("I prefer vim over emacs", ["programming"]),
        ("a window seat on the flight", ["travel"]),
        ("my dog eats pizza and pasta", ["food", "pets"]),
        ("everything is fine", []),
    ],
)
def test_words_belong_to_categories(text: str, categories: list[str]) -> None:
    assert words.categories(text) == categories
