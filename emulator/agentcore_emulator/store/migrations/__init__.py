"""From older versions of the tables to this one, by Alembic. Its `env.py` is beside this file."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["config", "upgrade"]


def config(connection: Connection) -> Config:
    """Alembic's configuration, for work on `connection`."""
    settings = Config()
    # By the name of the package, so that it is found wherever that is installed.
    settings.set_main_option("script_location", __name__.replace(".", ":", 1).replace(".", "/"))
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database to `revision`, within the transaction that `connection` is in.

    On SQLite foreign keys must be off.
    """
    command.upgrade(config(connection), revision)
