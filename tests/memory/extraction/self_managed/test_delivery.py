"""How a parcel gets there, and what happens when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure
from agentcore_emulator.memory.extraction.self_managed import Parcel, delivery
from agentcore_emulator.testing import EmulatorProcess

if TYPE_CHECKING:
    from .conftest import Pipeline

NOTIFICATION = '{"jobId": "m/s/a&b=c/1"}'
PUBLISHED = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
PARCEL = Parcel(
    number="n",
    session_id="s",
    region="eu-west-1",
    bucket="payloads",
    key="m/s/team:ada/1/s/1_n.json",
    body=b"{}",
    topic_arn="arn:aws:sns:us-west-2:123456789012:jobs",
    notification=NOTIFICATION,
)


def app(answer: Callable[[Request], Any]) -> Starlette:
    async def endpoint(request: Request) -> Response:
        response: Response = await answer(request)
        return response

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=["PUT", "POST"])])


async def test_the_object_comes_first_and_each_in_its_region() -> None:
    seen: list[tuple[str, bytes, str, bytes]] = []

    async def answer(request: Request) -> Response:
        authorization = request.headers["authorization"].partition("Credential=")[2].partition(",")[0]
        scope = authorization.split("/", 2)[2]
        seen.append((request.method, request.scope["raw_path"], scope, await request.body()))
        return Response("" if request.method == "PUT" else PUBLISHED)

    await delivery.deliver(app(answer), PARCEL)
    put, publish = seen
    assert put == ("PUT", b"/payloads/m/s/team%3Aada/1/s/1_n.json", "eu-west-1/s3/aws4_request", b"{}")
    assert publish[:3] == ("POST", b"/", "us-west-2/sns/aws4_request")
    assert parse_qs(publish[3].decode()) == {
        "Action": ["Publish"],
        "Version": ["2010-03-31"],
        "TopicArn": [PARCEL.topic_arn],
        "Message": [NOTIFICATION],
    }


async def test_one_that_is_not_answered_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(delivery, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(ExtractionFailure, match=r"payloads and the topic .*:jobs within 0 seconds"):
        await delivery.deliver(app(answer), PARCEL)


def test_a_bucket_and_a_topic_that_are_not_there(pipeline: Pipeline) -> None:
    pipeline.create(messages=3)
    pipeline.s3.delete_bucket(Bucket=pipeline.name)
    pipeline.sns.delete_topic(TopicArn=pipeline.topic)
    events = [pipeline.say("a", "b"), pipeline.say("c", "d")]
    (job,) = pipeline.failed()
    assert job["failureReason"] == (
        f"The payload could not be put into the bucket {pipeline.name}: NoSuchBucket: The specified bucket does not "
        "exist; create it if it is missing, as it is whenever the emulator was started again, then call "
        "StartMemoryExtractionJob with this job's id"
    )
    assert job["messages"]["messagesList"] == [
        {"eventId": events[0], "messageIndex": 0},
        {"eventId": events[0], "messageIndex": 1},
        {"eventId": events[1], "messageIndex": 0},
    ]
    assert (job["strategyId"], job["sessionId"], job["actorId"]) == (pipeline.strategies[0], "s", "ada")

    pipeline.s3.create_bucket(Bucket=pipeline.name)
    pipeline.start(job["jobID"])
    (again,) = pipeline.failed()
    assert again["jobID"] == job["jobID"]
    assert again["failureReason"].startswith(f"The notification could not be published on the topic {pipeline.topic}: ")

    # What came later goes on, and what failed keeps its id.
    pipeline.set_up()
    pipeline.say("e", "f")
    assert [each["jobID"] for each in pipeline.failed()] == [job["jobID"]]
    pipeline.start(job["jobID"])
    later, first = pipeline.delivered()
    assert [item["content"]["text"] for item in later["currentContext"]] == ["d", "e", "f"]
    assert (first["jobId"], len(first["currentContext"])) == (job["jobID"], 3)


def test_a_job_that_is_started_goes_where_the_strategy_says_now(pipeline: Pipeline) -> None:
    pipeline.create(messages=1)
    pipeline.change(invocationConfiguration={"payloadDeliveryBucketName": "no-such-bucket"})
    pipeline.say("a")
    (job,) = pipeline.failed()
    pipeline.change(invocationConfiguration={"payloadDeliveryBucketName": pipeline.name})
    pipeline.start(job["jobID"])
    assert pipeline.texts() == [["a"]]


def test_a_fifo_topic_keeps_the_order_of_a_session(
    emulator: EmulatorProcess, make_pipeline: Callable[..., Pipeline]
) -> None:
    pipeline = make_pipeline(emulator, fifo=True)
    pipeline.create(messages=1)
    for text in "abcde":
        pipeline.say(text)
    assert pipeline.texts() == [["a"], ["b"], ["c"], ["d"], ["e"]]
    pipeline.say("f")
    assert pipeline.failed() == []
    (message,) = pipeline.sqs.receive_message(QueueUrl=pipeline.queue, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "s"


def test_it_is_signed(agent: Path, make_pipeline: Callable[..., Pipeline]) -> None:
    with EmulatorProcess(agent, "--verify-signatures", "--isolation", "plain") as emulator:
        pipeline = make_pipeline(emulator)
        pipeline.create(messages=1)
        pipeline.say("a")
        assert pipeline.texts() == [["a"]]


async def test_without_the_app_nothing_is_delivered(bench: Any) -> None:
    configuration = {
        "triggerConditions": [{"messageBasedTrigger": {"messageCount": 1}}],
        "invocationConfiguration": {"topicArn": PARCEL.topic_arn, "payloadDeliveryBucketName": "payloads"},
    }
    strategy = {"name": "Own", "configuration": {"selfManagedConfiguration": configuration}}
    role = "arn:aws:iam::123456789012:role/memory"
    await bench.create({"customMemoryStrategy": strategy}, memoryExecutionRoleArn=role)
    bench.start()
    await bench.say("a")
    (job,) = await bench.failed()
    assert job["failureReason"].startswith("Nothing was delivered: ")
