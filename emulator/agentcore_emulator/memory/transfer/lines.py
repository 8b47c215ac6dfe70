"""The lines of an export: which members each kind has, and how a row becomes one.

Members are named as AgentCore's API names them, and the lines are in this order: the export's own, and for each memory
its own, its strategies', then for each session its own, its branches' and its events', and at last the records'. Each
line says by ids where it belongs. Two exports of the same state are the same to the byte.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Column, Row, Table

from agentcore_emulator.memory import tables
from agentcore_emulator.wire import body

__all__ = [
    "BRANCH",
    "EVENT",
    "FORMAT",
    "MEMORY",
    "RECORD",
    "SESSION",
    "STRATEGY",
    "VERSION",
    "Kind",
    "TransferError",
    "head",
]

#: By which a file is known.
FORMAT: Final = "agentcore-emulator memory"
#: Raised when a file of before could be misunderstood.
VERSION: Final = 1

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)

_Form = Literal["text", "count", "time", "object", "list"]
_FORMS: Final[Mapping[_Form, str]] = {
    "text": "a string",
    "count": "a whole number",
    "time": "a time such as 2026-01-31T12:00:00.000Z",
    "object": "a JSON object",
    "list": "a JSON list",
}


class TransferError(Exception):
    """Memories cannot be exported or imported; the message is one sentence that says why, and in which line."""


@dataclass(frozen=True)
class Kind:
    """What one kind of line has: members that say `where` it belongs, and others that are columns of `table`."""

    name: str
    table: Table
    where: tuple[str, ...]
    members: Mapping[str, tuple[Column[Any], _Form]]
    #: Members that a line may lack although their columns may not be NULL; the import knows better.
    optional: tuple[str, ...] = ()

    def write(self, where: Mapping[str, str], row: Row[Any], **more: Any) -> bytes:
        """The line of a row, which has the columns that `members` names, with `more` members unless they are empty."""
        line: dict[str, Any] = {"kind": self.name, **{member: where[member] for member in self.where}}
        for member, (column, form) in self.members.items():
            value = row._mapping[column]
            if value is not None:
                line[member] = _written_time(value) if form == "time" else value
        return body.dump({**line, **{name: value for name, value in more.items() if value}}) + b"\n"

    def read(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a parsed line, by column. Raises `TransferError` for a line that is not as it must be."""
        known = {"kind", *self.where, *self.members}
        if strange := next((member for member in line if member not in known), None):
            raise TransferError(f"a line of kind {self.name} has no member {strange!r}")
        for member in self.where:
            if not isinstance(line.get(member), str):
                raise TransferError(f"{member} of a line of kind {self.name} must be {_FORMS['text']}")
        values = {}
        for member, (column, form) in self.members.items():
            if member in line:
                try:
                    values[column.name] = _read(line[member], form)
                except ValueError:
                    raise TransferError(f"{member} of a line of kind {self.name} must be {_FORMS[form]}") from None
            elif not column.nullable and member not in self.optional:
                raise TransferError(f"a line of kind {self.name} must have the member {member!r}")
        return values


MEMORY: Final = Kind(
    "memory",
    tables.memories,
    (),
    {
        "id": (tables.memories.c.id, "text"),
        "arn": (tables.memories.c.arn, "text"),
        "name": (tables.memories.c.name, "text"),
        "eventExpiryDuration": (tables.memories.c.expiry_days, "count"),
        "settings": (tables.memories.c.settings, "object"),
        "clientTokenDigest": (tables.memories.c.token, "text"),
        "createdAt": (tables.memories.c.created_at, "time"),
        "updatedAt": (tables.memories.c.updated_at, "time"),
    },
)

STRATEGY: Final = Kind(
    "strategy",
    tables.strategies,
    ("memoryId",),
    {
        "strategyId": (tables.strategies.c.id, "text"),
        "name": (tables.strategies.c.name, "text"),
        "type": (tables.strategies.c.type, "text"),
        "namespaceTemplate": (tables.strategies.c.namespace_template, "text"),
        "configuration": (tables.strategies.c.configuration, "object"),
        "settings": (tables.strategies.c.settings, "object"),
        "createdAt": (tables.strategies.c.created_at, "time"),
        "updatedAt": (tables.strategies.c.updated_at, "time"),
    },
)

SESSION: Final = Kind(
    "session",
    tables.sessions,
    ("memoryId", "actorId", "sessionId"),
    {
        "createdAt": (tables.sessions.c.created_at, "time"),
        "keepUntil": (tables.sessions.c.keep_until, "time"),
    },
    optional=("keepUntil",),
)

BRANCH: Final = Kind(
    "branch",
    tables.branches,
    ("memoryId", "actorId", "sessionId"),
    {
        "name": (tables.branches.c.name, "text"),
        "parent": (tables.branches.c.parent, "text"),
        "rootEventId": (tables.branches.c.root_event_id, "text"),
    },
)

EVENT: Final = Kind(
    "event",
    tables.events,
    ("memoryId", "actorId", "sessionId"),
    {
        "eventId": (tables.events.c.event_id, "text"),
        "eventTimestamp": (tables.events.c.timestamp, "time"),
        "expiresAt": (tables.events.c.expires_at, "time"),
        "branch": (tables.events.c.branch, "text"),
        "payload": (tables.events.c.payload, "list"),
        "metadata": (tables.events.c.metadata, "object"),
        "clientTokenDigest": (tables.events.c.token, "text"),
    },
    optional=("expiresAt",),
)

RECORD: Final = Kind(
    "record",
    tables.records,
    ("memoryId",),
    {
        "memoryRecordId": (tables.records.c.id, "text"),
        "memoryStrategyId": (tables.records.c.strategy_id, "text"),
        "namespace": (tables.records.c.namespace, "text"),
        "text": (tables.records.c.text, "text"),
        "recordType": (tables.records.c.kind, "text"),
        "subject": (tables.records.c.subject, "text"),
        "metadata": (tables.records.c.metadata, "object"),
        "timestamp": (tables.records.c.timestamp, "time"),
        "createdAt": (tables.records.c.created_at, "time"),
        "updatedAt": (tables.records.c.updated_at, "time"),
        "expiresAt": (tables.records.c.expires_at, "time"),
    },
)


def head(*, whole: bool) -> dict[str, Any]:
    """The export's own line, the first one; `whole` unless sessions were chosen from memories."""
    return {"kind": "export", "format": FORMAT, "version": VERSION, "whole": whole}


def _written_time(milliseconds: int) -> str:
    try:
        moment = _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:
        raise TransferError("there are times after the year 9999 in it, which cannot be written") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(value: Any, form: _Form) -> Any:
    match form:
        case "text" if isinstance(value, str):
            return value
        case "count" if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31:
            return value
        case "time" if isinstance(value, str):
            moment = dt.datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError(value)
            return (moment - _EPOCH) // _MILLISECOND
        case "object" if isinstance(value, dict):
            return value
        case "list" if isinstance(value, list):
            return value
    raise ValueError(value)
