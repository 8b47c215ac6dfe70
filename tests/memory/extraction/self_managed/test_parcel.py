"""What a pipeline gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, select

from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.memory.extraction import jobs, self_managed
from agentcore_emulator.memory.extraction.self_managed import Parcel, pack
from agentcore_emulator.memory.tables import extraction_jobs
from agentcore_emulator.store import Store

if TYPE_CHECKING:
    from .conftest import Pipeline

Texts = Callable[[list[dict[str, Any]]], list[str]]
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def test_a_notification_and_its_object(pipeline: Pipeline) -> None:
    pipeline.create(messages=2)
    (strategy,) = pipeline.strategies
    pipeline.say("Hello", actorId="team:ada/1")
    answer = [{"conversational": {"role": "ASSISTANT", "content": {"text": "¡Olé \U0001f600!"}}}]
    pipeline.say(payload=answer, actorId="team:ada/1", metadata={"topic": {"stringValue": "greetings"}})
    (notification,) = pipeline.notified()
    job = notification["jobId"]
    assert re.fullmatch(rf"{pipeline.memory}/{strategy}/team:ada/1/s/1700000000000_{UUID}", job)
    assert notification == {
        "jobId": job,
        "s3PayloadLocation": f"s3://{pipeline.name}/{job}.json",
        "memoryId": pipeline.memory,
        "strategyId": strategy,
    }
    stored = pipeline.s3.get_object(Bucket=pipeline.name, Key=f"{job}.json")
    assert stored["ContentType"] == "application/json"
    payload = json.loads(stored["Body"].read())
    assert re.fullmatch(UUID, payload.pop("requestId"))
    assert payload == {
        "jobId": job,
        "accountId": "123456789012",
        "memoryId": pipeline.memory,
        "actorId": "team:ada/1",
        "sessionId": "s",
        "strategyId": strategy,
        "startingTimestamp": 1_700_000_000_000,
        "endingTimestamp": 1_700_000_001_000,
        "currentContext": [
            {"role": "USER", "content": {"text": "Hello"}},
            {"role": "ASSISTANT", "content": {"text": "¡Olé \U0001f600!"}},
        ],
        "historicalContext": [],
    }


def test_roles_and_documents(pipeline: Pipeline) -> None:
    pipeline.create(messages=5)
    roles = ("USER", "ASSISTANT", "TOOL", "OTHER")
    spoken = [{"conversational": {"role": role, "content": {"text": "x"}}} for role in roles]
    pipeline.say(payload=[*spoken, {"blob": [1, "é"]}, {"json": {"content": {"city": "Rome"}}}])
    (payload,) = pipeline.delivered()
    assert payload["currentContext"] == [
        *({"role": role, "content": {"text": "x"}} for role in roles),
        {"blob": '[1, "é"]'},
        {"json": {"content": {"city": "Rome"}}},
    ]


def test_the_conversation_is_in_the_order_in_which_it_was_said(pipeline: Pipeline) -> None:
    pipeline.create(messages=3)
    pipeline.say("b", "c", eventTimestamp=20)
    pipeline.say("a", eventTimestamp=10)
    (payload,) = pipeline.delivered()
    assert [item["content"]["text"] for item in payload["currentContext"]] == ["a", "b", "c"]
    assert (payload["startingTimestamp"], payload["endingTimestamp"]) == (10_000, 20_000)


@pytest.mark.parametrize(
    ("history", "expected"), [(0, []), (1, ["d"]), (3, ["b", "c", "d"]), (4, list("abcd")), (9, list("abcd"))]
)
def test_the_last_messages_before_are_history(
    pipeline: Pipeline, texts_of: Texts, history: int, expected: list[str]
) -> None:
    pipeline.create(messages=2, history=history)
    pipeline.say("a")
    pipeline.say("elsewhere", "else", session="other")
    pipeline.say("b")
    pipeline.say("c", "d")
    pipeline.delivered()
    pipeline.say("e", "f")
    (payload,) = pipeline.delivered()
    assert texts_of(payload["historicalContext"]) == expected
    assert texts_of(payload["currentContext"]) == ["e", "f"]


def test_history_ends_where_the_conversation_begins_within_an_event(pipeline: Pipeline, texts_of: Texts) -> None:
    pipeline.create(messages=3, history=2)
    for pair in ("ab", "cd", "ef"):
        pipeline.say(*pair)
    first, second = pipeline.delivered()
    assert (texts_of(first["historicalContext"]), texts_of(first["currentContext"])) == ([], ["a", "b", "c"])
    assert (texts_of(second["historicalContext"]), texts_of(second["currentContext"])) == (["b", "c"], ["d", "e", "f"])


def test_events_of_one_moment_are_history_in_the_order_in_which_they_came(pipeline: Pipeline, texts_of: Texts) -> None:
    pipeline.create(messages=2)
    for text in "abcdefgh":
        pipeline.say(text, eventTimestamp=1)
    payloads = pipeline.delivered()
    assert [texts_of(each["currentContext"]) for each in payloads] == [list("ab"), list("cd"), list("ef"), list("gh")]
    assert [texts_of(each["historicalContext"]) for each in payloads] == [[], list("ab"), list("abcd"), list("cdef")]


def test_blobs_among_earlier_messages_are_history_too(pipeline: Pipeline) -> None:
    pipeline.create(messages=2, history=1)
    pipeline.say(payload=[{"blob": "before"}])
    pipeline.say("a")
    pipeline.say(payload=[{"blob": "between"}])
    pipeline.say("b")
    pipeline.say(payload=[{"blob": "after"}])
    pipeline.delivered()
    pipeline.emulator.clock.advance(20)
    (payload,) = pipeline.delivered()
    assert payload["currentContext"] == [{"blob": "after"}]
    assert payload["historicalContext"] == [{"role": "USER", "content": {"text": "b"}}]
    pipeline.say("c", "d")
    (payload,) = pipeline.delivered()
    assert payload["historicalContext"] == [{"role": "USER", "content": {"text": "b"}}, {"blob": "after"}]


def test_what_is_deleted_is_no_history(pipeline: Pipeline, texts_of: Texts) -> None:
    pipeline.create(messages=2)
    for text in "ab":
        event = pipeline.say(text)
    pipeline.delivered()
    pipeline.data.delete_event(memoryId=pipeline.memory, actorId="ada", sessionId="s", eventId=event)
    pipeline.say("c")
    pipeline.data.delete_event(memoryId=pipeline.memory, actorId="ada", sessionId="s", eventId=pipeline.say("d", "e"))
    first, *_ = pipeline.delivered()
    # What waits is not taken back, as records are not when their event is deleted.
    assert (texts_of(first["historicalContext"]), texts_of(first["currentContext"])) == (["a"], ["c", "d"])


async def test_on_each_kind_of_database(plane: MemoryPlane, store: Store, texts_of: Texts) -> None:
    configuration = {
        "triggerConditions": [{"messageBasedTrigger": {"messageCount": 3}}],
        "historicalContextWindowSize": 2,
        "invocationConfiguration": {
            "topicArn": "arn:aws:sns:us-east-1:123456789012:jobs",
            "payloadDeliveryBucketName": "payloads",
        },
    }
    strategy = {"name": "Own", "configuration": {"selfManagedConfiguration": configuration}}
    given = {
        "name": "notes",
        "eventExpiryDuration": 7,
        "memoryExecutionRoleArn": "arn:aws:iam::123456789012:role/memory",
        "memoryStrategies": [{"customMemoryStrategy": strategy}],
    }
    memory = (await plane.operations["CreateMemory"](given))["memory"]["id"]
    for texts in ("ab", "cd", "efg"):
        payload = [{"conversational": {"role": "USER", "content": {"text": text}}} for text in texts]
        event = {"memoryId": memory, "actorId": "ada", "sessionId": "s", "eventTimestamp": 1.0, "payload": payload}
        await plane.operations["CreateEvent"](event)
    now = 2_000_000_000_000

    def packed(connection: Connection) -> list[Parcel | None]:
        ids = select(extraction_jobs.c.id).order_by(extraction_jobs.c.key)
        for job_id in connection.execute(ids).scalars().all():
            self_managed.wait(connection, job_id, now)
        started = connection.execute(ids.where(extraction_jobs.c.status == jobs.STARTED)).scalars().all()
        tasks = [jobs.load(connection, job_id) for job_id in started]
        return [pack(connection, task, 2_000) for task in tasks if task is not None]

    parcels = await store.write(packed)
    payloads = [json.loads(parcel.body) for parcel in parcels if parcel is not None]
    assert [texts_of(payload["currentContext"]) for payload in payloads] == [["a", "b", "c"], ["d", "e", "f"]]
    assert [texts_of(payload["historicalContext"]) for payload in payloads] == [[], ["b", "c"]]
