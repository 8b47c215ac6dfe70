"""What a self-managed strategy's pipeline gets: an object in its bucket, and a notification that says where.

Both have the form that the AWS developer guide shows ("Understanding payload delivery"). The job's id, the object's key
and time stamps in milliseconds, which are whole seconds there, were observed: awslabs/amazon-bedrock-agentcore-samples,
the notebook of the culinary assistant with citations. What `json` payloads look like was found nowhere.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select

from agentcore_emulator.memory.extraction import jobs
from agentcore_emulator.memory.extraction.jobs import Task
from agentcore_emulator.memory.extraction.self_managed import triggers
from agentcore_emulator.memory.tables import events, memories, sessions

__all__ = ["Parcel", "moment", "pack"]

# Events that are looked through for earlier messages, of which at most 50 are wanted.
_MOST_EVENTS = 200

_MEMORY = select(memories.c.arn, memories.c.id).where(memories.c.key == bindparam("memory"))
_FIRST = events.alias()
# What the session has up to the event of the first message. Those of one moment are in the order in which they came.
_EARLIER: Select[Any] = (
    select(events.c.event_id, events.c.payload)
    .join(sessions, sessions.c.key == events.c.session_key)
    .where(
        sessions.c.memory_key == bindparam("memory"),
        sessions.c.actor_id == bindparam("actor"),
        sessions.c.session_id == bindparam("session"),
        events.c.expires_at > bindparam("now"),
        or_(
            events.c.timestamp < bindparam("start"),
            and_(
                events.c.timestamp == bindparam("start"),
                events.c.key
                <= select(_FIRST.c.key)
                .where(_FIRST.c.session_key == events.c.session_key, _FIRST.c.event_id == bindparam("event"))
                .scalar_subquery(),
            ),
        ),
    )
    .order_by(events.c.timestamp.desc(), events.c.key.desc())
    .limit(_MOST_EVENTS)
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery of a job, which has the same key and notification whenever it is tried again.

    `number` is a UUID, and `region` where the bucket is.
    """

    number: str
    session_id: str
    region: str
    bucket: str
    key: str
    body: bytes
    topic_arn: str
    notification: str


def pack(connection: Connection, task: Task, now: int) -> Parcel | None:
    """What is to be delivered of a job that a trigger of its strategy has struck for; None when its memory is gone."""
    job = task.job
    memory = connection.execute(_MEMORY, {"memory": job.memory_key}).first()
    if memory is None:
        return None
    region, account = memory.arn.split(":")[3:5]
    configuration = task.strategy["configuration"]["selfManagedConfiguration"]
    invocation = configuration["invocationConfiguration"]
    bucket, strategy_id = invocation["payloadDeliveryBucketName"], task.strategy["id"]
    said = sorted(job.messages, key=moment)
    history = _history(connection, task, said, now, configuration["historicalContextWindowSize"])
    payload = {
        "jobId": job.id,
        "requestId": str(uuid.uuid4()),
        "accountId": account,
        "memoryId": memory.id,
        "actorId": job.actor_id,
        "sessionId": job.session_id,
        "strategyId": strategy_id,
        "startingTimestamp": moment(said[0]),
        "endingTimestamp": moment(said[-1]),
        "currentContext": [_item(one) for one in said],
        "historicalContext": [_item(one) for one in history],
    }
    key = f"{job.id}.json"
    notification = {
        "jobId": job.id,
        "s3PayloadLocation": f"s3://{bucket}/{key}",
        "memoryId": memory.id,
        "strategyId": strategy_id,
    }
    return Parcel(
        number=job.id.rpartition("_")[2],
        session_id=job.session_id,
        region=region,
        bucket=bucket,
        key=key,
        body=json.dumps(payload).encode(),
        topic_arn=invocation["topicArn"],
        notification=json.dumps(notification),
    )


def moment(message: Mapping[str, Any]) -> int:
    """When it was said, in milliseconds, which its event's id begins with."""
    return int(message["eventId"].partition("#")[0])


def _history(
    connection: Connection, task: Task, said: Sequence[Mapping[str, Any]], now: int, most: int
) -> Sequence[Mapping[str, Any]]:
    """The last `most` messages of the session before what was `said`, in order, and the blobs among them."""
    if most == 0:
        return []
    first = said[0]
    named = {"memory": task.job.memory_key, "actor": task.job.actor_id, "session": task.job.session_id}
    where = {"start": moment(first), "event": first["eventId"], "now": now}
    current = {(message["eventId"], message["messageIndex"]) for message in said}
    found: list[Mapping[str, Any]] = []
    for message in _backwards(connection.execute(_EARLIER, {**named, **where})):
        event_id, index = message["eventId"], message["messageIndex"]
        if (event_id, index) in current or (event_id == first["eventId"] and index > first["messageIndex"]):
            continue
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
