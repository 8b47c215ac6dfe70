"""What keeps retrieval in step with the records, in the transaction that writes them.

The full-text index needs no word from here: the database keeps it (see `fulltext`). Vectors are made later, outside of
the transaction (see `vectors`), of the records that this module notes.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from agentcore_emulator.memory.tables import record_vectors, unembedded

__all__ = ["added", "changed"]

_KNOWN = select(unembedded.c.record_key).where(unembedded.c.record_key == bindparam("key"))
_FORGET = delete(record_vectors).where(record_vectors.c.record_key == bindparam("key"))
_NOTE = insert(unembedded)


def added(connection: Connection, key: int) -> None:
    """A record was made."""
    connection.execute(_NOTE, {"record_key": key})


def changed(connection: Connection, key: int) -> None:
    """The text of a record is another one."""
    connection.execute(_FORGET, {"key": key})
    if connection.execute(_KNOWN, {"key": key}).first() is None:
        connection.execute(_NOTE, {"record_key": key})
