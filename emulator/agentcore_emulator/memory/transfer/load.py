"""From lines to a store."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory import ids, recording
from agentcore_emulator.memory.branches import MAIN
from agentcore_emulator.memory.memories import PURGE
from agentcore_emulator.memory.namespaces import normalized
from agentcore_emulator.memory.tables import DAY, branches, event_metadata, events, memories, sessions, strategies
from agentcore_emulator.memory.transfer.lines import (
    BRANCH,
    EVENT,
    FORMAT,
    MEMORY,
    RECORD,
    SESSION,
    STRATEGY,
    VERSION,
    TransferError,
)
from agentcore_emulator.wire import body
from agentcore_emulator.wire.request import Request
from agentcore_emulator.wire.service import load as load_service

__all__ = ["load"]

_EVENT_ID = re.compile(r"([0-9]{19})#[0-9a-f]{8}")


def load(
    connection: Connection, lines: Iterable[bytes], *, replace: bool, renew: bool, now: int
) -> collections.Counter[str]:
    """Add what the lines of an export hold, within the transaction that `connection` is in, and count it by kind.

    A memory that is there already is refused, or with `replace` makes way with all that is in it. Of an export of
    chosen sessions a memory that is there stays as it is, and the same holds for its sessions instead. With `renew`,
    expiry is counted from `now`, in milliseconds, as if everything had been written then; what has expired by then is
    counted as "expired". Raises `TransferError`, upon which the transaction must not be committed.
    """
    loading = _Load(connection, replace=replace, renew=renew, now=now)
    number = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            loading.line(_parsed(line))
        except TransferError as error:
            raise TransferError(f"line {number}: {error}") from error.__cause__
        except ValidationException as error:
            raise TransferError(f"line {number}: {error.message}") from error
        except IntegrityError as error:
            raise TransferError(f"line {number}: there is one with this id or clientToken already") from error
        except DataError as error:
            raise TransferError(f"line {number}: the database cannot hold it ({error.orig})") from error
    loading.finish()
    if not number:
        raise TransferError("there is no line in it")
    return loading.counts


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return body.parse(line)
    except ValueError as error:
        raise TransferError(f"it {error}") from None


class _Load:
    """Where a load has got to: the memory and the session to which lines belong, by their last lines."""

    def __init__(self, connection: Connection, *, replace: bool, renew: bool, now: int) -> None:
        self._connection = connection
        self._replace = replace
        self._renew = renew
        self._now = now
        self._whole: bool | None = None
        self._memory: Row[Any] | None = None
        self._memories: set[str] = set()
        # Whether the memory was there before.
        self._there = False
        self._session: _Session | None = None
        # Digests, as there may be very many. Only who replaces sessions might replace one that has just come.
        self._sessions: set[int] = set()
        self.counts: collections.Counter[str] = collections.Counter()
        connection.execute(PURGE, {"now": now})

    def line(self, line: Mapping[str, Any]) -> None:
        kind = line.get("kind")
        if self._whole is None:
            self._whole = _whole(line)
            return
        match kind:
            case "memory":
                self._add_memory(MEMORY.read(line))
            case "strategy":
                self._add_strategy(line, STRATEGY.read(line))
            case "session":
                self._add_session(line, SESSION.read(line))
            case "branch":
                self._add_branch(line, BRANCH.read(line))
            case "event":
                self._add_event(line, EVENT.read(line))
            case "record":
                own = {member: value for member, value in line.items() if member != "indexedKeys"}
                self._add_record(line, RECORD.read(own))
            case _:
                raise TransferError(f"{kind!r} is no kind of line that this version knows")
        self.counts[str(kind)] += 1

    def finish(self) -> None:
        """See to it that the last session stays as long as its events do."""
        if self._session is None:
            return
        if self._session.needed_until > self._session.keep_until:
            mine = sessions.c.key == self._session.key
            self._connection.execute(update(sessions).where(mine).values(keep_until=self._session.needed_until))
        self._session = None

    def _add_memory(self, values: dict[str, Any]) -> None:
        self.finish()
        given = {"name": values["name"], "eventExpiryDuration": values["expiry_days"]}
        _validate("bedrock-agentcore-control", "CreateMemory", {}, given)
        for name in (values["id"], values["arn"]):
            ids.check_memory_id(name)
        if values["arn"].rpartition("/")[2] != values["id"]:
            raise TransferError(f"the arn {values['arn']!r} is not that of the memory {values['id']}")
        if values["id"] in self._memories:
            raise TransferError(f"the memory {values['id']} has had a line before")
        self._memories.add(values["id"])
        there = self._find_memory(values["id"])
        self._there = there is not None
        if self._there and self._whole:
            if not self._replace:
                raise TransferError(f"the memory {values['id']} is there already; --replace puts this one in its place")
            self._connection.execute(delete(memories).where(memories.c.id == values["id"]))
            self._there = False
        elif there is not None and there.gone_at is not None:
            raise TransferError(f"the memory {values['id']} is being deleted")
        if not self._there:
            same = select(memories.c.id).where(memories.c.name == values["name"])
            if (other := self._connection.execute(same).scalar()) is not None:
                raise TransferError(f"the name {values['name']} is that of another memory, {other}")
            self._connection.execute(insert(memories), {**values, "ready_at": values["created_at"]})
        self._memory = self._find_memory(values["id"])

    def _find_memory(self, memory_id: str) -> Row[Any] | None:
        return self._connection.execute(select(memories).where(memories.c.id == memory_id)).first()

    def _add_strategy(self, line: Mapping[str, Any], values: dict[str, Any]) -> None:
        memory = self._memory_of(line)
        if not self._there:
            more = {"memory_key": memory.key, "ready_at": values["created_at"]}
            self._connection.execute(insert(strategies), {**values, **more})

    def _add_session(self, line: Mapping[str, Any], values: dict[str, Any]) -> None:
        self.finish()
        memory = self._memory_of(line)
        named = {"memory_key": memory.key, "actor_id": line["actorId"], "session_id": line["sessionId"]}
        self._make_way(named)
        if self._renew or "keep_until" not in values:
            values["keep_until"] = self._now + (memory.expiry_days + 1) * DAY
        key = self._connection.execute(insert(sessions).returning(sessions.c.key), {**named, **values}).scalar_one()
        self._session = _Session(key, line["actorId"], line["sessionId"], values["keep_until"])

    def _make_way(self, named: Mapping[str, Any]) -> None:
        what = f"the session {named['session_id']} of {named['actor_id']}"
        digest = hash(tuple(named.values()))
        if self._replace:
            if digest in self._sessions:
                raise TransferError(f"{what} has had a line before")
            self._sessions.add(digest)
        mine = [sessions.c[column] == value for column, value in named.items()]
        if self._replace:
            self._connection.execute(delete(sessions).where(*mine))
        elif self._connection.execute(select(sessions.c.key).where(*mine)).first() is not None:
            raise TransferError(f"{what} is there already; --replace puts this one in its place")

    def _add_branch(self, line: Mapping[str, Any], values: dict[str, Any]) -> None:
        session = self._session_of(line)
        # So there is no way round in circles, and none that leads nowhere.
        if values["parent"] not in session.branches:
            raise TransferError(f"the branch {values['parent']}, from which it forks, has no line before it")
        self._connection.execute(insert(branches), {**values, "session_key": session.key})
        session.branches.add(values["name"])

    def _add_event(self, line: Mapping[str, Any], values: dict[str, Any]) -> None:
        session = self._session_of(line)
        memory = self._memory_of(line)
        metadata: Mapping[str, Any] = values.get("metadata") or {}
        given = {
            "actorId": session.actor,
            "sessionId": session.name,
            "eventTimestamp": values["timestamp"] / 1000,
            "payload": values["payload"],
            "branch": {"name": values["branch"]},
            "metadata": {name: {"stringValue": value} for name, value in metadata.items()},
        }
        _validate("bedrock-agentcore", "CreateEvent", {"memoryId": memory.id}, given)
        match = _EVENT_ID.fullmatch(values["event_id"])
        if match is None or int(match[1]) != values["timestamp"]:
            raise TransferError(
                f"the eventId {values['event_id']!r} is not the eventTimestamp in 19 digits of milliseconds, # and 8 "
                "hexadecimal digits"
            )
        if values["branch"] not in session.branches:
            raise TransferError(f"the branch {values['branch']}, on which it is, has no line before it")
        if self._renew or "expires_at" not in values:
            values["expires_at"] = self._now + memory.expiry_days * DAY
        self.counts["expired"] += values["expires_at"] <= self._now
        more = {"memory_key": memory.key, "session_key": session.key}
        row = {"metadata": None, "token": None, **values, **more}
        key = self._connection.execute(insert(events).returning(events.c.key), row).scalar_one()
        if metadata:
            indexed = [{"event_key": key, "name": name, "value": value} for name, value in metadata.items()]
            self._connection.execute(insert(event_metadata), indexed)
        session.needed_until = max(session.needed_until, values["expires_at"] + DAY)

    def _add_record(self, line: Mapping[str, Any], values: dict[str, Any]) -> None:
        memory = self._memory_of(line)
        if not self._whole:
            raise TransferError("an export of chosen sessions has no records")
        given = {
            "requestIdentifier": "1",
            "namespaces": [values["namespace"]],
            "content": {"text": values["text"]},
            "timestamp": values["timestamp"] / 1000,
            **({"metadata": values["metadata"]} if values.get("metadata") else {}),
            **({"memoryStrategyId": values["strategy_id"]} if "strategy_id" in values else {}),
        }
        path = {"memoryId": memory.id, "memoryRecordId": values["id"]}
        _validate("bedrock-agentcore", "GetMemoryRecord", path, {})
        _validate("bedrock-agentcore", "BatchCreateMemoryRecords", path, {"records": [given]})
        if normalized(values["namespace"]) != values["namespace"]:
            raise TransferError(f"the namespace {values['namespace']!r} must have one slash at either end")
        if values["kind"] not in ("BASE", "REFLECTION"):
            raise TransferError(f"recordType {values['kind']!r} is neither BASE nor REFLECTION")
        keys = line.get("indexedKeys", [])
        if not isinstance(keys, list) or not set(map(str, keys)) <= set(values.get("metadata", ())):
            raise TransferError("indexedKeys must be a list of keys of the metadata")
        expires_at = values.get("expires_at")
        if self._renew and expires_at is not None:
            expires_at += self._now - values["created_at"]
        self.counts["expired"] += expires_at is not None and expires_at <= self._now
        row = {"strategy_id": None, "subject": None, "metadata": None, **values, "expires_at": expires_at}
        recording.restore(self._connection, memory.key, row, keys)

    def _memory_of(self, line: Mapping[str, Any]) -> Row[Any]:
        if self._memory is None or self._memory.id != line["memoryId"]:
            raise TransferError(f"it is of the memory {line['memoryId']}, which is not the last one before it")
        return self._memory

    def _session_of(self, line: Mapping[str, Any]) -> _Session:
        self._memory_of(line)
        session = self._session
        if session is None or (session.actor, session.name) != (line["actorId"], line["sessionId"]):
            what = f"the session {line['sessionId']} of {line['actorId']}"
            raise TransferError(f"it is of {what}, which is not the last one before it")
        return session


class _Session:
    def __init__(self, key: int, actor: str, name: str, keep_until: int) -> None:
        self.key = key
        self.actor = actor
        self.name = name
        self.keep_until = keep_until
        self.needed_until = keep_until
        self.branches = {MAIN}


def _whole(line: Mapping[str, Any]) -> bool:
    """What the first line says of the others."""
    if line.get("kind") != "export" or line.get("format") != FORMAT:
        raise TransferError("it is not the first line of an export of memories")
    if line.get("version") != VERSION:
        raise TransferError(f"the export is of version {line.get('version')}, and this emulator reads {VERSION}")
    if not isinstance(line.get("whole"), bool):
        raise TransferError("whole must be true or false")
    return bool(line["whole"])


def _validate(service: str, operation: str, path: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Nothing comes in that the API would not have taken. Raises `ValidationException`."""
    load_service(service).operation(operation).parse(Request(path, (), {}, body.dump(given)))
