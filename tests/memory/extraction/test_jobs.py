"""What becomes a job. Nothing is done here: the worker has not been started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from agentcore_emulator.memory.extraction import jobs, self_managed
from agentcore_emulator.memory.tables import extraction_jobs, milliseconds, strategies

FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
SELF_MANAGED = {
    "customMemoryStrategy": {
        "name": "Own",
        "configuration": {
            "selfManagedConfiguration": {
                "invocationConfiguration": {"topicArn": "arn:aws:sns:us-east-1:1:t", "payloadDeliveryBucketName": "b"}
            }
        },
    }
}
ROLE = "arn:aws:iam::123456789012:role/r"


async def backlog(bench: Any) -> list[Any]:
    query = (
        select(extraction_jobs, strategies.c.name.label("strategy"))
        .join(strategies, strategies.c.key == extraction_jobs.c.strategy_key)
        .order_by(extraction_jobs.c.key)
    )
    rows: list[Any] = await bench.store.read(lambda c: c.execute(query).all())
    return rows


async def test_an_event_is_a_job_for_each_strategy(bench: Any, strategies: Sequence[dict[str, Any]]) -> None:
    await bench.create(*strategies)
    event = await bench.say("I like tea", "A: Noted")
    rows = await backlog(bench)
    assert [row.strategy for row in rows] == ["Facts", "Likes", "Summary", "Episodes"]
    assert {(row.actor_id, row.session_id, row.status) for row in rows} == {("ada", "s", "PENDING")}
    assert len({row.id for row in rows}) == 4
    assert rows[0].messages == [
        {"eventId": event["eventId"], "messageIndex": 0, "role": "USER", "text": "I like tea"},
        {"eventId": event["eventId"], "messageIndex": 1, "role": "ASSISTANT", "text": "Noted"},
    ]


async def test_a_repeated_token_makes_no_second_job(bench: Any) -> None:
    await bench.create(FACTS)
    for _ in range(2):
        await bench.say("I like tea", clientToken="t")
    assert len(await backlog(bench)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"extractionMode": "SKIP"},
        {"payload": []},
        {"payload": [{"blob": "I like tea"}]},
    ],
)
async def test_some_events_are_not_extracted(bench: Any, more: dict[str, Any]) -> None:
    await bench.create(FACTS)
    await bench.say("I like tea", **more)
    assert await backlog(bench) == []


async def test_documents_are_and_blobs_beside_them_are_not(bench: Any) -> None:
    await bench.create(FACTS)
    await bench.say(payload=[{"blob": "b"}, {"json": {"content": {"city": "Rome"}}}])
    (row,) = await backlog(bench)
    assert [{name: one[name] for name in ("messageIndex", "json")} for one in row.messages] == [
        {"messageIndex": 1, "json": {"city": "Rome"}}
    ]


async def test_preferences_are_looked_for_in_what_user_and_assistant_say(bench: Any) -> None:
    await bench.create({"userPreferenceMemoryStrategy": {"name": "Likes"}})
    said = [
        {"conversational": {"role": role, "content": {"text": role}}} for role in ("TOOL", "USER", "OTHER", "ASSISTANT")
    ]
    await bench.say(payload=said)
    await bench.say(payload=[said[0]])
    (row,) = await backlog(bench)
    assert [one["text"] for one in row.messages] == ["USER", "ASSISTANT"]


async def test_a_strategy_that_is_not_active_yet_does_not_extract(bench: Any) -> None:
    await bench.create()
    await bench.say("I like tea")
    assert await backlog(bench) == []
    await bench.call("UpdateMemory", memoryStrategies={"addMemoryStrategies": [FACTS]})
    assert await backlog(bench) == []
    await bench.say("I like tea")
    assert len(await backlog(bench)) == 1


async def test_a_self_managed_strategy_gets_everything(bench: Any) -> None:
    await bench.create(SELF_MANAGED, FACTS, memoryExecutionRoleArn=ROLE)
    said = [
        {"conversational": {"role": "TOOL", "content": {"text": "t"}}},
        {"blob": {"a": 1}},
        {"json": {"content": [1]}},
    ]
    await bench.say(payload=said)
    await bench.say(payload=[said[1]])
    await bench.say(payload=[])
    rows = await backlog(bench)
    assert [row.strategy for row in rows] == ["Own", "Facts", "Own"]
    assert [{**one, "eventId": ""} for one in rows[0].messages] == [
        {"eventId": "", "messageIndex": 0, "role": "TOOL", "text": "t"},
        {"eventId": "", "messageIndex": 1, "blob": {"a": 1}},
        {"eventId": "", "messageIndex": 2, "json": [1]},
    ]
    assert [one["messageIndex"] for one in rows[1].messages] == [0, 2]


async def test_a_self_managed_strategy_gets_nothing_that_is_ingested(bench: Any) -> None:
    await bench.create(SELF_MANAGED, memoryExecutionRoleArn=ROLE)
    payload = [{"conversational": {"role": "USER", "content": {"text": "a"}}}]
    await bench.call("IngestData", actorId="ada", contentTimestamp=1, source={"inline": {"payload": payload}})
    assert await backlog(bench) == []


async def wait(bench: Any) -> None:
    """Look at every job as the worker does."""
    now = milliseconds(bench.clock.time())
    for row in await backlog(bench):
        await bench.store.write(lambda c, job=row.id: self_managed.wait(c, job, now))


async def test_what_waits_for_a_trigger_is_not_due(bench: Any) -> None:
    await bench.create(SELF_MANAGED, memoryExecutionRoleArn=ROLE)
    await bench.say("a", "b")
    now = milliseconds(bench.clock.time())
    assert await bench.store.read(lambda c: jobs.pending(c, bench.memory, now))
    await wait(bench)
    assert [(row.status, row.due_at) for row in await backlog(bench)] == [("OPEN", now + 20_000)]
    assert not await bench.store.read(lambda c: jobs.pending(c, bench.memory, now + 19_999))
    assert await bench.store.read(lambda c: jobs.pending(c, bench.memory, now + 20_000))


async def test_what_triggers_strike_for_are_jobs_in_the_order_of_what_was_said(bench: Any) -> None:
    await bench.create(SELF_MANAGED, memoryExecutionRoleArn=ROLE)
    for texts in ("ab", "cd", "efghijklmnop", "q"):
        await bench.say(*texts)
    await wait(bench)
    rows = await backlog(bench)
    assert [(row.status, "".join(one["text"] for one in row.messages)) for row in rows] == [
        ("OPEN", "mnop"),
        ("OPEN", "q"),
        ("STARTED", "abcdef"),
        ("STARTED", "ghijkl"),
    ]
    assert [row.id.split("/")[0] for row in rows if row.status == "STARTED"] == [bench.memory] * 2
    await bench.say("r", "s", "t")
    await wait(bench)
    struck = [row.messages[0]["text"] for row in await backlog(bench) if row.status == "STARTED"]
    assert struck == ["a", "g", "m"]


async def test_an_event_that_is_more_than_enough_strikes_by_itself(bench: Any) -> None:
    await bench.create(SELF_MANAGED, memoryExecutionRoleArn=ROLE)
    await bench.say(*"abcdefg")
    await wait(bench)
    rows = await backlog(bench)
    assert [(row.status, len(row.messages)) for row in rows] == [("OPEN", 1), ("STARTED", 6)]
    assert len({row.id for row in rows}) == 2


async def test_a_job_that_a_trigger_has_struck_for_is_loaded_alone(bench: Any) -> None:
    await bench.create(SELF_MANAGED, memoryExecutionRoleArn=ROLE)
    await bench.say(*"abcdefg")
    await wait(bench)
    struck = next(row for row in await backlog(bench) if row.status == "STARTED")
    task = await bench.store.read(lambda c: jobs.load(c, struck.id))
    assert (task.kind, task.ids, len(task.messages)) == (None, [struck.id], 6)


@pytest.mark.parametrize(
    ("values", "extracting"),
    [
        ({"tenant": "acme"}, ["Facts", "Tenants"]),
        ({}, ["Facts"]),
        ({"other": "acme"}, ["Facts"]),
        ({"tenant": "umbrella"}, ["Facts"]),
        ({"tenant": "acme", "region": "eu1"}, ["Facts", "Tenants"]),
        ({"tenant": "acme", "region": "moon"}, ["Facts", "Tenants"]),
    ],
)
async def test_a_strategy_whose_namespace_lacks_a_value_does_not_extract(
    bench: Any, values: dict[str, str], extracting: list[str]
) -> None:
    keys = [
        {"key": "tenant", "validation": {"allowedValues": ["acme", "globex"]}},
        {"key": "region", "validation": {"regexPattern": "[a-z]+[0-9]"}},
    ]
    await bench.create(
        FACTS,
        {"customMemoryStrategy": {**custom("Tenants"), "namespaceTemplates": ["/{tenant}/"]}},
        namespaceKeys=keys,
        memoryExecutionRoleArn=ROLE,
    )
    await bench.say("I like tea", extractionConfig={"namespaceVariables": values} if values else {})
    rows = await backlog(bench)
    assert [row.strategy for row in rows] == extracting
    assert rows[0].variables == {k: v for k, v in values.items() if v in ("acme", "eu1") and k in ("tenant", "region")}


def custom(name: str) -> dict[str, Any]:
    step = {"appendToPrompt": "Mind the tea.", "modelId": "m"}
    return {"name": name, "configuration": {"semanticOverride": {"extraction": step, "consolidation": step}}}


async def test_memories_take_turns(bench: Any) -> None:
    first = await bench.create(FACTS)
    for number in range(5):
        await bench.say(f"I like tea {number}")
    await bench.create(FACTS, name="other")
    await bench.say("I like cocoa")
    rows, next_due = await bench.store.read(lambda c: jobs.due(c, 10**15, 3))
    everything = await backlog(bench)
    assert [row.id for row in rows] == [everything[index].id for index in (0, 5, 1)]
    assert next_due == everything[0].due_at
    assert first != bench.memory


async def test_what_is_deleted_takes_its_jobs_along(bench: Any) -> None:
    await bench.create(FACTS)
    await bench.say("I like tea")
    await bench.call("DeleteMemory")
    assert await backlog(bench) == []
