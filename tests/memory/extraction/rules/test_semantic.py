"""Conversations, and the facts that the rules find in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentcore_emulator.memory.extraction.messages import Message
from agentcore_emulator.memory.extraction.rules import semantic

Spoken = Callable[..., list[Message]]

CONVERSATIONS: list[tuple[list[str], list[str]]] = [
    # Those of the SDK's own integration tests.
    (
        [
            "I prefer dark mode, Python over Java, and vim over emacs",
            "A: Noted! Those are solid developer preferences.",
            "I work on distributed systems at a startup in Seattle",
            "A: Interesting! Distributed systems is a great field.",
        ],
        [
            "The user prefers dark mode.",
            "The user prefers Python over Java.",
            "The user prefers vim over emacs.",
            "The user works on distributed systems at a startup in Seattle.",
        ],
    ),
    (["I like sushi with tuna"], ["The user likes sushi with tuna."]),
    (
        [
            "I am a pilot based in Denver and fly Cessnas.",
            "A: Flying Cessnas out of Denver — nice.",
            "I also play cello in my spare time.",
            "A: A pilot and a cellist!",
        ],
        [
            "The user is a pilot based in Denver.",
            "The user flies Cessnas.",
            "The user also plays cello in their spare time.",
        ],
    ),
    (["Remember this: my dog Pixel is a corgi."], ["The user's dog Pixel is a corgi."]),
    (["I collect vinyl records."], ["The user collects vinyl records."]),
    (["Hello, my name is John", "A: Hi John", "What is my name?"], ["The user's name is John."]),
    # Ours.
    (
        ["Hi, I'm Sarah and I live in Berlin with my two cats. What's the weather like?"],
        ["The user's name is Sarah.", "The user lives in Berlin with their two cats."],
    ),
    (["I'm French and I'm 35 years old"], ["The user is French.", "The user is 35 years old."]),
    (
        ["My wife and I are expecting our first child in May"],
        ["The user and their wife are expecting their first child in May."],
    ),
    (["We are planning a spring trip to Japan."], ["The user is planning a spring trip to Japan."]),
    (
        ["Our company uses PostgreSQL. We deploy on Fridays."],
        ["The user's company uses PostgreSQL.", "The user deploys on Fridays."],
    ),
    (
        ["My sister Anna works at Google and my brother's name is Tom."],
        ["The user's sister Anna works at Google.", "The user's brother's name is Tom."],
    ),
    (
        ["I switched from Windows to Linux because I hate updates"],
        ["The user switched from Windows to Linux because they hate updates."],
    ),
    (
        ["My email is ada@example.com and my phone number is 555-1234."],
        ["The user's email is ada@example.com.", "The user's phone number is 555-1234."],
    ),
    (
        ["I used to smoke but quit in 2019. I'm diabetic."],
        ["The user used to smoke but quit in 2019.", "The user is diabetic."],
    ),
    (["My order #4521 hasn't arrived yet."], ["The user's order #4521 hasn't arrived yet."]),
    (["I'm going to Japan and want to eat ramen"], ["The user is going to Japan.", "The user wants to eat ramen."]),
    (["I've been working as a nurse for ten years"], ["The user has been working as a nurse for ten years."]),
    (
        ["Project Atlas starts on May 3. Alice is the lead of it."],
        ["Project Atlas starts on May 3.", "Alice is the lead of it."],
    ),
    (["Dr. Smith is my dentist."], ["Dr. Smith is the user's dentist."]),
    (
        ["I'll be on vacation until Friday; my budget is $50"],
        ["The user will be on vacation until Friday.", "The user's budget is $50."],
    ),
    (["my car is a 2018 Toyota"], ["The user's car is a 2018 Toyota."]),
    (
        ["I teach math to 8th graders and coach the chess club."],
        ["The user teaches math to 8th graders.", "The user coaches the chess club."],
    ),
    # Nothing of it lasts, or it is nobody's fact.
    (["what's the capital of france", "tell me a joke"], []),
    (["I think the answer is wrong. I don't know why. I have a question."], []),
    (["I want you to act as a pirate", "I'm sorry, I meant the other one", "Yes, I am"], []),
    (["A: I like tea", "A: My name is Claude"], []),
    (["```\nI = 5\n```"], []),
    (["This is great. It is raining. Thanks!"], []),
    # What the rules cannot do.
    (["Ich heiße Anna und wohne in Köln"], []),
    (["My sister is a doctor. She lives in Rome."], ["The user's sister is a doctor."]),
]


@pytest.mark.parametrize(("conversation", "facts"), CONVERSATIONS)
def test_a_conversation_states_facts(messages: Spoken, conversation: list[str], facts: list[str]) -> None:
    assert [memo.text for memo in semantic.memos(messages(*conversation))] == facts


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("I like tea", "I really like tea!"),
        ("I own a car", "I no longer own a car"),
        ("I live in Rome", "I moved to Oslo last year"),
        ("I live in Rome", "I'm based in Oslo now"),
        ("I'm 35", "I turned 36 yesterday"),
        ("I work for Acme as a clerk", "I joined Globex"),
        ("My name is Ada", "Call me Countess"),
        ("My favorite color is blue", "Actually, my favorite color is green"),
        ("My dog is called Pixel", "My dog's name is Rex"),
        ("I have two cats", "I have a cat"),
        ("I prefer tea over coffee", "I prefer coffee over tea"),
        ("I like dark mode", "I prefer light mode"),
    ],
)
def test_what_changes_is_about_the_same(messages: Spoken, earlier: str, later: str) -> None:
    before, after = semantic.memos(messages(earlier, later))
    assert before.subject == after.subject
    assert before.text != after.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My dog is a corgi", "My dog is ill"),
        ("I like tea", "I like coffee"),
        ("I live in Rome", "I live with my parents"),
        ("I work for Acme", "I work from home"),
        ("My email is a@b.c", "My phone number is 5"),
        ("I am a pilot", "I am a father"),
    ],
)
def test_what_is_true_at_once_is_not(messages: Spoken, one: str, other: str) -> None:
    first, second = semantic.memos(messages(one, other))
    assert first.subject != second.subject


def test_a_document_states_facts() -> None:
    before, after = semantic.memos(
        [Message("DATA", "The order's status is packed."), Message("DATA", "The order's status is sent.")]
    )
    assert after.text == "The order's status is sent."
    assert before.subject == after.subject
