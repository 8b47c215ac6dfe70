from __future__ import annotations

import pytest

from agentcore_emulator.memory.extraction.rules import speech


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("I like tea", "The user likes tea."),
        ("I am from Rome", "The user is from Rome."),
        ("I have two cats", "The user has two cats."),
        ("I do yoga", "The user does yoga."),
        ("I go to my parents", "The user goes to their parents."),
        ("I teach and watch", "The user teaches and watch."),
        ("I study law", "The user studies law."),
        ("I play chess", "The user plays chess."),
        ("I really usually fly", "The user really usually flies."),
        ("I no longer own a car", "The user no longer owns a car."),
        ("I don't eat pork", "The user doesn't eat pork."),
        ("I need a hotel", "The user needs a hotel."),
        ("I moved to Rome", "The user moved to Rome."),
        ("I went home", "The user went home."),
        ("I can't swim", "The user can't swim."),
        ("I would rather read", "The user would rather read."),
        ("I think that I am late for my train", "The user thinks that they are late for their train."),
        ("I gave you my book", "The user gave the assistant their book."),
        ("I am in the US", "The user is in the US."),
        ("my dog Pixel is a corgi", "The user's dog Pixel is a corgi."),
        ("My wife and I are from Rome", "The user and their wife are from Rome."),
        ("My wife and I love tea", "The user and their wife love tea."),
    ],
)
def test_the_first_person_becomes_the_third(clause: str, told: str) -> None:
    assert speech.about_user(clause)
    assert speech.third_person(clause) == told


@pytest.mark.parametrize("clause", ["Pixel is a corgi", "you like tea", "In Rome I like tea", "Myself", "I", ""])
def test_not_everything_is_about_the_user(clause: str) -> None:
    assert not speech.about_user(clause)


@pytest.mark.parametrize(
    "clause",
    [
        "I think so too",
        "I am not sure about that",
        "I don't know why",
        "I was wondering whether it works",
        "I have a question about that",
        "I want you to act as a pirate",
        "I would like to know more",
        "I need help with that",
        "I am sorry about that",
        "I did that",
        "I see",
        "my question is another",
        "my blue house",
        "I I I I I like tea",
    ],
)
def test_some_of_it_is_not_worth_remembering(clause: str) -> None:
    assert speech.is_idle(clause)


@pytest.mark.parametrize(
    "clause", ["I like tea", "I am a pilot", "I need a hotel in Rome", "my dog likes tea", "I can swim well"]
)
def test_the_rest_is(clause: str) -> None:
    assert not speech.is_idle(clause)


def test_others_can_mention_the_user() -> None:
    assert speech.of_the_user("Ada is my sister and calls me") == "Ada is the user's sister and calls the user"
    assert speech.to_assistant("keep your answers short for me") == "keep its answers short for them"
