"""Long-term memory: what a memory's Kinesis stream is told of its records.

On AWS it needs a stream, which costs money, and a role that AgentCore may assume, so only emulators are asked.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_GUIDE = "AWS developer guide, 'Memory record streaming'"
_ROLE = "arn:aws:iam::123456789012:role/contracts"
_STRATEGY = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/contracts/{actorId}/"]}}
_PATIENCE_SECONDS = 10.0
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z")


class Stream:
    """A stream, and a memory with one strategy whose records it is told of."""

    def __init__(self, agentcore: AgentCore, stack: ExitStack, level: str) -> None:
        self.client = agentcore.client
        self.name = f"contracts-{uuid.uuid4()}"
        self.kinesis = stack.enter_context(closing(agentcore.beside("kinesis")))
        self.kinesis.create_stream(StreamName=self.name, ShardCount=1)
        stack.callback(self.kinesis.delete_stream, StreamName=self.name)
        self.kinesis.get_waiter("stream_exists").wait(StreamName=self.name)
        described = self.kinesis.describe_stream(StreamName=self.name)["StreamDescription"]
        self._shard = described["Shards"][0]["ShardId"]
        content = [{"type": "MEMORY_RECORDS", "level": level}]
        resource = {"kinesis": {"dataStreamArn": described["StreamARN"], "contentConfigurations": content}}
        control = stack.enter_context(closing(agentcore.control()))
        self.memory_id = control.create_memory(
            name=f"contracts_{uuid.uuid4().hex}",
            eventExpiryDuration=7,
            memoryExecutionRoleArn=_ROLE,
            memoryStrategies=[_STRATEGY],
            streamDeliveryResources={"resources": [resource]},
        )["memory"]["id"]
        stack.callback(control.delete_memory, memoryId=self.memory_id)
        control.get_waiter("memory_created").wait(memoryId=self.memory_id, WaiterConfig={"Delay": 2})

    def make(self, text: str) -> str:
        """The id of a new record, in the namespace `/contracts/`."""
        record = {
            "requestIdentifier": "record",
            "namespaces": ["/contracts/"],
            "content": {"text": text},
            "timestamp": 1_700_000_000,
        }
        answer = self.client.batch_create_memory_records(memoryId=self.memory_id, records=[record])
        record_id: str = answer["successfulRecords"][0]["memoryRecordId"]
        return record_id

    def say(self, text: str) -> None:
        """One event, of a user's message."""
        self.client.create_event(
            memoryId=self.memory_id,
            actorId="actor",
            sessionId="session",
            eventTimestamp=1_700_000_000,
            payload=[{"conversational": {"content": {"text": text}, "role": "USER"}}],
        )

    def told(self, count: int) -> list[dict[str, Any]]:
        """The first `count` events, as soon as they are there."""
        place = {"StreamName": self.name, "ShardId": self._shard, "ShardIteratorType": "TRIM_HORIZON"}
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            iterator = self.kinesis.get_shard_iterator(**place)["ShardIterator"]
            records = self.kinesis.get_records(ShardIterator=iterator)["Records"]
            if len(records) >= count or time.monotonic() > end:
                return [json.loads(record["Data"])["memoryStreamEvent"] for record in records]


@pytest.fixture
def streams(agentcore: AgentCore) -> Iterator[Any]:
    """`streams(level)`: a stream, one for each contract, so that none is told of another's records."""
    if agentcore.is_aws:
        pytest.skip("nothing was measured: it needs a Kinesis stream, and a role that AgentCore may assume")
    with ExitStack() as stack:
        yield lambda level="FULL_CONTENT": Stream(agentcore, stack, level)


@contract(
    "LT-076",
    title="A memory's stream is told of each record that is made, changed and deleted, and first of itself",
    evidence="aws-docs",
    source=f"{_GUIDE}, event schema and 'Verify your streaming integration'",
)
def test_records_are_told(streams: Any) -> None:
    """A deletion has the ids alone."""
    stream = streams()
    record_id = stream.make("first")
    change = {"memoryRecordId": record_id, "timestamp": 1_700_000_001, "content": {"text": "second"}}
    stream.client.batch_update_memory_records(memoryId=stream.memory_id, records=[change])
    stream.client.delete_memory_record(memoryId=stream.memory_id, memoryRecordId=record_id)
    events = stream.told(4)
    assert all(_TIME.fullmatch(event.pop("eventTime")) for event in events)
    assert {event.pop("memoryId") for event in events} == {stream.memory_id}
    enabled, created, updated, deleted = events
    assert enabled.keys() == {"eventType", "message"}
    assert enabled["eventType"] == "StreamingEnabled"
    assert stream.memory_id in enabled["message"]
    for event, kind, text in ((created, "Created", "first"), (updated, "Updated", "second")):
        assert event["eventType"] == f"MemoryRecord{kind}"
        assert (event["memoryRecordId"], event["memoryRecordText"]) == (record_id, text)
        assert event["namespaces"] == ["/contracts/"]
        # Milliseconds.
        assert 10**12 < event["createdAt"] < 10**13
    assert deleted == {"eventType": "MemoryRecordDeleted", "memoryRecordId": record_id}


@contract(
    "LT-077",
    title="A memory's stream at the level METADATA_ONLY is told no texts",
    evidence="aws-docs",
    source=f"{_GUIDE}, 'Configure event content level'",
)
def test_texts_are_not_told(streams: Any) -> None:
    """Nor anything else that has the text in it."""
    stream = streams("METADATA_ONLY")
    record_id = stream.make("nobody else's business")
    _, created = stream.told(2)
    assert created["memoryRecordId"] == record_id
    assert "memoryRecordText" not in created
    assert "business" not in json.dumps(created)


@contract(
    "LT-078",
    title="A memory's stream is told of what is extracted, and of what consolidation deletes",
    evidence="aws-docs",
    source=f"{_GUIDE}, 'Stream event types'",
)
def test_extraction_is_told(streams: Any) -> None:
    """With the strategy and its type."""
    stream = streams()
    stream.say("I live in Rome.")
    _, first = stream.told(2)
    assert first["eventType"] == "MemoryRecordCreated"
    assert "Rome" in first["memoryRecordText"]
    assert first["memoryStrategyType"] == "SEMANTIC"
    assert first["memoryStrategyId"].startswith("Facts-")
    assert first["namespaces"] == ["/contracts/actor/"]
    stream.say("I moved to Oslo.")
    _, _, *later = stream.told(4)
    by_type = {event["eventType"]: event for event in later}
    assert by_type["MemoryRecordDeleted"]["memoryRecordId"] == first["memoryRecordId"]
    assert "Oslo" in by_type["MemoryRecordCreated"]["memoryRecordText"]
