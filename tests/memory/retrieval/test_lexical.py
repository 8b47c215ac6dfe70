from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert

from agentcore_emulator.memory import recording
from agentcore_emulator.memory.retrieval.lexical import ByWords
from agentcore_emulator.memory.tables import memories, records
from agentcore_emulator.store import metadata

WORDS = st.sampled_from(
    ["sushi", "Sushi", "tuna", "eat", "food", "the", "I", "like", "Berlin", "live", "zebra", "é", "?"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def database() -> Iterator[Connection]:
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        values = {"id": "m-0123456789", "arn": "a", "name": "m", "expiry_days": 7, "settings": {}}
        times = dict.fromkeys(("created_at", "updated_at", "ready_at"), 0)
        connection.execute(insert(memories).values(key=1, **values, **times))
        yield connection


async def scores(database: Connection, question: str, texts: Sequence[str]) -> list[tuple[str, float]]:
    """The texts that have to do with the question, with their scores, in order."""
    database.execute(delete(records))
    for text in texts:
        recording.put(database, 1, strategy_id=None, namespace="/", text=text, metadata=None, timestamp=0, now=0)
    ranked = await ByWords().prepare(1)
    found = list(ranked(database, "/", (), question))
    by_key = {row.key: row.text for row in database.execute(records.select())}
    return [(by_key[key], score) for key, score in found]


async def score(database: Connection, question: str, text: str) -> float:
    return dict(await scores(database, question, [text])).get(text, 0.0)


@given(TEXTS, st.lists(TEXTS, max_size=5))
async def test_what_scores_are(database: Connection, question: str, texts: list[str]) -> None:
    found = await scores(database, question, texts)
    assert await scores(database, question, texts) == found
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)
    for text, value in found:
        assert 0 < value <= 1
        if any(character.isalnum() for character in question):
            assert (value == 1) == (text == question)
        # A score says nothing of other records.
        assert await score(database, question, text) == value
    assert len(found) <= len(texts)


@given(TEXTS, TEXTS)
async def test_more_of_the_question_scores_no_less(database: Connection, question: str, text: str) -> None:
    assume(f"zebra {text}" != question)
    less = await score(database, question, f"zebra {text}")
    assert await score(database, question, f"zebra {text} {question} zebra") >= less


@pytest.mark.parametrize(
    ("question", "text", "least", "most"),
    [
        # One telling word in common, in a long question.
        ("Hello! I wonder whether you could recommend some sushi for the party of my colleague on Friday",
         "I like sushi", 0.3, 0.7),
        ("What do I like to eat?", "I like sushi with tuna", 0.7, 0.9),
        ("sushi", "I like sushi with tuna", 0.8, 0.99),
        ("Does he like SUSHI?", "likes sushi", 0.8, 0.99),
        # A related word counts less than the word itself.
        ("food", "sushi", 0.5, 0.8),
        ("sushi", "food", 0.3, 0.6),
        # Only a word in common that says little.
        ("I like my new car", "I like sushi", 0.05, 0.2),
        # Nothing in common, or nothing that says anything.
        ("sushi", "pizza", 0, 0),
        ("What is it that the user has?", "What the user has is a zebra", 0, 0),
    ],
)  # fmt: skip
async def test_how_much_words_count(database: Connection, question: str, text: str, least: float, most: float) -> None:
    assert least <= await score(database, question, text) <= most


async def test_all_forms_of_a_word_are_one(database: Connection) -> None:
    for text in ("He runs", "running shoes", "a run"):
        assert await score(database, "run", text) > 0.7
    assert await score(database, "cafe", "Café au lait") > 0.7


async def test_a_long_question_is_looked_at_by_its_first_words(database: Connection) -> None:
    many = " ".join(f"w{number}" for number in range(1000))
    assert await score(database, many, "w3") > 0.3
    assert await score(database, many, "w900") == 0
    assert await score(database, many, many) == 1


async def test_weak_words_order_what_telling_words_find(database: Connection) -> None:
    texts = [f"sushi {number}" for number in range(120)]
    found = await scores(database, "I like sushi", [*texts, "I like tuna", "I like the sushi of Berlin"])
    assert found[0][0] == "I like the sushi of Berlin"
    assert "I like tuna" not in dict(found)
    assert "I like tuna" in dict(await scores(database, "I like sushi", [*texts[:5], "I like tuna"]))
