"""Frames, read back by botocore."""

from __future__ import annotations

import json

import pytest
from botocore.eventstream import EventStreamBuffer, EventStreamMessage
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.wire import eventstream


def decoded(*frames: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    for frame in frames:
        buffer.add_data(frame)
    return list(buffer)


# The first frame imports the encoder, which takes longer than Hypothesis allows.
@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_an_event(payload: dict[str, object]) -> None:
    (message,) = decoded(eventstream.event("chunk", payload))
    assert message.to_response_dict()["headers"] == {
        ":message-type": "event",
        ":event-type": "chunk",
        ":content-type": "application/json",
    }
    assert json.loads(message.payload) == payload


def test_frames_follow_one_another() -> None:
    frames = [eventstream.event("chunk", {"number": number}) for number in range(3)]
    assert [json.loads(message.payload)["number"] for message in decoded(b"".join(frames))] == [0, 1, 2]


def test_botocore_parses_an_event_by_its_shape() -> None:
    shape = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2")).shape_for("ConverseStreamOutput")
    frame = eventstream.event("contentBlockDelta", {"delta": {"text": "é"}, "contentBlockIndex": 0})
    (message,) = decoded(frame)
    parsed = EventStreamJSONParser().parse(message.to_response_dict(), shape)
    assert parsed == {"contentBlockDelta": {"delta": {"text": "é"}, "contentBlockIndex": 0}}


def test_botocore_parses_an_exception() -> None:
    shape = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2")).shape_for("ConverseStreamOutput")
    (message,) = decoded(eventstream.exception("throttlingException", "Slow down."))
    response = message.to_response_dict()
    assert response["status_code"] == 400
    parsed = EventStreamJSONParser().parse(response, shape)
    assert parsed["Error"] == {"Code": "throttlingException", "Message": "Slow down."}


async def test_prepare_may_be_awaited_again() -> None:
    await eventstream.prepare()
    await eventstream.prepare()
    assert decoded(eventstream.event("chunk", {}))


def test_bytes_are_not_json() -> None:
    with pytest.raises(TypeError):
        eventstream.event("chunk", {"bytes": b""})
