"""Conversations, and the preferences that the rules find in them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import preference

Spoken = Callable[..., list[Message]]

CONVERSATIONS: list[tuple[str, list[tuple[str, str]]]] = [
    ("I like sushi with tuna", [("Likes sushi with tuna", "food")]),
    (
        "I prefer dark mode, Python over Java, and vim over emacs",
        [
            ("Prefers dark mode", "technology"),
            ("Prefers Python over Java", "programming"),
            ("Prefers vim over emacs", "programming"),
        ],
    ),
    ("My favorite color is blue.", [("Favorite color is blue", "style")]),
    ("ThinkPads are my favorite laptops.", [("Favorite laptops are ThinkPads", "technology")]),
    (
        "I don't like flying, I'd rather take the train.",
        [("Doesn't like flying", "travel"), ("Would rather take the train", "travel")],
    ),
    ("I always book aisle seats", [("Always books aisle seats", "travel")]),
    ("I'm vegetarian and allergic to peanuts", [("Is vegetarian", "food"), ("Is allergic to peanuts", "food")]),
    ("I can't stand crowds", [("Can't stand crowds", "general")]),
    ("I'm not a fan of spicy food", [("Is not a fan of spicy food", "food")]),
    ("I only drink decaf coffee", [("Only drinks decaf coffee", "drink")]),
    ("Please answer in German from now on.", [("Wants the assistant to answer in German", "learning")]),
    ("Keep your answers short", [("Wants the assistant to keep its answers short", "communication")]),
    ("Never book me on red-eye flights", [("Wants the assistant to never book them on red-eye flights", "travel")]),
    ("please use metric units", [("Wants the assistant to use metric units", "communication")]),
    ("Don't ever call me by phone", [("Wants the assistant never to call them by phone", "technology")]),
    ("I hate it when people are late", [("Hates it when people are late", "general")]),
    ("Hi, i usually fly business class. Book me a flight", [("Usually flies business class", "travel")]),
    # No preferences.
    ("I'd like a refund", []),
    ("I would love to go to Rome", []),
    ("Do I like tea?", []),
    ("I have always been late", []),
    ("Don't send it yet", []),
    ("I live in Rome", []),
    ("My wife likes tea", []),
]


@pytest.mark.parametrize(("text", "found"), CONVERSATIONS)
def test_a_text_states_preferences(messages: Spoken, text: str, found: list[tuple[str, str]]) -> None:
    records = [json.loads(memo.text) for memo in preference.memos(messages(text))]
    assert [(record["preference"], record["categories"][0]) for record in records] == found


def test_a_record_has_the_documented_form(messages: Spoken) -> None:
    (memo,) = preference.memos(messages("Hi! I like sushi with tuna."))
    assert json.loads(memo.text) == {
        "context": 'The user said: "I like sushi with tuna."',
        "preference": "Likes sushi with tuna",
        "categories": ["food"],
    }


def test_only_the_user_has_preferences(messages: Spoken) -> None:
    assert (
        preference.memos([*messages("A: I like tea"), Message("OTHER", "I like tea"), Message("DATA", "I like tea")])
        == []
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("I like sushi", "I don't like sushi anymore"),
        ("I prefer dark mode", "I like light mode better"),
        ("I prefer tea to coffee", "I prefer coffee over tea"),
        ("I prefer window seats", "I'd prefer an aisle seat"),
        ("My favorite color is blue", "My favourite color is green"),
        ("I'm vegetarian", "I am not vegan"),
        ("Please answer in German", "Reply in French"),
        ("Keep your answers short", "I prefer detailed answers"),
        ("I love hiking because it is fun", "I hate hiking"),
    ],
)
def test_a_preference_that_changes_is_about_the_same(messages: Spoken, earlier: str, later: str) -> None:
    before, after = preference.memos(messages(earlier, later))
    assert before.subject == after.subject


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like sushi", "I like pizza"),
        ("I prefer dark mode", "I prefer window seats"),
        ("My favorite color is blue", "My favorite food is pizza"),
        ("I'm allergic to nuts", "I'm allergic to fish"),
    ],
)
def test_others_are_about_something_else(messages: Spoken, one: str, other: str) -> None:
    first, second = preference.memos(messages(one, other))
    assert first.subject != second.subject
