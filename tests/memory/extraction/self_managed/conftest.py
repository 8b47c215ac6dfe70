"""A real emulator with a pipeline's bucket, topic and queue, and what arrives there."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

TRIGGERS = {
    "messages": ("messageBasedTrigger", "messageCount"),
    "tokens": ("tokenBasedTrigger", "tokenCount"),
    "idle": ("timeBasedTrigger", "idleSessionTimeout"),
}
START = 1_700_000_000
ROLE = "arn:aws:iam::123456789012:role/memory"

AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
app.run()
"""


class Pipeline:
    """A bucket, a topic and a queue that listens to it, as somebody sets them up who wants to make their own records.

    `create` makes a memory with a strategy that delivers there, `say` adds events to it, and `delivered` is what has
    come since the last time, once the memory has nothing left that is due.
    """

    def __init__(self, emulator: EmulatorProcess, *, fifo: bool = False) -> None:
        self.emulator = emulator
        self.suffix = ".fifo" if fifo else ""
        self.s3, self.sns, self.sqs = (emulator.client(name) for name in ("s3", "sns", "sqs"))
        self.control = emulator.client("bedrock-agentcore-control")
        self.data = emulator.client("bedrock-agentcore")
        self.name = f"p{uuid.uuid4().hex[:12]}"
        self.seconds = itertools.count(START)
        self.memory = ""
        self.strategies: list[str] = []
        self.set_up()

    def set_up(self) -> None:
        """Again in an emulator that was started again, whose other services have forgotten everything."""
        attributes = {"FifoTopic": "true"} if self.suffix else {}
        self.s3.create_bucket(Bucket=self.name)
        self.topic = self.sns.create_topic(Name=self.name + self.suffix, Attributes=attributes)["TopicArn"]
        attributes = {"FifoQueue": "true"} if self.suffix else {}
        self.queue = self.sqs.create_queue(QueueName=self.name + self.suffix, Attributes=attributes)["QueueUrl"]
        asked = {"QueueUrl": self.queue, "AttributeNames": ["QueueArn"]}
        arn = self.sqs.get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def strategy(self, name: str = "Own", *, history: int = 4, **triggers: Any) -> dict[str, Any]:
        """A `MemoryStrategyInput`; `triggers` are `messages`, `tokens` and `idle` seconds."""
        configuration: dict[str, Any] = {
            "historicalContextWindowSize": history,
            "invocationConfiguration": {"topicArn": self.topic, "payloadDeliveryBucketName": self.name},
        }
        if triggers:
            configuration["triggerConditions"] = [
                {trigger: {member: triggers[name]}} for name, (trigger, member) in TRIGGERS.items() if name in triggers
            ]
        return {"customMemoryStrategy": {"name": name, "configuration": {"selfManagedConfiguration": configuration}}}

    def create(self, *strategies: dict[str, Any], **triggers: Any) -> str:
        """A memory with these strategies, or with one that has these triggers."""
        memory = self.control.create_memory(
            name=self.name,
            eventExpiryDuration=7,
            memoryExecutionRoleArn=ROLE,
            memoryStrategies=list(strategies) or [self.strategy(**triggers)],
        )["memory"]
        self.memory = memory["id"]
        self.strategies = [strategy["strategyId"] for strategy in memory["strategies"]]
        return self.memory

    def change(self, **configuration: Any) -> None:
        """Modify the first strategy's `ModifySelfManagedConfiguration`."""
        change = {
            "memoryStrategyId": self.strategies[0],
            "configuration": {"selfManagedConfiguration": configuration},
        }
        self.control.update_memory(memoryId=self.memory, memoryStrategies={"modifyMemoryStrategies": [change]})

    def say(self, *texts: str, session: str = "s", **more: Any) -> str:
        """One event with these messages of the user's, a second after the last one; its id."""
        given = {
            "memoryId": self.memory,
            "actorId": "ada",
            "sessionId": session,
            "eventTimestamp": next(self.seconds),
            "payload": [{"conversational": {"role": "USER", "content": {"text": text}}} for text in texts],
        }
        event_id: str = self.data.create_event(**{**given, **more})["event"]["eventId"]
        return event_id

    def failed(self) -> list[dict[str, Any]]:
        """The jobs that ListMemoryExtractionJobs lists, when nothing is due any more."""
        jobs: list[dict[str, Any]] = self.data.list_memory_extraction_jobs(memoryId=self.memory)["jobs"]
        return jobs

    def start(self, job_id: str) -> None:
        self.data.start_memory_extraction_job(memoryId=self.memory, extractionJob={"jobId": job_id})

    def notified(self) -> list[dict[str, Any]]:
        """The notifications that have come, in order."""
        assert self.failed() == []
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                found.append(json.loads(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def delivered(self) -> list[dict[str, Any]]:
        """The objects that the notifications name."""
        payloads = []
        for notification in self.notified():
            bucket, _, key = notification["s3PayloadLocation"].removeprefix("s3://").partition("/")
            payloads.append(json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        return payloads

    def texts(self) -> list[list[str]]:
        """The messages of each payload."""
        return [said(payload["currentContext"]) for payload in self.delivered()]


def said(context: list[dict[str, Any]]) -> list[str]:
    return [item["content"]["text"] for item in context if "content" in item]


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an agent that nobody asks anything."""
    file = tmp_path_factory.mktemp("project") / "agent.py"
    file.write_text(AGENT, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def emulator(agent: Path) -> Iterator[EmulatorProcess]:
    """Its clock stands still until a test moves it."""
    with EmulatorProcess(agent, "--clock", "virtual", "--isolation", "plain") as running:
        yield running


@pytest.fixture
def make_pipeline() -> Callable[..., Pipeline]:
    return Pipeline


@pytest.fixture
def pipeline(emulator: EmulatorProcess) -> Pipeline:
    return Pipeline(emulator)


@pytest.fixture
def texts_of() -> Callable[[list[dict[str, Any]]], list[str]]:
    """What the messages of a context say."""
    return said
