"""From memos to memory records: their namespace, metadata and expiry."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from agentcore_emulator.memory import namespaces, recording, strategies
from agentcore_emulator.memory.extraction.extractor import Known, Memo
from agentcore_emulator.memory.extraction.jobs import Task
from agentcore_emulator.memory.tables import DAY, records

__all__ = ["inferred", "keep", "known"]

# botocore model, `MemoryContentText`.
_LONGEST_TEXT = 16_000
# Subjects are indexed, after namespace and actor, and an entry of PostgreSQL's has room for 2,700 bytes.
_LONGEST_SUBJECT = 200
# AWS developer guide, metadata on long-term memory: so many keys are copied from the event.
_MOST_COPIED = 3
_LONGEST_ITEM = 64


def keep(connection: Connection, task: Task, memos: Sequence[Memo], now: int) -> None:
    """Make records of the memos of a task, or change those that are about the same."""
    days = task.strategy["settings"].get("recordExpiryDurationDays")
    for memo in memos:
        namespace = _namespace(task, reflections=memo.reflection)
        if namespace is None:
            continue
        recording.put(
            connection,
            task.job.memory_key,
            strategy_id=task.strategy["id"],
            namespace=namespace,
            text=memo.text[:_LONGEST_TEXT],
            kind="REFLECTION" if memo.reflection else "BASE",
            metadata={**memo.metadata, **_copied(task, reflections=memo.reflection)} or None,
            timestamp=task.jobs[-1].timestamp,
            now=now,
            expires_at=None if days is None else now + days * DAY,
            subject=_subject(task, memo.subject),
        )


def known(connection: Connection, task: Task, prefix: str, *, reflections: bool, limit: int) -> Sequence[Known]:
    """What earlier memos of the task's actor, whose subjects begin with `prefix`, have left; the last changed first."""
    namespace = _namespace(task, reflections=reflections)
    if namespace is None:
        return []
    first = f"{task.job.actor_id} {prefix}"
    query = (
        select(records.c.subject, records.c.text)
        .where(
            records.c.memory_key == task.job.memory_key,
            records.c.strategy_id == task.strategy["id"],
            records.c.namespace == namespace,
            records.c.kind == ("REFLECTION" if reflections else "BASE"),
            records.c.subject >= first,
            records.c.subject < f"{first}\U0010ffff",
        )
        .order_by(records.c.updated_at.desc(), records.c.key.desc())
        .limit(limit)
    )
    strip = len(task.job.actor_id) + 1
    return [Known(row.subject[strip:], row.text) for row in connection.execute(query)]


def _namespace(task: Task, *, reflections: bool) -> str | None:
    template = strategies.reflection_template(task.strategy) if reflections else task.strategy["namespace_template"]
    if template is None:
        return None
    return namespaces.fill(
        template,
        actor_id=task.job.actor_id,
        session_id=task.job.session_id,
        strategy_id=task.strategy["id"],
        variables=task.job.variables,
    )


def _subject(task: Task, subject: str) -> str:
    """A namespace can be shared by actors, of whom the same may not be true."""
    if len(subject) > _LONGEST_SUBJECT:
        subject = hashlib.sha256(subject.encode()).hexdigest()
    return f"{task.job.actor_id} {subject}"


def inferred(task: Task, *, reflections: bool) -> Sequence[Mapping[str, Any]]:
    """The entries of the metadata schema whose values only a model can find."""
    return [
        entry
        for entry in _schema(task, reflections=reflections)
        if "extractionConfig" in entry and not _is_copied(entry)
    ]


def _schema(task: Task, *, reflections: bool) -> Sequence[Mapping[str, Any]]:
    """The `metadataSchema` of the strategy's records, or of its reflections."""
    holder = task.strategy["settings"]
    if reflections:
        reflection: Mapping[str, Any] = next(
            iter((task.strategy["configuration"] or {}).get("reflection", {}).values()), {}
        )
        holder = reflection.get("episodicReflectionOverride", reflection)
    entries: Sequence[Mapping[str, Any]] = holder.get("memoryRecordSchema", {}).get("metadataSchema", ())
    return entries


def _copied(task: Task, *, reflections: bool) -> dict[str, Any]:
    """The event's own metadata, for the keys whose extraction is STRICTLY_CONSISTENT, each in the type of its key."""
    keys = [entry for entry in _schema(task, reflections=reflections) if _is_copied(entry)]
    values = {key["key"]: _value(key.get("type", "STRING"), task.jobs[-1].metadata.get(key["key"], "")) for key in keys}
    present = {key: value for key, value in values.items() if value is not None}
    return dict(list(present.items())[:_MOST_COPIED])


def _is_copied(entry: Mapping[str, Any]) -> bool:
    return entry.get("extractionType") == "STRICTLY_CONSISTENT"


def _value(kind: str, text: str) -> dict[str, Any] | None:
    """The `MemoryRecordMetadataValue`; None for a text that is no such value."""
    if not text:
        return None
    if kind == "STRINGLIST":
        return {"stringListValue": [text[:_LONGEST_ITEM]]}
    if kind == "NUMBER":
        try:
            number = float(text)
        except ValueError:
            return None
        return {"numberValue": number} if math.isfinite(number) else None
    return {"stringValue": text}
