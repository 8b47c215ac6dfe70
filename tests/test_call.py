from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from agentcore_emulator.beginning import Beginning
from agentcore_emulator.call import UPGRADE, Call, TrackedSend, read_body
from agentcore_emulator.errors import ValidationException
from agentcore_emulator.wire.request import Answer
from agentcore_emulator.wire.service import load


def gives(messages: Iterator[dict[str, Any]]) -> Receive:
    async def receive() -> Message:
        return next(messages)

    return receive


def call(sent: list[Message], **scope: Any) -> Call:
    async def send(message: Message) -> None:
        sent.append(message)

    operation = load("bedrock-agentcore").operation("InvokeAgentRuntimeWithWebSocketStream")
    query = [("qualifier", "one"), ("qualifier", "two"), ("empty", "")]
    receive = Beginning(gives(iter(())))
    return Call(operation, {"agentRuntimeArn": "a"}, query, {}, "r", scope, receive, TrackedSend(send))


async def test_a_whole_answer() -> None:
    sent: list[Message] = []
    made = call(sent)
    before = made.answering
    await made.reply(Answer(418, [("X-A", "b")], b"tea"))
    assert (before, made.answering) == (False, True)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (sent[0]["status"], sent[0]["headers"]) == (418, [(b"x-a", b"b"), (b"content-length", b"3")])


def test_what_is_asked_for() -> None:
    made = call([])
    assert (made.parameter("qualifier"), made.parameter("empty"), made.parameter("none")) == ("one", "", None)
    assert made.parse() == {"agentRuntimeArn": "a", "qualifier": "one"}


def test_a_connection_that_is_taken_over_is_answered() -> None:
    assert call([]).accept is None
    taken: list[Any] = []
    made = call([], extensions={UPGRADE: lambda *given: taken.append(given)})
    assert made.accept is not None
    assert not made.answering
    protocol: Any = object()
    made.accept([(b"a", b"b")], protocol)
    assert (taken, made.answering) == ([([(b"a", b"b")], protocol)], True)


async def test_a_body_has_a_limit() -> None:
    def without_end() -> Iterator[dict[str, Any]]:
        while True:
            yield {"type": "http.request", "body": bytes(1024 * 1024), "more_body": True}

    with pytest.raises(ValidationException, match="larger than 16777216 bytes"):
        await read_body({"type": "http"}, gives(without_end()))


async def test_a_client_that_goes_away_within_its_body() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]
    with pytest.raises(ClientDisconnect):
        await read_body({"type": "http"}, gives(iter(messages)))
