"""Durable state: one SQLite file or one PostgreSQL database, one thread that writes to it, a few that read.

Planes declare their tables on `metadata` when they are imported, which must be before a `Store` is opened. Statements
are SQLAlchemy's, in what both kinds of database have in common.
"""

from agentcore_emulator.store.databases import open_database, place
from agentcore_emulator.store.errors import StoreError
from agentcore_emulator.store.schema import SCHEMA_VERSION, metadata
from agentcore_emulator.store.store import Store

__all__ = ["SCHEMA_VERSION", "Store", "StoreError", "metadata", "open_database", "place"]
