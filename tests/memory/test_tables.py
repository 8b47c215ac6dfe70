from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.memory.tables import milliseconds

Call = Callable[..., Awaitable[dict[str, Any]]]


@given(st.integers(0, 253_402_300_799_999))
def test_whole_milliseconds_stay_what_they_are(value: int) -> None:
    assert milliseconds(value / 1000) == value


@pytest.mark.parametrize(
    ("seconds", "whole"),
    [
        (0.0, 0),
        (1, 1000),
        (1.001, 1001),
        (1.9999, 1999),
        (1756147154.123456, 1756147154123),
        (253_402_300_799.9999, 253_402_300_799_999),
    ],
)
def test_fractions_are_rounded_down(seconds: float, whole: int) -> None:
    assert milliseconds(seconds) == whole


@pytest.mark.parametrize("text", ["a\0b", "\x1b", "\x1b0", "\0\x1b\0", "\x1b\x1b0\n", "\U0010ffff"])
async def test_a_record_can_say_anything(call: Call, text: str) -> None:
    record = {"requestIdentifier": "1", "namespaces": ["/"], "content": {"text": text}, "timestamp": 1.0}
    made = await call("BatchCreateMemoryRecords", records=[record])
    record_id = made["successfulRecords"][0]["memoryRecordId"]
    shown = await call("GetMemoryRecord", memoryRecordId=record_id)
    assert shown["memoryRecord"]["content"] == {"text": text}
    given = {"namespacePath": "/", "searchCriteria": {"searchQuery": text}}
    found = await call("RetrieveMemoryRecords", **given)
    assert [summary["content"]["text"] for summary in found["memoryRecordSummaries"]] == [text]
