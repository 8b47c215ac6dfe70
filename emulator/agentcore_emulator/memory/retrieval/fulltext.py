"""The full-text index of the records: SQLite's FTS5, or PostgreSQL's text search.

The one part of the plane that the two databases do not share. Both stem English words, SQLite's by Porter's algorithm
and PostgreSQL's by Snowball's, and both keep the index by themselves whenever a record is written or goes, with
whatever it belonged to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Select, event, select, text

from agentcore_emulator.memory.namespaces import below
from agentcore_emulator.memory.tables import records
from agentcore_emulator.store import metadata

__all__ = ["create", "identical", "matching"]

# `scope` is a memory's key and a namespace in one, "12/facts/ada/". What lies below a path begins with it as a phrase.
_SQLITE: Final = (
    "CREATE VIEW record_texts AS SELECT key, memory_key || namespace AS scope, text FROM records",
    """
    CREATE VIRTUAL TABLE record_words
    USING fts5(scope, text, content='record_texts', content_rowid='key', tokenize='porter unicode61')
    """,
    """
    CREATE TRIGGER record_words_insert AFTER INSERT ON records BEGIN
        INSERT INTO record_words(rowid, scope, text) VALUES (new.key, new.memory_key || new.namespace, new.text);
    END
    """,
    """
    CREATE TRIGGER record_words_delete AFTER DELETE ON records BEGIN
        INSERT INTO record_words(record_words, rowid, scope, text)
        VALUES ('delete', old.key, old.memory_key || old.namespace, old.text);
    END
    """,
    """
    CREATE TRIGGER record_words_update AFTER UPDATE OF namespace, text ON records BEGIN
        INSERT INTO record_words(record_words, rowid, scope, text)
        VALUES ('delete', old.key, old.memory_key || old.namespace, old.text);
        INSERT INTO record_words(rowid, scope, text) VALUES (new.key, new.memory_key || new.namespace, new.text);
    END
    """,
    # Of records that are there already.
    "INSERT INTO record_words(record_words) VALUES ('rebuild')",
)
_POSTGRESQL: Final = (
    """
    ALTER TABLE records
    ADD COLUMN IF NOT EXISTS words tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED
    """,
    "CREATE INDEX IF NOT EXISTS ix_records_words ON records USING gin (words)",
    "CREATE INDEX IF NOT EXISTS ix_records_text ON records USING hash (text)",
)

_FIND: Final = "SELECT rowid FROM record_words WHERE record_words MATCH ?"
_FIND_IDENTICAL: Final = text(
    "SELECT key FROM record_words JOIN records ON key = record_words.rowid"
    " WHERE record_words MATCH :query AND records.text = :text"
)
# This function takes any text for a query: words in quotes, with OR between them.
_HAS: Final = "records.words @@ websearch_to_tsquery('english', :{})"

# Characters of a text by which it is looked up.
_BEGINNING: Final = 200


def create(connection: Connection) -> None:
    """Make the index, if it is not there."""
    if connection.dialect.name == "sqlite":
        made = "SELECT 1 FROM sqlite_master WHERE name = 'record_words'"
        statements: Sequence[str] = () if connection.exec_driver_sql(made).first() else _SQLITE
    else:
        statements = _POSTGRESQL
    for statement in statements:
        connection.exec_driver_sql(statement)


@event.listens_for(metadata, "after_create")
def _created(_: MetaData, connection: Connection, **more: Any) -> None:
    create(connection)


def matching(
    connection: Connection,
    memory_key: int,
    path: str,
    words: Collection[str],
    *,
    without: Collection[str] = (),
    among: Collection[str] = (),
) -> Sequence[int]:
    """Keys of a memory's records below the normalized namespace `path` with any of `words`, in any of their forms.

    With `without`, not of those that have one of these; with `among`, only of those that have one of these as well.
    Words are of letters and digits alone.
    """
    if connection.dialect.name == "sqlite":
        query = f"({_scope(memory_key, path)} AND text : ({_any(words)})"
        query += f" AND text : ({_any(among)}))" if among else ")"
        query += f" NOT text : ({_any(without)})" if without else ""
        # Past SQLAlchemy's rows: there may be tens of thousands.
        cursor = connection.exec_driver_sql(_FIND, (query,)).cursor
        assert cursor is not None
        return [key for (key,) in cursor.fetchall()]
    conditions = [text(_HAS.format("words")).bindparams(words=_any(words))]
    if among:
        conditions.append(text(_HAS.format("among")).bindparams(among=_any(among)))
    if without:
        conditions.append(text(f"NOT {_HAS.format('without')}").bindparams(without=_any(without)))
    return connection.scalars(_below(memory_key, path).where(*conditions)).all()


def identical(connection: Connection, memory_key: int, path: str, wanted: str) -> Sequence[int]:
    """Keys of a memory's records below the normalized namespace `path` whose text is `wanted`.

    None if that is a text without any word.
    """
    if not any(map(str.isalnum, wanted)):
        return []
    if connection.dialect.name == "sqlite":
        # The index finds texts that begin so. One of a few words or of the whole text would do, but not a cut-off word.
        beginning = _quoted(wanted if len(wanted) <= _BEGINNING else wanted[:_BEGINNING].rpartition(" ")[0])
        query = f"{_scope(memory_key, path)} AND text : ^ {beginning}"
        return connection.scalars(_FIND_IDENTICAL, {"query": query, "text": wanted}).all()
    return connection.scalars(_below(memory_key, path).where(records.c.text == wanted)).all()


def _below(memory_key: int, path: str) -> Select[int]:
    return select(records.c.key).where(records.c.memory_key == memory_key, below(records.c.namespace, path))


def _scope(memory_key: int, path: str) -> str:
    return f"scope : ^ {_quoted(f'{memory_key}{path}')}"


def _any(words: Collection[str]) -> str:
    return " OR ".join(map(_quoted, sorted(words)))


def _quoted(phrase: str) -> str:
    return '"{}"'.format(phrase.replace('"', '""').replace("\0", " "))
