"""State in a PostgreSQL database, for whoever shares one emulator's memory, or keeps no files.

One emulator at a time has a database. It holds an advisory lock (postgresql.org, "Explicit Locking", 13.3.5) on the
connection that it writes with: a connection that breaks takes lock and transaction with it, so nothing is ever
committed without the lock. The next write connects and locks anew.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from agentcore_emulator.store import schema
from agentcore_emulator.store.database import READERS, Database
from agentcore_emulator.store.errors import StoreError

try:
    import psycopg
    from psycopg import errors
    from psycopg.pq import TransactionStatus
except ImportError as error:
    raise StoreError(
        "A store in PostgreSQL needs its driver, which is not installed: "
        "install the emulator as agentcore-emulator[postgresql]"
    ) from error

__all__ = ["PostgreSQL"]

_ELSEWHERE = "choose another database with --store"

# Unless the URL says otherwise: how long a server that does not answer is waited for (libpq's parameters; seconds, the
# last one milliseconds).
_PATIENCE: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# Whose locks these are; any number that no other program uses.
_SPACE: Final = int.from_bytes(b"AgCE")

# A killed emulator's connection ends a moment after it, or once the server has noticed that its machine is gone.
_LOCK: Final = f"""
SET LOCAL lock_timeout = '2s';
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_lock({_SPACE}, hashtext(coalesce(current_schema(), '')));
"""

# What can go wrong with a server, by SQLSTATE or its class (postgresql.org, "PostgreSQL Error Codes"), and what its
# owner can do about it. Every other error is a mistake in the statement that raised it.
_REMEDIES: Final = {
    "08": "try again when the server is up",
    "25006": "make it writable",
    "28": "give the right user and password",
    "3D000": "create it first, with ENCODING 'UTF8'",
    "3F000": "create the schema that its search_path names",
    "42501": "let its user create and change tables",
    "53100": "free some space on the server's disk",
    "53300": "let the server have more connections",
    "53": "give the server more of what it lacks",
    "55P03": "end the other program that has locked it",
    "57014": "raise its statement_timeout",
    "57P": "try again when the server is up",
    "58": "see that the server's disk is sound",
    "XX": "see that the server's disk is sound",
}

# libpq tells no SQLSTATE of a connection that was not made. Servers may speak another language, and then the last
# remedy is all there is.
_UNCONNECTED: Final = (
    (re.compile("password"), _REMEDIES["28"]),
    (re.compile("role .* does not exist|no pg_hba.conf entry|authentication failed"), _REMEDIES["28"]),
    (re.compile("database .* does not exist"), _REMEDIES["3D000"]),
    (re.compile("too many (clients|connections)|remaining connection slots"), _REMEDIES["53300"]),
    (re.compile(""), "start its server, or correct the URL of --store"),
)


class PostgreSQL(Database):
    """The database at `url`, whose tables are in the first schema of its search_path."""

    def __init__(self, url: URL, place: str) -> None:
        self.place = place
        self._password = url.password
        url = url.set(drivername="postgresql+psycopg")
        arguments = {
            **{name: value for name, value in _PATIENCE.items() if name not in url.query},
            "application_name": "agentcore-emulator",
            "client_encoding": "utf8",
        }
        # A connection is tried before it is used, as the server may have been started anew since.
        self.writing = create_engine(url, connect_args=arguments, pool_size=1, max_overflow=0, pool_pre_ping=True)
        self.reading = create_engine(
            url,
            connect_args=arguments,
            pool_size=READERS,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
        )
        event.listen(self.writing, "connect", self._own)
        try:
            with self.writer() as connection:
                schema.bring_up(connection, f"The {self.place}", _ELSEWHERE)
        except BaseException:
            self.close()
            raise

    def failure(self, error: Exception) -> StoreError | None:
        """The words are the server's own, without what could be a password."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(cause, "sqlstate", None) or ""
        remedy = next((_REMEDIES[key] for key in (state, state[:3], state[:2]) if key in _REMEDIES), None)
        said = " ".join(str(cause).split())
        if not state and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            remedy = next(remedy for pattern, remedy in _UNCONNECTED if pattern.search(said))
        if remedy is None:
            return None
        if self._password:
            said = said.replace(self._password, "***")
        failure = StoreError(f"The {self.place} cannot be used ({said}): {remedy}")
        failure.__cause__ = error
        return failure

    def in_transaction(self, connection: Connection) -> bool:
        """Also in one that a failed statement has left with nothing but ROLLBACK TO."""
        status = connection.connection.dbapi_connection.info.transaction_status  # type: ignore[union-attr]
        return status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def close(self) -> None:
        """End the connections, and with them the lock."""
        self.reading.dispose()
        self.writing.dispose()

    def _own(self, connection: psycopg.Connection[Any], _: object) -> None:
        """Take the database for this process by its new connection."""
        try:
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise StoreError(f"The {self.place} is encoded in {encoding}: {_ELSEWHERE}, with ENCODING 'UTF8'")
            connection.execute(_LOCK)
            connection.commit()
        except errors.LockNotAvailable as error:
            connection.close()
            raise StoreError(
                f"The {self.place} is in use by another emulator: stop that one, or {_ELSEWHERE}"
            ) from error
        except BaseException:
            connection.close()
            raise
