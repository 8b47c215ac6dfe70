from __future__ import annotations

import datetime
from typing import Any

import pytest

from agentcore_contracts.exchanges import Exchange, Read
from agentcore_contracts.parity import plain


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"", ""),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"[1]", [1]),
        (b'"text"', '"text"'),
        (b"17", "17"),
        (b"{no json", "{no json"),
        (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        (b"[" * 100_000, "[" * 100_000),
        ("grün".encode(), "grün"),
        (b"\xff\x00", {"base64": "/wA="}),
    ],
)
def test_bodies(data: bytes, written: Any) -> None:
    assert plain.body(data) == written


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b'data: {"a": 1}\n\ndata: "b"\n\n', [{"a": 1}, '"b"']),
        (b"", []),
        (b"data: 1\n\ndata: 2", "data: 1\n\ndata: 2"),
        (b"event: x\ndata: 1\n\n", "event: x\ndata: 1\n\n"),
    ],
)
def test_streams(data: bytes, written: Any) -> None:
    assert plain.body(data, "text/event-stream; charset=utf-8") == written


def test_values_of_boto3() -> None:
    east = datetime.timezone(datetime.timedelta(hours=2))
    value = {"at": datetime.datetime(2026, 11, 24, 12, tzinfo=east), "blob": b"[1]", "each": (1, 2.5, None, True)}
    assert plain.value(value) == {"at": "2026-11-24T10:00:00+00:00", "blob": [1], "each": [1, 2.5, None, True]}


def test_an_exchange() -> None:
    read = Read(bytearray(b"data: 1\n\n"), end="broken")
    exchange = Exchange("InvokeAgentRuntime", {"payload": b"{}"}, 200, {"content-type": "text/event-stream"}, body=read)
    assert plain.exchange(exchange) == {
        "operation": "InvokeAgentRuntime",
        "request": {"payload": {}},
        "status": 200,
        "headers": {"content-type": "text/event-stream"},
        "body": ["1"],
        "end": "broken",
    }


def test_an_exchange_without_an_answer() -> None:
    assert plain.exchange(Exchange("GetEvent", {}, error="ReadTimeoutError")) == {
        "operation": "GetEvent",
        "error": "ReadTimeoutError",
    }
