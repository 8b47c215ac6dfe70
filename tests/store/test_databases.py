from __future__ import annotations

from pathlib import Path

import pytest

from agentcore_emulator.store import Store, open_database, place


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////srv/state.db", "state file /srv/state.db"),
        ("postgresql+psycopg://ada:secret@db.test:5433/notes", "database notes at db.test:5433"),
        ("postgresql://db.test/notes?password=secret", "database notes at db.test"),
        ("postgresql:///notes?host=/run/postgresql", "database notes at /run/postgresql"),
        ("postgresql:///notes", "database notes at this machine"),
        ("postgresql:///notes?host=a.test&host=b.test", "database notes at a.test, b.test"),
    ],
)
def test_places_in_words(url: str, words: str) -> None:
    assert place(url) == words


async def test_a_path_is_taken_literally(tmp_path: Path) -> None:
    file = tmp_path / "a b?c%20d#ü" / "state.db"
    await Store(f"sqlite:///{file}").close()
    assert file.parent.is_dir()
    assert {entry.name for entry in file.parent.iterdir()} == {"state.db", "state.db.lock"}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///relative.db", "absolute path"),
        ("mysql://ada:secret@h/d", "starts with sqlite:/// or postgresql"),
        ("postgresql://ada@h:secret/d", "is not postgresql\\+psycopg://user:password@host:port/database"),
    ],
)
def test_other_urls_are_refused_and_not_repeated(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        open_database(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
