"""Frames of `application/vnd.amazon.eventstream`, one per event.

The encoder is moto's. Importing it costs more than half a second, so that is done at the first frame, or by `prepare`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from agentcore_emulator.wire import body

if TYPE_CHECKING:
    from moto.core.eventstream import EventStreamEncoder

__all__ = ["CONTENT_TYPE", "event", "exception", "prepare"]

CONTENT_TYPE = "application/vnd.amazon.eventstream"


async def prepare() -> None:
    """Import the encoder without holding up the event loop; await it before the first frame of a stream."""
    if _encoder.cache_info().currsize == 0:
        await asyncio.to_thread(_encoder)


def event(event_type: str, payload: Mapping[str, Any]) -> bytes:
    """One event: `event_type` is the member of the modelled stream, `payload` the members of its structure."""
    headers = {":message-type": "event", ":event-type": event_type, ":content-type": "application/json"}
    return _encoder().encode_message(headers, body.dump(payload))


def exception(exception_type: str, message: str) -> bytes:
    """An error in the stream, after which the stream ends; botocore raises it as EventStreamError.

    `exception_type` is the member of the modelled stream, such as `throttlingException`.
    """
    headers = {":message-type": "exception", ":exception-type": exception_type, ":content-type": "application/json"}
    return _encoder().encode_message(headers, body.dump({"message": message}))


@cache
def _encoder() -> EventStreamEncoder:
    from moto.core.eventstream import EventStreamEncoder

    return EventStreamEncoder()
