"""Real emulators that deliver records to the Kinesis behind the same port, read by real boto3."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from .conftest import Streaming

FACTS: Any = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}


@pytest.fixture
def options(tmp_path: Path, write_agent: Any, puppet: str) -> list[str]:
    return [str(write_agent(puppet)), "--state-dir", str(tmp_path / "state"), "--isolation", "plain"]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["eventType"] for event in events]


def test_all_that_happens_to_a_record_is_told(streaming: Streaming) -> None:
    stream = streaming.stream()
    memory = streaming.memory(stream)
    (record,) = streaming.create(memory, "likes tea \U0001f375")
    new = {"memoryRecordId": record, "timestamp": 2, "content": {"text": "likes coffee"}}
    streaming.data.batch_update_memory_records(memoryId=memory, records=[new])
    shown = streaming.data.get_memory_record(memoryId=memory, memoryRecordId=record)["memoryRecord"]
    streaming.data.delete_memory_record(memoryId=memory, memoryRecordId=record)
    enabled, created, updated, deleted = streaming.events(stream, 4)
    for event in (enabled, created, updated, deleted):
        assert event["memoryId"] == memory
        assert event.pop("eventTime").endswith("Z")
    assert enabled == {
        "eventType": "StreamingEnabled",
        "memoryId": memory,
        "message": f"Streaming enabled for memory resource: {memory}",
    }
    assert created == {
        "eventType": "MemoryRecordCreated",
        "memoryId": memory,
        "memoryRecordId": record,
        "namespaces": ["/a/"],
        "createdAt": round(shown["createdAt"].timestamp() * 1000),
        "memoryRecordText": "likes tea \U0001f375",
    }
    assert updated == {**created, "eventType": "MemoryRecordUpdated", "memoryRecordText": "likes coffee"}
    assert deleted == {"eventType": "MemoryRecordDeleted", "memoryId": memory, "memoryRecordId": record}


def test_what_is_extracted_and_consolidated_is_told(streaming: Streaming) -> None:
    stream = streaming.stream()
    memory = streaming.memory(stream, memoryStrategies=[FACTS])
    for text in ("I live in Rome.", "I live in Rome.", "I moved to Oslo."):
        payload = [{"conversational": {"role": "USER", "content": {"text": text}}}]
        streaming.data.create_event(memoryId=memory, actorId="ada", sessionId="s", eventTimestamp=1, payload=payload)
    (known,) = streaming.data.list_memory_records(memoryId=memory, namespace="/facts/ada/")["memoryRecordSummaries"]
    events = streaming.events(stream, 4)
    assert types(events[1:]) == ["MemoryRecordCreated", "MemoryRecordDeleted", "MemoryRecordCreated"]
    _, rome, gone, oslo = events
    assert gone["memoryRecordId"] == rome["memoryRecordId"]
    assert (rome["memoryRecordText"], oslo["memoryRecordText"]) == ("The user lives in Rome.", known["content"]["text"])
    assert oslo["memoryRecordId"] == known["memoryRecordId"]
    assert (oslo["memoryStrategyId"], oslo["memoryStrategyType"]) == (known["memoryStrategyId"], "SEMANTIC")
    assert oslo["namespaces"] == ["/facts/ada/"]


def test_batches_are_told_record_by_record(streaming: Streaming) -> None:
    stream = streaming.stream(shards=4)
    memory = streaming.memory(stream)
    texts = {f"{number}: {'é' * 8_000}" for number in range(100)}
    made: set[str] = set()
    for _ in range(6):
        made |= set(streaming.create(memory, *texts))
    records: Any = [{"memoryRecordId": record} for record in list(made)[:100]]
    streaming.data.batch_delete_memory_records(memoryId=memory, records=records)
    events = streaming.events(stream, 701)
    created = [event for event in events if event["eventType"] == "MemoryRecordCreated"]
    assert {event["memoryRecordId"] for event in created} == made
    assert {event["memoryRecordText"] for event in created} == texts
    deleted = [event["memoryRecordId"] for event in events if event["eventType"] == "MemoryRecordDeleted"]
    assert sorted(deleted) == sorted(record["memoryRecordId"] for record in records)


def test_what_fails_is_not_told(streaming: Streaming) -> None:
    stream = streaming.stream()
    memory = streaming.memory(stream)
    nowhere = f"mem-{'0' * 36}"
    streaming.data.batch_update_memory_records(memoryId=memory, records=[{"memoryRecordId": nowhere, "timestamp": 1}])
    streaming.data.batch_delete_memory_records(memoryId=memory, records=[{"memoryRecordId": nowhere}])
    streaming.create(memory, "x", memoryStrategyId="unknown-0123456789")
    streaming.create(memory, "told")
    assert types(streaming.events(stream, 2)) == ["StreamingEnabled", "MemoryRecordCreated"]


def test_a_stream_is_changed_and_taken_away(streaming: Streaming, resources_of: Callable[..., Any]) -> None:
    first, second = streaming.stream(), streaming.stream()
    memory = streaming.memory(first)

    def use(given: Any) -> None:
        streaming.control.update_memory(memoryId=memory, streamDeliveryResources=given)

    streaming.events(first, 1)
    use(resources_of(first, "METADATA_ONLY"))
    use(resources_of(first, "METADATA_ONLY"))
    streaming.control.update_memory(memoryId=memory, description="d")
    streaming.create(memory, "tea")
    assert types(events := streaming.events(first, 3))[1:] == ["StreamingEnabled", "MemoryRecordCreated"]
    assert "memoryRecordText" not in events[2]
    use(resources_of(second))
    streaming.create(memory, "coffee")
    streaming.events(second, 2)
    use({"resources": []})
    streaming.create(memory, "cocoa")
    use(resources_of(second))
    assert types(streaming.events(second, 3)) == ["StreamingEnabled", "MemoryRecordCreated", "StreamingEnabled"]
    assert len(streaming.all_in(first)) == 3


def test_a_stream_of_another_region(streaming: Streaming) -> None:
    far = streaming.emulator.client("kinesis", region_name="eu-west-1")
    far.create_stream(StreamName="far", ShardCount=1)
    memory = streaming.memory(far.describe_stream(StreamName="far")["StreamDescription"]["StreamARN"])
    streaming.kinesis, near = far, streaming.kinesis
    assert streaming.events("stream/far", 1)[0]["memoryId"] == memory
    assert "far" not in near.list_streams()["StreamNames"]


def test_events_wait_for_a_stream_that_is_made_later(streaming: Streaming) -> None:
    other = streaming.stream()
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/later"
    memory = streaming.memory(arn)
    records = streaming.create(memory, "one", "two")
    # One that takes nothing does not hold up another.
    streaming.create(streaming.memory(other), "three")
    assert types(streaming.events(other, 2)) == ["StreamingEnabled", "MemoryRecordCreated"]
    assert streaming.stream("later") == arn
    assert [event.get("memoryRecordId") for event in streaming.events(arn, 3)] == [None, *records]


def test_a_stream_that_takes_nothing_is_said_once(options: list[str], streaming_of: Callable[..., Streaming]) -> None:
    with EmulatorProcess(*options) as emulator:
        streaming = streaming_of(emulator)
        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/none"
        memory = streaming.memory(arn)
        for text in ("one", "two"):
            streaming.create(memory, text)
            streaming.create(streaming.memory(other := streaming.stream()), text)
            streaming.events(other, 2)
        streaming.stream("none")
        streaming.events(arn, 3)
    said = [line for line in emulator.log.splitlines() if arn in line]
    assert len(said) == 2, said
    assert memory in said[0]
    assert f"{arn}, for a day at most: ResourceNotFoundException: " in said[0]
    assert "CreateStream" in said[0]
    assert f"{arn} takes events again" in said[1]


def test_what_waits_is_delivered_after_a_crash(options: list[str], streaming_of: Callable[..., Streaming]) -> None:
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
    with EmulatorProcess(*options) as emulator:
        streaming = streaming_of(emulator)
        memory = streaming.memory(arn)
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            made = [
                record
                for records in threads.map(lambda number: streaming.create(memory, f"{number}"), range(40))
                for record in records
            ]
        streaming.data.delete_memory_record(memoryId=memory, memoryRecordId=made[0])
        emulator.kill()
    with EmulatorProcess(*options) as emulator:
        streaming = streaming_of(emulator)
        streaming.stream("s")
        enabled, *events, deleted = streaming.events(arn, 42)
    assert (enabled["eventType"], deleted["eventType"]) == ("StreamingEnabled", "MemoryRecordDeleted")
    assert deleted["memoryRecordId"] == made[0]
    assert {event["memoryRecordId"] for event in events} == set(made)


def test_time(options: list[str], streaming_of: Callable[..., Streaming]) -> None:
    with EmulatorProcess(*options, "--clock", "virtual", "--memory-delays", "observed") as emulator:
        streaming = streaming_of(emulator)
        ready, late = streaming.stream(), "arn:aws:kinesis:us-east-1:123456789012:stream/late"
        streaming.memory(ready)
        memory = streaming.memory(late)
        emulator.clock.advance(161)
        assert streaming.all_in(ready) == []
        emulator.clock.advance(1)
        # An advance returns when all that it has set off is done.
        assert types(streaming.all_in(ready)) == ["StreamingEnabled"]
        emulator.clock.advance(86_400)
        (record,) = streaming.create(memory, "a day later")
        streaming.stream("late")
        assert streaming.events(late, 1)[0]["memoryRecordId"] == record
    assert "1 events of memory records are dropped" in emulator.log
