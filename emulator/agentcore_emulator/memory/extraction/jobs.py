"""The backlog: one job for each event, or ingestion, and each strategy that is to make records of it.

A job is PENDING until it is done, when its row goes in the transaction that brings the records. So a job that was under
way when the process ended is there after the next start, and one that is done is never done again. A job that cannot be
done is FAILED, and STARTED when somebody asks for it again. Messages of an episode that is not over wait as OPEN. So do
those of a session for which no trigger of a self-managed strategy has struck; those for which one does become one job,
which is STARTED.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, or_, select, update

from agentcore_emulator.memory import namespaces, strategies, tables
from agentcore_emulator.memory.tables import extraction_jobs, memories

__all__ = [
    "FAILED",
    "OPEN",
    "PENDING",
    "STARTED",
    "Task",
    "due",
    "enqueue",
    "fail",
    "finish",
    "load",
    "messages",
    "pending",
    "postpone",
    "strike",
]

PENDING: Final = "PENDING"
STARTED: Final = "STARTED"
OPEN: Final = "OPEN"
FAILED: Final = "FAILED"

_WAITING = extraction_jobs.c.status.in_((PENDING, STARTED, OPEN))
_LONGEST_REASON = 1_000

_INSERTION = insert(extraction_jobs)
# Memories take turns, and so do actors and strategies within one, whose jobs wait for each other.
_LANE = (
    select(
        *(extraction_jobs.c[name] for name in ("key", "id", "memory_key", "strategy_key", "actor_id")),
        func.row_number()
        .over(partition_by=[extraction_jobs.c.strategy_key, extraction_jobs.c.actor_id], order_by=extraction_jobs.c.key)
        .label("turn"),
    )
    .where(_WAITING, extraction_jobs.c.due_at <= bindparam("now"))
    .subquery()
)
_TURN = func.row_number().over(partition_by=_LANE.c.memory_key, order_by=[_LANE.c.turn, _LANE.c.key])
_DUE: Select[Any] = (
    select(_LANE.c.id, _LANE.c.strategy_key, _LANE.c.actor_id).order_by(_TURN, _LANE.c.key).limit(bindparam("most"))
)
_NEXT = select(func.min(extraction_jobs.c.due_at)).where(_WAITING)
_PENDING = (
    select(extraction_jobs.c.key)
    .join(memories, memories.c.key == extraction_jobs.c.memory_key)
    .where(
        or_(memories.c.id == bindparam("memory"), memories.c.arn == bindparam("memory")),
        _WAITING,
        extraction_jobs.c.due_at <= bindparam("now"),
    )
    .limit(1)
)
# By its id: SQLite gives the key of a row that is gone to another one.
_BY_ID = select(extraction_jobs).where(extraction_jobs.c.id == bindparam("job"), _WAITING)
_STRATEGY = select(tables.strategies).where(tables.strategies.c.key == bindparam("strategy"))
_COMPANIONS = select(extraction_jobs).where(
    extraction_jobs.c.strategy_key == bindparam("strategy"),
    extraction_jobs.c.actor_id == bindparam("actor"),
    extraction_jobs.c.session_id == bindparam("session"),
    extraction_jobs.c.status.in_((OPEN, STARTED)),
)


@dataclass(frozen=True, slots=True)
class Task:
    """A job that is due, its strategy by column, and in order all `jobs` that are to be done with it.

    Those are the job and, for an episodic strategy, the ones of its session that wait for the episode's end; for a
    self-managed one, which has no `kind`, those of its session that wait for a trigger.
    """

    strategy: Mapping[str, Any]
    kind: str | None
    job: Row[Any]
    jobs: Sequence[Row[Any]]

    @property
    def ids(self) -> list[str]:
        """Of all its jobs."""
        return [job.id for job in self.jobs]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Of all its jobs, as they are stored."""
        return [message for job in self.jobs for message in job.messages]


def enqueue(
    connection: Connection,
    memory: Row[Any],
    given: Mapping[str, Any],
    *,
    event_id: str | None,
    timestamp: int,
    now: int,
    delay: int,
) -> bool:
    """Note what is to be extracted from an event; False when that is nothing.

    `memory` is a row of tables.memories, `given` the input of CreateEvent, or one that IngestData puts in its form.
    `timestamp`, `now` and `delay` are milliseconds. Conversational and `json` payloads are looked at, blobs are not,
    and nothing is when extractionMode is SKIP. A strategy whose namespace has a variable without a value is passed
    over; so is one that is not active yet. A self-managed one has no namespace; it gets the blobs too, and nothing that
    is ingested without an event. (All: AWS developer guide, long-term memory, and the botocore model.)
    """
    if given.get("extractionMode") == "SKIP":
        return False
    everything = list(messages(given["payload"], event_id))
    extracted = [message for message in everything if "blob" not in message]
    # A memory without a role has no self-managed strategy, and an event of blobs need not look for one.
    if not extracted and not (everything and "memoryExecutionRoleArn" in memory.settings):
        return False
    variables = _variables(memory, given)
    named = {"actor_id": given["actorId"], "session_id": given["sessionId"]}
    rows = []
    for strategy in strategies.active(connection, memory.key, now):
        kind = strategies.base_type(dict(strategy._mapping))
        template = strategy.namespace_template
        if kind is None:
            looked_at = everything if event_id is not None else []
        elif namespaces.fill(template, **named, strategy_id=strategy.id, variables=variables) is None:
            continue
        else:
            looked_at = [message for message in extracted if _concerns(message, kind)]
        if looked_at:
            rows.append(
                {
                    "memory_key": memory.key,
                    "strategy_key": strategy.key,
                    "id": str(uuid.uuid4()),
                    **named,
                    "messages": looked_at,
                    "timestamp": timestamp,
                    "variables": variables,
                    "metadata": {key: value["stringValue"] for key, value in (given.get("metadata") or {}).items()},
                    "status": PENDING,
                    "due_at": now + delay,
                }
            )
    if rows:
        connection.execute(_INSERTION, rows)
    return bool(rows)


def due(connection: Connection, now: int, most: int) -> tuple[Sequence[Row[Any]], int | None]:
    """Up to `most` jobs that are due, memories taking turns, and when the earliest of all is or was due.

    Those of one actor and strategy are in order.
    """
    rows = connection.execute(_DUE, {"now": now, "most": most}).all()
    next_due: int | None = connection.execute(_NEXT).scalar()
    return rows, next_due


def pending(connection: Connection, memory_id: str, now: int) -> bool:
    """Whether the memory with this id or ARN has a job that is due."""
    return connection.execute(_PENDING, {"memory": memory_id, "now": now}).first() is not None


def load(connection: Connection, job_id: str) -> Task | None:
    """What a job needs to be done; None when it needs not be done any more."""
    job = connection.execute(_BY_ID, {"job": job_id}).first()
    if job is None:
        return None
    strategy = dict(connection.execute(_STRATEGY, {"strategy": job.strategy_key}).one()._mapping)
    kind = strategies.base_type(strategy)
    jobs = [job]
    # What a trigger has struck for is delivered as it is.
    if kind == "EPISODIC" or (kind is None and job.status != STARTED):
        named = {"strategy": job.strategy_key, "actor": job.actor_id, "session": job.session_id}
        jobs += [
            one
            for one in connection.execute(_COMPANIONS, named)
            if one.id != job_id and (kind is not None or one.status == OPEN)
        ]
    return Task(strategy, kind, job, sorted(jobs, key=lambda one: one.key))


def strike(connection: Connection, task: Task, count: int, job_id: str, now: int) -> None:
    """Make one job, which is STARTED, of the first `count` messages of a task's. What is left of it goes on waiting.

    The new job comes after all earlier ones that were made so, whose turn may still be to come.
    """
    left = count
    for job in task.jobs:
        if left <= 0:
            break
        rest = job.messages[left:]
        left -= len(job.messages)
        named = extraction_jobs.c.id == job.id
        if rest:
            connection.execute(update(extraction_jobs).where(named).values(messages=rest))
        else:
            connection.execute(delete(extraction_jobs).where(named))
    copied = {name: value for name, value in task.jobs[0]._mapping.items() if name != "key"}
    struck = {"id": job_id, "messages": task.messages[:count], "status": STARTED, "due_at": now}
    connection.execute(_INSERTION, [{**copied, **struck}])


def finish(connection: Connection, ids: Sequence[str]) -> bool:
    """Remove jobs that are done; False when they are not there any more, because their memory or strategy is not."""
    return connection.execute(delete(extraction_jobs).where(extraction_jobs.c.id.in_(ids))).rowcount == len(ids)


def fail(connection: Connection, ids: Sequence[str], reason: str) -> None:
    """Leave jobs to whoever starts them again."""
    values = {"status": FAILED, "failure_reason": reason[:_LONGEST_REASON]}
    connection.execute(update(extraction_jobs).where(extraction_jobs.c.id.in_(ids)).values(values))


def postpone(connection: Connection, ids: Sequence[str], due_at: int) -> None:
    """Have jobs wait for their episode's end, or for a trigger, until `due_at` at the latest."""
    values = {"status": OPEN, "due_at": due_at}
    connection.execute(update(extraction_jobs).where(extraction_jobs.c.id.in_(ids)).values(values))


def messages(payload: Sequence[Mapping[str, Any]], event_id: str | None) -> Iterator[dict[str, Any]]:
    """The messages and blobs of an event's payload, in the form of tables.extraction_jobs; without an id, of none."""
    event = {} if event_id is None else {"eventId": event_id}
    for index, item in enumerate(payload):
        place = {**event, "messageIndex": index}
        if "json" in item:
            yield {**place, "json": item["json"]["content"]}
        elif "conversational" in item:
            said = item["conversational"]
            yield {**place, "role": said["role"], "text": said["content"]["text"]}
        else:
            yield {**place, "blob": item["blob"]}


def _concerns(message: Mapping[str, Any], kind: str) -> bool:
    """A user's preferences are looked for in what user and assistant say (AWS developer guide)."""
    return kind != "USER_PREFERENCE" or message.get("role", "USER") in ("USER", "ASSISTANT")


def _variables(memory: Row[Any], given: Mapping[str, Any]) -> dict[str, str]:
    """The values of the namespace keys that the memory declares, as far as they are valid."""
    values: Mapping[str, str] = given.get("extractionConfig", {}).get("namespaceVariables", {})
    declared = {entry["key"]: entry.get("validation", {}) for entry in memory.settings.get("namespaceKeys", ())}
    return {
        key: value
        for key, value in values.items()
        if key in declared
        and value in declared[key].get("allowedValues", [value])
        and re.fullmatch(declared[key].get("regexPattern", ".*"), value)
    }
