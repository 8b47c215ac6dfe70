"""Putting a parcel into its bucket, and saying so on its topic, through the emulator's own front door."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

import httpx
from botocore.auth import S3SigV4Auth
from botocore.exceptions import ClientError
from starlette.types import ASGIApp

from agentcore_emulator.front_door import PATIENCE_SECONDS, ServiceClient, open_client, refusal
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure
from agentcore_emulator.memory.extraction.self_managed.parcel import Parcel

__all__ = ["deliver"]

_AGAIN: Final = (
    "create it if it is missing, as it is whenever the emulator was started again, "
    "then call StartMemoryExtractionJob with this job's id"
)


async def deliver(app: ASGIApp, parcel: Parcel) -> None:
    """Call PutObject and Publish of `app`, the whole emulator as an ASGI app. Raises `ExtractionFailure`."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _put(app, parcel)
            await _publish(app, parcel)
    except TimeoutError:
        raise ExtractionFailure(
            f"The payload was not delivered to the bucket {parcel.bucket} and the topic {parcel.topic_arn} within "
            f"{PATIENCE_SECONDS:.0f} seconds; call StartMemoryExtractionJob with this job's id"
        ) from None


async def _put(app: ASGIApp, parcel: Parcel) -> None:
    async with open_client(app, "s3", parcel.region, S3SigV4Auth) as s3:
        headers = {"content-type": "application/json"}
        response = await s3.put(f"/{parcel.bucket}/{quote(parcel.key, safe='/')}", content=parcel.body, headers=headers)
    if response.status_code != httpx.codes.OK:
        raise ExtractionFailure(
            f"The payload could not be put into the bucket {parcel.bucket}: {refusal(response).rstrip('.')}; {_AGAIN}"
        )


async def _publish(app: ASGIApp, parcel: Parcel) -> None:
    # AWS developer guide: such a topic is for the order within sessions. A job's id can be too long for a member.
    is_fifo = parcel.topic_arn.endswith(".fifo")
    order = {"MessageGroupId": parcel.session_id, "MessageDeduplicationId": parcel.number} if is_fifo else {}
    # `arn:aws:sns:us-east-1:123456789012:topic`
    sns = ServiceClient(app, "sns", parcel.topic_arn.split(":")[3] or parcel.region)
    try:
        await sns.call("Publish", TopicArn=parcel.topic_arn, Message=parcel.notification, **order)
    except ClientError as error:
        said = error.response["Error"]
        raise ExtractionFailure(
            f"The notification could not be published on the topic {parcel.topic_arn}: {said['Code']}: "
            f"{said['Message'].rstrip('.')}; {_AGAIN}"
        ) from None
