"""PutRecords, to the Kinesis that the emulator has, behind what its own front door would be."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from agentcore_emulator.memory.stream_delivery.kinesis import Kinesis

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"


class Shard:
    """Takes so many records of a request and no more, as a stream does whose throughput is exceeded.

    The Kinesis that the emulator has never is, so this stands in its place.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken: list[dict[str, Any]] = []
        self.requests: list[tuple[str, int, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        assert request.headers["x-amz-target"] == "Kinesis_20131202.PutRecords"
        assert "/eu-west-1/kinesis/aws4_request" in request.headers["authorization"]
        body = await request.body()
        given = json.loads(body)
        self.requests.append((given["StreamARN"], len(given["Records"]), len(body)))
        results = []
        for record in given["Records"]:
            if self.room:
                self.room -= 1
                self.taken.append({**record, "Data": json.loads(base64.b64decode(record["Data"]))})
                results.append({"SequenceNumber": "1", "ShardId": "shardId-000000000000"})
            else:
                results.append({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "too fast"})
        failed = sum("ErrorCode" in result for result in results)
        await JSONResponse({"FailedRecordCount": failed, "Records": results})(scope, receive, send)


def events(count: int, text: str = "") -> list[tuple[str, dict[str, Any]]]:
    return [(f"key-{number}", {"number": number, "text": text}) for number in range(count)]


async def test_events_are_records_with_their_keys() -> None:
    shard = Shard(2)
    assert await Kinesis(shard).put(STREAM, events(2, "\u00e9\0")) == ([0, 1], None)
    assert shard.taken == [
        {"Data": {"number": number, "text": "\u00e9\0"}, "PartitionKey": f"key-{number}"} for number in (0, 1)
    ]
    assert [request[0] for request in shard.requests] == [STREAM]


async def test_a_request_is_as_large_as_kinesis_takes() -> None:
    shard = Shard(500)
    # The largest text of a record, of characters that take the most bytes.
    assert await Kinesis(shard).put(STREAM, events(500, "\U0001f375" * 16_000)) == (list(range(500)), None)
    assert [record["PartitionKey"] for record in shard.taken] == [f"key-{number}" for number in range(500)]
    assert sum(count for _, count, _ in shard.requests) == 500
    # In Base64.
    assert max(size for _, _, size in shard.requests) < 5 * 1024 * 1024 * 4 / 3


async def test_what_a_stream_has_not_taken_is_known() -> None:
    shard = Shard(70)
    taken, refusal = await Kinesis(shard).put(STREAM, events(200, "\U0001f375" * 16_000))
    assert taken == list(range(70))
    assert refusal == "ProvisionedThroughputExceededException: too fast"
    # Nothing that comes later overtakes.
    assert sum(count for _, count, _ in shard.requests) < 200


@pytest.fixture
def refusing() -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = {"__type": "ResourceNotFoundException", "message": "Stream s not found."}
        await JSONResponse(answer, 400)(scope, receive, send)

    return app


async def test_an_error_is_a_refusal(refusing: Any) -> None:
    assert await Kinesis(refusing).put(STREAM, events(1)) == ([], "ResourceNotFoundException: Stream s not found")
