"""Long-term memory of a pipeline's own: what a self-managed strategy delivers, and when.

On AWS it needs a bucket, a topic, and a role that AgentCore may assume, so only emulators are asked.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore

_GUIDE = "AWS developer guide, 'Self-managed strategy'"
_NOTEBOOK = (
    "awslabs/amazon-bedrock-agentcore-samples, outputs of November 2025 in the notebook of the culinary assistant with "
    "a self-managed strategy and citations"
)
_ROLE = "arn:aws:iam::123456789012:role/contracts"
_START = 1_700_000_000


class Pipeline:
    """A memory whose one strategy strikes at every third message, with two earlier ones, and a queue of its notices."""

    def __init__(self, agentcore: AgentCore, stack: ExitStack) -> None:
        self.client = agentcore.client
        self.s3, sns, self.sqs = (stack.enter_context(closing(agentcore.beside(name))) for name in ("s3", "sns", "sqs"))
        control = stack.enter_context(closing(agentcore.control()))
        name = f"contracts-{uuid.uuid4()}"
        self.s3.create_bucket(Bucket=name)
        topic = sns.create_topic(Name=name)["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        asked = {"QueueUrl": self.queue, "AttributeNames": ["QueueArn"]}
        arn = self.sqs.get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        configuration = {
            "triggerConditions": [{"messageBasedTrigger": {"messageCount": 3}}],
            "historicalContextWindowSize": 2,
            "invocationConfiguration": {"topicArn": topic, "payloadDeliveryBucketName": name},
        }
        memory = control.create_memory(
            name=f"contracts_{uuid.uuid4().hex}",
            eventExpiryDuration=7,
            memoryExecutionRoleArn=_ROLE,
            memoryStrategies=[
                {"customMemoryStrategy": {"name": "Own", "configuration": {"selfManagedConfiguration": configuration}}}
            ],
        )["memory"]
        stack.callback(control.delete_memory, memoryId=memory["id"])
        control.get_waiter("memory_created").wait(memoryId=memory["id"], WaiterConfig={"Delay": 2})
        self.bucket, self.memory_id = name, memory["id"]
        self.strategy_id = memory["strategies"][0]["strategyId"]

    def say(self, *texts: str, second: int) -> None:
        """One event, of a user's messages."""
        self.client.create_event(
            memoryId=self.memory_id,
            actorId="actor",
            sessionId="session",
            eventTimestamp=_START + second,
            payload=[{"conversational": {"content": {"text": text}, "role": "USER"}} for text in texts],
        )

    def notices(self, count: int) -> list[dict[str, Any]]:
        """The next `count` notifications."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)
            assert answer.get("Messages"), f"{len(found)} of {count} notifications have come"
            for message in answer["Messages"]:
                found.append(json.loads(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def payloads(self, count: int) -> list[dict[str, Any]]:
        """The objects of the next `count` notifications, in the order of what they are about."""
        found = []
        for notice in self.notices(count):
            bucket, _, key = notice["s3PayloadLocation"].removeprefix("s3://").partition("/")
            found.append(json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        return sorted(found, key=lambda payload: int(payload["endingTimestamp"]))


@pytest.fixture
def pipeline(agentcore: AgentCore) -> Iterator[Pipeline]:
    """One for each contract, so that none counts another's messages."""
    if agentcore.is_aws:
        pytest.skip("nothing was measured: it needs a bucket, a topic, and a role that AgentCore may assume")
    with ExitStack() as stack:
        yield Pipeline(agentcore, stack)


def said(context: list[dict[str, Any]]) -> list[str]:
    """What the messages of a context say."""
    return [item["content"]["text"] for item in context]


@contract(
    "LT-073",
    title="A self-managed strategy puts what was said into its bucket, and its topic says where",
    evidence="aws-docs",
    source=f"{_GUIDE}, 'Understanding payload delivery'",
)
def test_delivery(pipeline: Pipeline) -> None:
    """With the ids of everything, and the roles and texts of the messages."""
    pipeline.say("a", second=0)
    pipeline.say("b", "c", second=1)
    (notice,) = pipeline.notices(1)
    assert (notice["memoryId"], notice["strategyId"]) == (pipeline.memory_id, pipeline.strategy_id)
    assert notice["jobId"]
    location = f"s3://{pipeline.bucket}/"
    assert notice["s3PayloadLocation"].startswith(location)
    stored = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=notice["s3PayloadLocation"].removeprefix(location))
    payload = json.loads(stored["Body"].read())
    assert payload["requestId"]
    assert len(payload["accountId"]) == 12
    named = {name: payload[name] for name in ("memoryId", "strategyId", "actorId", "sessionId")}
    assert named == {
        "memoryId": pipeline.memory_id,
        "strategyId": pipeline.strategy_id,
        "actorId": "actor",
        "sessionId": "session",
    }
    assert payload["currentContext"] == [{"role": "USER", "content": {"text": text}} for text in "abc"]
    assert payload["historicalContext"] == []


@contract(
    "LT-074",
    title="The message trigger of a self-managed strategy strikes at exactly so many, also in the middle of an event",
    evidence="field-report",
    source=_NOTEBOOK,
)
def test_the_message_trigger(pipeline: Pipeline) -> None:
    """With the milliseconds of the first and the last event that a message is of."""
    for number, pair in enumerate(("ab", "cd", "ef")):
        pipeline.say(*pair, second=number)
    first, second = pipeline.payloads(2)
    assert [said(payload["currentContext"]) for payload in (first, second)] == [["a", "b", "c"], ["d", "e", "f"]]
    spans = [(payload["startingTimestamp"], payload["endingTimestamp"]) for payload in (first, second)]
    assert spans == [(_START * 1000, _START * 1000 + 1000), (_START * 1000 + 1000, _START * 1000 + 2000)]


@contract(
    "LT-075",
    title="A self-managed strategy's payload has historicalContextWindowSize earlier messages of its session",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore-control model, SelfManagedConfiguration.historicalContextWindowSize",
)
def test_history(pipeline: Pipeline) -> None:
    """The last ones before what it is about."""
    for number, text in enumerate("abcdef"):
        pipeline.say(text, second=number)
    _, second = pipeline.payloads(2)
    assert said(second["currentContext"]) == ["d", "e", "f"]
    assert said(second["historicalContext"]) == ["b", "c"]
