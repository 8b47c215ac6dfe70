"""What is said on a WebSocket, both ways."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection

from agentcore_contracts import contract
from agentcore_contracts.contracts.conversation import GUIDE, QUOTAS, SINCE, ask
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values, texts


@pytest.fixture
def line(agentcore: AgentCore, warm_session: str) -> Iterator[ClientConnection]:
    """A connection for the examples of a property, which have one message each: there may be 250 frames a second."""
    with agentcore.connect(warm_session) as connection:
        yield connection


@contract(
    "WS-010",
    title="Any text arrives at the agent and comes back as a text message",
    evidence="aws-docs",
    source=f"{GUIDE}: text and binary messages",
    since=SINCE,
)
@given(text=texts())
@example(text="")
@example(text="\x00\ufeff\U0010ffff")
def test_any_text(line: ClientConnection, text: str) -> None:
    """Not normalised, not trimmed, and not made binary."""
    line.send(text)
    assert line.recv() == text


@contract(
    "WS-011",
    title="Any bytes arrive at the agent and come back as a binary message",
    evidence="aws-docs",
    source=f"{GUIDE}: text and binary messages",
    since=SINCE,
)
@given(data=st.binary(max_size=2000))
@example(data=b"")
@example(data=b'{"do": "count"}')
def test_any_bytes(line: ClientConnection, data: bytes) -> None:
    """Also those that would be text."""
    line.send(data)
    assert line.recv() == data


@contract(
    "WS-012",
    title="Messages of all sizes up to 32 KB pass whole, both ways",
    evidence="aws-docs",
    source=f"{QUOTAS}: 64 KB a frame; {GUIDE} has 32 KB",
    since=SINCE,
)
@given(size=st.integers(min_value=0, max_value=32 * 1024))
@example(size=125)
@example(size=126)
@example(size=32 * 1024)
def test_any_size(line: ClientConnection, size: int) -> None:
    """From 126 bytes on a frame's length is written in another way."""
    # Other bytes for each size, and the same in every run.
    data = hashlib.sha256(b"%d" % size).digest() * (size // 32 + 1)
    line.send(data[:size])
    assert line.recv() == data[:size]


@contract(
    "WS-013",
    title="The order of messages is kept, both ways, however many are on their way",
    evidence="aws-docs",
    source=GUIDE,
    since=SINCE,
)
@given(messages=st.lists(texts() | st.binary(max_size=100), max_size=20))
def test_the_order_of_messages(agentcore: AgentCore, warm_session: str, messages: list[str | bytes]) -> None:
    """All are sent before the first answer is read."""
    with agentcore.connect(warm_session) as connection:
        for message in messages:
            connection.send(message)
        assert [connection.recv() for _ in messages] == messages


@contract(
    "WS-014",
    title="An agent may say much without being asked again",
    evidence="aws-docs",
    source=GUIDE,
    since=SINCE,
)
def test_a_burst(line: ClientConnection) -> None:
    """In order, and none is lost."""
    line.send(json.dumps({"do": "burst", "count": 200}))
    assert [line.recv() for _ in range(200)] == [f"{number}" for number in range(200)]


@contract(
    "WS-015",
    title="A message may come in several frames, and have more than a frame may have",
    evidence="aws-docs",
    source=f"{QUOTAS}: the limit is that of a frame",
    since=SINCE,
)
def test_a_message_of_many_frames(line: ClientConnection) -> None:
    """Of the parts of an order the agent has made one message, or it would not have understood it."""
    order = json.dumps({"do": "echo", "padding": "x" * 2 * 64 * 1024, "value": [1, 2]})
    line.send(order[at : at + 10_000] for at in range(0, len(order), 10_000))
    assert json.loads(line.recv()) == [1, 2]


@contract(
    "WS-016",
    title="A ping of the client's is answered with its own data",
    evidence="aws-docs",
    source=f"{GUIDE}: pings and pongs keep a connection",
    since=SINCE,
)
def test_a_ping(line: ClientConnection) -> None:
    """RFC 6455, section 5.5.3."""
    assert line.ping(b"are you there").wait(20)


@contract(
    "WS-017",
    title="What an agent computes of an order on a WebSocket is what it computes of a payload",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_websocket hands the connection to the agent",
    since=SINCE,
)
@given(value=json_values())
def test_any_json(line: ClientConnection, value: Any) -> None:
    """Through a text message there and one back."""
    assert json.dumps(ask(line, {"do": "echo", "value": value})) == json.dumps(value)
