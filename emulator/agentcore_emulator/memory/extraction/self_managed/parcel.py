"""What a self-managed strategy's pipeline gets: an object in its bucket, and a notification that says where.

Both have the form that the AWS developer guide shows ("Understanding payload delivery"). It shows time stamps of ten
digits, yet pipelines that were written for AWS take the numbers for milliseconds (that of AWS's samples among them), so
milliseconds they are. Under which key AWS puts an object, and what becomes of `json` payloads, was found nowhere.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from agentcore_emulator.memory.extraction import jobs
from agentcore_emulator.memory.extraction.jobs import Task
from agentcore_emulator.memory.extraction.self_managed import triggers
from agentcore_emulator.memory.tables import events, memories, sessions

__all__ = ["Parcel", "pack"]

# Events that are looked through for earlier messages, of which at most 50 are wanted.
_MOST_EVENTS = 200

_ARN = select(memories.c.arn, memories.c.id).where(memories.c.key == bindparam("memory"))
_EARLIER: Select[Any] = (
    select(events.c.event_id, events.c.timestamp, events.c.payload)
    .join(sessions, sessions.c.key == events.c.session_key)
    .where(
        sessions.c.memory_key == bindparam("memory"),
        sessions.c.actor_id == bindparam("actor"),
        sessions.c.session_id == bindparam("session"),
        events.c.expires_at > bindparam("now"),
        events.c.timestamp <= bindparam("start"),
    )
    .order_by(events.c.timestamp.desc(), events.c.key.desc())
    .limit(_MOST_EVENTS)
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery of a job, which has the same key and notification whenever it is tried again."""

    job_id: str
    session_id: str
    region: str
    bucket: str
    key: str
    body: bytes
    topic_arn: str
    notification: str


def pack(connection: Connection, task: Task, now: int) -> Parcel | None:
    """What is to be delivered of a task of a self-managed strategy; None when its memory is gone."""
    memory = connection.execute(_ARN, {"memory": task.job.memory_key}).first()
    if memory is None:
        return None
    region, account = memory.arn.split(":")[3:5]
    configuration = task.strategy["configuration"]["selfManagedConfiguration"]
    invocation = configuration["invocationConfiguration"]
    bucket, strategy_id, job_id = invocation["payloadDeliveryBucketName"], task.strategy["id"], task.jobs[0].id
    said = sorted(task.messages, key=_moment)
    start, end = _moment(said[0]), _moment(said[-1])
    history = _history(connection, task, start, now, configuration["historicalContextWindowSize"])
    payload = {
        "jobId": job_id,
        "requestId": str(uuid.uuid4()),
        "accountId": account,
        "memoryId": memory.id,
        "actorId": task.job.actor_id,
        "sessionId": task.job.session_id,
        "strategyId": strategy_id,
        "startingTimestamp": start,
        "endingTimestamp": end,
        "currentContext": [_item(one) for one in said],
        "historicalContext": [_item(one) for one in history],
    }
    key = f"{memory.id}/{strategy_id}/{job_id}.json"
    notification = {
        "jobId": job_id,
        "s3PayloadLocation": f"s3://{bucket}/{key}",
        "memoryId": memory.id,
        "strategyId": strategy_id,
    }
    return Parcel(
        job_id=job_id,
        session_id=task.job.session_id,
        region=region,
        bucket=bucket,
        key=key,
        body=json.dumps(payload).encode(),
        topic_arn=invocation["topicArn"],
        notification=json.dumps(notification),
    )


def _moment(message: Mapping[str, Any]) -> int:
    """When it was said, in milliseconds, which its event's id begins with."""
    return int(message["eventId"].partition("#")[0])


def _history(connection: Connection, task: Task, start: int, now: int, most: int) -> Sequence[Mapping[str, Any]]:
    """The last `most` messages of the session before this one's first, in order, and the blobs among them."""
    if most == 0:
        return []
    current = {message["eventId"] for message in task.messages}
    named = {"memory": task.job.memory_key, "actor": task.job.actor_id, "session": task.job.session_id}
    rows = connection.execute(_EARLIER, {**named, "start": start, "now": now})
    found: list[Mapping[str, Any]] = []
    for message in _backwards(row for row in rows if row.event_id not in current):
        found.append(message)
        most -= triggers.counts(message)
        if most == 0:
            break
    return found[::-1]


def _backwards(rows: Iterable[Row[Any]]) -> Iterable[Mapping[str, Any]]:
    for row in rows:
        yield from reversed(list(jobs.messages(row.payload, row.event_id)))


def _item(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as pipelines see it. A blob is a text there, so one that is none becomes its JSON."""
    if "text" in message:
        return {"role": message["role"], "content": {"text": message["text"]}}
    if "blob" in message:
        blob = message["blob"]
        return {"blob": blob if isinstance(blob, str) else json.dumps(blob, ensure_ascii=False)}
    return {"json": {"content": message["json"]}}
