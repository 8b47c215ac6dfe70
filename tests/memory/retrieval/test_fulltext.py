from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, delete, insert, select

from agentcore_emulator.memory import recording
from agentcore_emulator.memory.retrieval import fulltext
from agentcore_emulator.memory.tables import memories, records
from agentcore_emulator.store import metadata


@pytest.fixture
def database(store_url: str, tmp_path: Path) -> Iterator[Connection]:
    """Of each kind, with the memories 1 and 12."""
    (tmp_path / "state").mkdir()
    engine = create_engine(store_url)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        metadata.create_all(connection)
        for key in (1, 12):
            values = {"id": f"m{key}-0123456789", "arn": f"a{key}", "name": f"m{key}", "expiry_days": 7, "settings": {}}
            times = dict.fromkeys(("created_at", "updated_at", "ready_at"), 0)
            connection.execute(insert(memories).values(key=key, **values, **times))
        yield connection
    engine.dispose()


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def put(database: Connection, text: str, namespace: str = "/a/", memory_key: int = 1) -> int:
    record_id = recording.put(
        database, memory_key, strategy_id=None, namespace=namespace, text=text, metadata=None, timestamp=0, now=0
    )
    key: int = database.execute(select(records.c.key).where(records.c.id == record_id)).scalar_one()
    return key


def test_any_of_the_words_in_any_form(database: Connection) -> None:
    one, two = put(database, "He likes sushi"), put(database, "Flying is fun")
    put(database, "nothing of it")
    assert fulltext.matching(database, 1, "/", {"like"}) == [one]
    assert sorted(fulltext.matching(database, 1, "/", {"liked", "flies", "fly"})) == [one, two]
    assert fulltext.matching(database, 1, "/", {"sush"}) == []


def test_words_of_the_query_language_are_words(database: Connection) -> None:
    key = put(database, "and or not near text scope")
    for word in ("near", "text", "scope"):
        assert fulltext.matching(database, 1, "/", {word}) == [key]
    # PostgreSQL leaves them out of its index.
    expected = [key] if database.dialect.name == "sqlite" else []
    for word in ("and", "or", "not"):
        assert fulltext.matching(database, 1, "/", {word}) == expected
    assert fulltext.matching(database, 1, "/", {"nothing", "or", "near"}) == [key]


def test_without_and_among(database: Connection) -> None:
    both, tea, milk = (put(database, text) for text in ("tea with milk", "tea", "milk"))
    assert fulltext.matching(database, 1, "/", {"tea"}, without={"milk"}) == [tea]
    assert fulltext.matching(database, 1, "/", {"tea"}, among={"milk", "honey"}) == [both]
    assert fulltext.matching(database, 1, "/", {"tea", "milk"}, without={"tea"}, among={"milk"}) == [milk]


def test_a_memory_and_a_namespace(database: Connection) -> None:
    here = put(database, "tea", "/facts/ada/")
    put(database, "tea", "/facts/adam/")
    deeper = put(database, "tea", "/facts/ada/s1/")
    put(database, "tea", "/facts/ada/", memory_key=12)
    put(database, "tea", "/1/facts/ada/", memory_key=12)
    assert sorted(fulltext.matching(database, 1, "/facts/ada/", {"tea"})) == [here, deeper]
    assert len(fulltext.matching(database, 1, "/", {"tea"})) == 3
    assert len(fulltext.matching(database, 12, "/", {"tea"})) == 2


def test_the_very_same_text(database: Connection) -> None:
    long = "word " * 500
    for text in ("I like tea", "the", 'a "quoted" text', long):
        key = put(database, text)
        assert fulltext.identical(database, 1, "/", text) == [key]
    put(database, "I like tea and more")
    put(database, "i like tea")
    put(database, long + "more")
    assert len(fulltext.identical(database, 1, "/a/", "I like tea")) == 1
    assert len(fulltext.identical(database, 1, "/a/", long)) == 1
    assert fulltext.identical(database, 1, "/b/", "I like tea") == []
    assert fulltext.identical(database, 12, "/", "I like tea") == []


def test_a_text_with_a_nul(database: Connection) -> None:
    key = put(database, "null\0inside")
    assert fulltext.identical(database, 1, "/", "null\0inside") == [key]
    assert fulltext.identical(database, 1, "/", "null") == []


def test_a_text_without_a_word_is_not_looked_for(database: Connection) -> None:
    put(database, "?")
    for text in ("?", "\0", ""):
        assert fulltext.identical(database, 1, "/", text) == []


def test_the_index_follows_the_records(database: Connection) -> None:
    key = put(database, "tea")
    recording.change(database, key, {"text": "coffee"}, 1)
    assert fulltext.matching(database, 1, "/", {"tea"}) == []
    assert fulltext.matching(database, 1, "/", {"coffee"}) == [key]
    recording.change(database, key, {"namespace": "/b/"}, 1)
    assert fulltext.matching(database, 1, "/a/", {"coffee"}) == []
    assert fulltext.matching(database, 1, "/b/", {"coffee"}) == [key]
    recording.remove(database, key, 1)
    assert fulltext.matching(database, 1, "/", {"coffee"}) == []
    put(database, "tea")
    database.execute(delete(memories))
    assert fulltext.matching(database, 1, "/", {"tea"}) == []
    if database.dialect.name == "sqlite":
        database.exec_driver_sql("INSERT INTO record_words(record_words) VALUES ('integrity-check')")


def test_what_is_undone_is_not_indexed(database: Connection) -> None:
    database.exec_driver_sql("SAVEPOINT one")
    put(database, "tea")
    database.exec_driver_sql("ROLLBACK TO one")
    assert fulltext.matching(database, 1, "/", {"tea"}) == []
    key = put(database, "tea")
    assert fulltext.matching(database, 1, "/", {"tea"}) == [key]


@on_sqlite
def test_records_that_are_older_than_the_index_are_in_it(database: Connection) -> None:
    for kind, name in (
        ("TABLE", "record_words"),
        ("VIEW", "record_texts"),
        ("TRIGGER", "record_words_insert"),
        ("TRIGGER", "record_words_delete"),
        ("TRIGGER", "record_words_update"),
    ):
        database.exec_driver_sql(f"DROP {kind} {name}")
    key = put(database, "tea")
    fulltext.create(database)
    assert fulltext.matching(database, 1, "/", {"tea"}) == [key]
    fulltext.create(database)
    assert fulltext.matching(database, 1, "/", {"tea"}) == [key]
