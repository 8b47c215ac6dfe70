from __future__ import annotations

import re
from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.models.validation import check

TOOLS: dict[str, Any] = {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}]}


def message(role: str, *blocks: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def use(*ids: str) -> dict[str, Any]:
    return message("assistant", *({"toolUse": {"toolUseId": id_, "name": "t", "input": {}}} for id_ in ids))


def results(*ids: str) -> dict[str, Any]:
    return message("user", *({"toolResult": {"toolUseId": id_, "content": [{"text": "1"}]}} for id_ in ids))


TOO_MANY = (
    "The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn."
)
ALTERNATE = "A conversation must alternate between user and assistant roles."
START = "A conversation must start with a user message."


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], START),
        ([message("assistant", "hi"), message("user", "hi")], START),
        ([message("system", "hi")], START),
        ([message("user", "a"), message("user", "b")], ALTERNATE),
        ([message("user", "a"), message("system", "s"), message("user", "b")], ALTERNATE),
        ([message("user", "a"), message("assistant", "b")], "The conversation must end with a user message."),
        ([message("user")], "The content field in the Message object at messages.0 is empty."),
        (
            [message("user", "a", " \n")],
            "The text field in the ContentBlock object at messages.0.content.1 is blank.",
        ),
        (
            [message("user", "a"), use("x", "y", "z"), results("y")],
            "Expected toolResult blocks at messages.2.content for the following Ids: x, z",
        ),
        (
            [message("user", "a"), use("x"), message("user", "b")],
            "Expected toolResult blocks at messages.2.content for the following Ids: x",
        ),
        (
            [message("user", "a"), use("x"), results("y")],
            "Expected toolResult blocks at messages.2.content for the following Ids: x",
        ),
        (
            [message("user", "a"), use("x"), results("x", "y")],
            TOO_MANY % 2,
        ),
        (
            [results("x")],
            TOO_MANY % 0,
        ),
    ],
)
def test_what_bedrock_refuses(messages: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ValidationException, match=re.escape(sentence)):
        check({"messages": messages, "toolConfig": TOOLS})


@pytest.mark.parametrize(
    "messages",
    [
        [message("user", "a")],
        [message("user", "a"), message("assistant", "b"), message("user", "c")],
        [message("user", "a"), use("x", "y"), results("y", "x")],
        [message("user", "a"), use("x"), message("system", "s"), results("x")],
        [message("system", "s"), message("user", "a")],
        [message("user", {"image": {"format": "png", "source": {"bytes": b"x"}}})],
    ],
)
def test_what_bedrock_takes(messages: list[dict[str, Any]]) -> None:
    check({"messages": messages, "toolConfig": TOOLS})


def test_tool_blocks_need_a_tool_config() -> None:
    conversation = [message("user", "a"), use("x"), results("x")]
    with pytest.raises(ValidationException, match="The toolConfig field must be defined when using toolUse"):
        check({"messages": conversation})


def test_tools_that_the_service_runs_are_answered_in_the_same_turn() -> None:
    turn = message(
        "assistant",
        {"toolUse": {"toolUseId": "s1", "name": "search", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s1", "content": [], "type": "search_result"}},
        "found",
    )
    check({"messages": [message("user", "a"), turn, message("user", "b")]})
