"""Calls of the emulator's parts to services behind its own port, with a real emulator's app."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.app import make_app
from agentcore_emulator.aws.services import Services
from agentcore_emulator.front_door import ServiceClient, refusal


@pytest.fixture
def app() -> Any:
    """An emulator's app with no plane, but with the services that are not built here."""
    others = Services("123456789012")

    async def admin(*_: Any) -> None:
        raise AssertionError("nobody asks for it")

    yield make_app(
        planes=[],
        streaming={},
        passthrough=None,
        region="us-east-1",
        allow_host=[],
        admin=admin,
        others=others,
    )
    others.close()


async def test_a_service_of_json(app: Any) -> None:
    kinesis = ServiceClient(app, "kinesis", "eu-central-1")
    await kinesis.call("CreateStream", StreamName="front-door", ShardCount=1)
    shown = (await kinesis.call("DescribeStream", StreamName="front-door"))["StreamDescription"]
    assert shown["StreamARN"] == "arn:aws:kinesis:eu-central-1:123456789012:stream/front-door"
    with pytest.raises(ClientError) as caught:
        await kinesis.call("DescribeStream", StreamName="none")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caught.value.operation_name == "DescribeStream"


async def test_a_service_of_forms(app: Any) -> None:
    sns = ServiceClient(app, "sns", "us-east-1")
    topic = (await sns.call("CreateTopic", Name="front-door"))["TopicArn"]
    message = json.dumps({"text": "\u00e9 & more"})
    assert (await sns.call("Publish", TopicArn=topic, Message=message))["MessageId"]
    with pytest.raises(ClientError) as caught:
        await sns.call("Publish", TopicArn=f"{topic}-none", Message=message)
    assert caught.value.response["Error"]["Code"] == "NotFound"


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (404, "<Error><Code>NoSuchKey</Code><Message>Not here.</Message></Error>", "NoSuchKey: Not here."),
        (403, "<Error><Code>AccessDenied</Code></Error>", "AccessDenied"),
        (501, '{"message": "Not there"}', "501: Not there"),
        (503, "busy", "503"),
    ],
)
def test_what_a_refusal_says(status: int, text: str, said: str) -> None:
    assert refusal(httpx.Response(status, text=text)) == said
