"""Branches of a session: where a new event goes, and which events a branch shows.

A session starts on the branch `main`. Another branch is made by the first event that names it, which must also name an
event of the session, the root, from which it forks (AWS developer guide, "Create an event", Event branching). The live
service refuses a new branch without a root, labels events without a branch `main`, and lists a branch with its parents
up to and including the roots, nested forks included and siblings not (observed by users of the live service, 2025-26).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, literal, or_, select

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.tables import branches, events

__all__ = ["MAIN", "in_branch", "place"]

MAIN = "main"


def place(
    connection: Connection, memory_key: int, session_key: int, given: Mapping[str, Any] | None
) -> tuple[str, str | None]:
    """Name and root event id of the branch that a new event belongs to. Makes the branch when it is new.

    `given` is the request's `Branch`: `{"name", "rootEventId"?}`; none means main, which has no root. What has expired
    must have been purged before.
    Raises ValidationException when a new branch has no root or one that the session does not have, and when a branch
    that exists is given another root than it has.
    """
    if given is None:
        return MAIN, None
    name: str = given["name"]
    root: str | None = given.get("rootEventId")
    if name == MAIN:
        if root is not None:
            raise _refused("the branch main has no root event")
        return MAIN, None
    known = connection.execute(
        select(branches.c.root_event_id).where(branches.c.session_key == session_key, branches.c.name == name)
    ).scalar()
    if known is not None:
        if root not in (None, known):
            raise _refused(f"the branch {name} exists and its root event is {known}")
        return name, known
    if root is None:
        raise _refused(f"the branch {name} does not exist, and a new branch needs a rootEventId")
    parent = _branch_of(connection, memory_key, session_key, root)
    connection.execute(insert(branches).values(session_key=session_key, name=name, parent=parent, root_event_id=root))
    return name, root


def in_branch(session_key: int, name: str, *, include_parents: bool) -> ColumnElement[bool]:
    """The condition on `events` that `ListEvents` with a branch filter puts: events of the branch `name` of a session.

    With `include_parents`, also those of the branch it forked from, up to the root event, and so on up to main.
    """
    if not include_parents:
        return events.c.branch == name
    # Branches, each with the last event id that it shows; no limit for the branch itself.
    id_ = branches.c.name.type
    own = select(literal(name, id_).label("name"), literal(None, id_).label("last"))
    # Materialized, or SQLite walks the lineage anew for every event.
    lineage = own.cte("lineage", recursive=True).prefix_with("MATERIALIZED")
    lineage = lineage.union_all(
        select(branches.c.parent, branches.c.root_event_id).where(
            branches.c.session_key == session_key, branches.c.name == lineage.c.name
        )
    )
    return (
        select(lineage.c.name)
        .where(lineage.c.name == events.c.branch, or_(lineage.c.last.is_(None), events.c.event_id <= lineage.c.last))
        .exists()
    )


def _branch_of(connection: Connection, memory_key: int, session_key: int, root: str) -> str:
    """The branch on which the root event lies."""
    found = select(events.c.branch).where(events.c.event_id == root)
    parent = connection.execute(found.where(events.c.session_key == session_key)).scalar()
    if parent is not None:
        return str(parent)
    if connection.execute(found.where(events.c.memory_key == memory_key)).first() is not None:
        raise _refused(f"the root event {root} is in another session", reason="EventInOtherSession")
    raise _refused(f"the session has no event {root}")


def _refused(why: str, reason: str = "FieldValidationFailed") -> ValidationException:
    return ValidationException(f"Invalid branch: {why}", reason=reason, fields=[("branch", why)])
