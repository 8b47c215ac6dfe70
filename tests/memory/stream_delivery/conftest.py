from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

ROLE = "arn:aws:iam::123456789012:role/memory"
FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}

_names = itertools.count()


def resources(stream_arn: str, level: str = "FULL_CONTENT") -> dict[str, Any]:
    """`streamDeliveryResources` with this one stream."""
    content = [{"type": "MEMORY_RECORDS", "level": level}]
    return {"resources": [{"kinesis": {"dataStreamArn": stream_arn, "contentConfigurations": content}}]}


class Streaming:
    """An emulator's Memory and Kinesis, as their user meets them."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.control = emulator.client("bedrock-agentcore-control")
        self.data = emulator.client("bedrock-agentcore")
        self.kinesis = emulator.client("kinesis")

    def stream(self, name: str = "", shards: int = 1) -> str:
        """The ARN of a new stream."""
        name = name or f"stream-{next(_names)}"
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        arn: str = self.kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
        return arn

    def memory(self, stream_arn: str, level: str = "FULL_CONTENT", **more: Any) -> str:
        """The id of a new memory with this stream."""
        memory: str = self.control.create_memory(
            name=f"memory_{next(_names)}",
            eventExpiryDuration=7,
            memoryExecutionRoleArn=ROLE,
            streamDeliveryResources=resources(stream_arn, level),
            **more,
        )["memory"]["id"]
        return memory

    def create(self, memory: str, *texts: str, **more: Any) -> list[str]:
        """The ids of new records."""
        records = [
            {"requestIdentifier": str(number), "namespaces": ["/a/"], "content": {"text": text}, "timestamp": 1, **more}
            for number, text in enumerate(texts)
        ]
        answer = self.data.batch_create_memory_records(memoryId=memory, records=records)
        return [record["memoryRecordId"] for record in answer["successfulRecords"]]

    def all_in(self, stream_arn: str) -> list[dict[str, Any]]:
        """What the stream has by now, shard by shard."""
        name = stream_arn.rpartition("/")[2]
        found = []
        for shard in self.kinesis.list_shards(StreamName=name)["Shards"]:
            place = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self.kinesis.get_shard_iterator(**place)["ShardIterator"]
            records = self.kinesis.get_records(ShardIterator=iterator)["Records"]
            found += [json.loads(record["Data"])["memoryStreamEvent"] for record in records]
        return found

    def events(self, stream_arn: str, count: int) -> list[dict[str, Any]]:
        """The events of a stream, once it has so many of them."""
        for _ in range(10_000):
            if len(found := self.all_in(stream_arn)) >= count:
                assert len(found) == count, found
                return found
        pytest.fail(f"the stream has only {found}")


@pytest.fixture
def streaming_of() -> Callable[[EmulatorProcess], Streaming]:
    return Streaming


@pytest.fixture
def resources_of() -> Callable[..., dict[str, Any]]:
    """`streamDeliveryResources` with one stream."""
    return resources


@pytest.fixture(scope="module")
def module_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    file: Path = tmp_path_factory.mktemp("project") / "agent.py"
    file.write_text("from bedrock_agentcore import BedrockAgentCoreApp\n\nBedrockAgentCoreApp().run()\n", "utf-8")
    with EmulatorProcess(file, "--isolation", "plain", "--ephemeral") as running:
        yield running


@pytest.fixture
def streaming(module_emulator: EmulatorProcess) -> Streaming:
    return Streaming(module_emulator)
