"""Reading what the control plane keeps. Each function is to be called within a transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from agentcore_emulator.errors import ConflictException, ResourceNotFoundException
from agentcore_emulator.runtime.control.tables import endpoints, runtimes, versions

__all__ = [
    "default_version",
    "digest",
    "find",
    "find_endpoint",
    "find_version",
    "newest",
    "no_runtime",
    "of",
    "pinned",
    "refuse_another",
    "refuse_while_busy",
]


def find(connection: Connection, runtime_id: str) -> Row[Any]:
    """The row of a runtime. Raises ResourceNotFoundException."""
    row = connection.execute(select(runtimes).where(runtimes.c.id == runtime_id)).first()
    if row is None:
        raise no_runtime(runtime_id)
    return row


def no_runtime(runtime_id: str) -> ResourceNotFoundException:
    """For the id of nothing."""
    return ResourceNotFoundException(f"No agent runtime found with id {runtime_id}")


def of(connection: Connection, runtime: Row[Any]) -> Sequence[Row[Any]]:
    """The versions of a runtime, the newest first. There is always one."""
    query = select(versions).where(versions.c.runtime_key == runtime.key).order_by(versions.c.number.desc())
    return connection.execute(query).all()


def newest(connection: Connection, runtime: Row[Any]) -> Row[Any]:
    """The version whose status is the runtime's."""
    return of(connection, runtime)[0]


def find_version(connection: Connection, runtime: Row[Any], number: str | int) -> Row[Any]:
    """One version. Raises ResourceNotFoundException."""
    query = select(versions).where(versions.c.runtime_key == runtime.key, versions.c.number == int(number))
    row = connection.execute(query).first()
    if row is None:
        raise ResourceNotFoundException(f"No version {number} found of agent runtime {runtime.id}")
    return row


def default_version(connection: Connection, runtime: Row[Any]) -> int | None:
    """The number of the version behind DEFAULT: the newest that came up (AWS developer guide, "versioning")."""
    return next((row.number for row in of(connection, runtime) if row.status == "READY"), None)


def pinned(connection: Connection, runtime: Row[Any]) -> set[int]:
    """The numbers of the versions that endpoints lead to, DEFAULT among them."""
    query = select(endpoints.c.version).where(endpoints.c.runtime_key == runtime.key, endpoints.c.deleting.is_(False))
    default = default_version(connection, runtime)
    return {*connection.execute(query).scalars(), *([] if default is None else [default])}


def find_endpoint(connection: Connection, runtime: Row[Any], name: str) -> Row[Any]:
    """An endpoint that is not DEFAULT. Raises ResourceNotFoundException."""
    query = select(endpoints).where(endpoints.c.runtime_key == runtime.key, endpoints.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        raise ResourceNotFoundException(f"No endpoint {name} found of agent runtime {runtime.id}")
    return row


def refuse_while_busy(runtime: Row[Any], version: Row[Any], action: str) -> None:
    """Raise ConflictException unless the runtime, of which `version` is the newest, is in a terminal status.

    AWS developer guide, "How it works".
    """
    status = "DELETING" if runtime.deleting is not None else version.status
    if status in ("CREATING", "UPDATING", "DELETING"):
        raise ConflictException(f"Agent runtime {runtime.id} is {status}; {action} it when that is over")


def digest(given: Mapping[str, Any]) -> str:
    """By which a request is known again, apart from its clientToken."""
    rest = {name: value for name, value in given.items() if name != "clientToken"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def refuse_another(row: Row[Any], given: Mapping[str, Any]) -> None:
    """Raise ConflictException if `given` is not the request that made `row`, although it has its clientToken."""
    if row.request != digest(given):
        raise ConflictException("The clientToken has been used for another request; use a new one")
