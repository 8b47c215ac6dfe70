"""The rules that Bedrock holds a conversation to beyond the shapes of its service model.

The sentences are the service's own, as users have reported them on GitHub; each check names one report.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from agentcore_emulator.errors import ValidationException

__all__ = ["check"]


def check(parsed: Mapping[str, Any]) -> None:
    """Raise `ValidationException` for a parsed Converse or ConverseStream input that Bedrock would refuse.

    Which of several faults the service names first is not known; here it is the one that comes first below.
    """
    messages = parsed.get("messages", [])
    _check_content(messages)
    # A message of role `system` amid a conversation is of neither side (botocore model, ToolAdditionBlock).
    turns = [(index, message) for index, message in enumerate(messages) if message["role"] != "system"]
    _check_roles([message["role"] for _, message in turns])
    _check_tools(turns, has_tools="toolConfig" in parsed)


def _check_content(messages: Sequence[Mapping[str, Any]]) -> None:
    for index, message in enumerate(messages):
        if not message["content"]:
            # archestra-ai/archestra#4220, earendil-works/pi#3443
            raise ValidationException(
                f"The content field in the Message object at messages.{index} is empty. "
                "Add a ContentBlock object to the content field and try again."
            )
        for place, block in enumerate(message["content"]):
            if "text" in block and not block["text"].strip():
                # OpenHands/OpenHands#5339
                raise ValidationException(
                    f"The text field in the ContentBlock object at messages.{index}.content.{place} is blank. "
                    "Add text to the text field, and try again."
                )


def _check_roles(roles: Sequence[str]) -> None:
    if not roles or roles[0] != "user":
        # elastic/kibana#246393
        raise ValidationException(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    if any(before == after for before, after in itertools.pairwise(roles)):
        # langchain-ai/langchain-aws#130
        raise ValidationException(
            "A conversation must alternate between user and assistant roles. "
            "Make sure the conversation alternates between user and assistant roles and try again."
        )
    if roles[-1] != "user":
        # smallmain/vscode-unify-chat-provider#249; so the models from Claude 4.6 on, which is what Strands asks for.
        raise ValidationException(
            "The model returned the following errors: This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )


def _check_tools(turns: Sequence[tuple[int, Mapping[str, Any]]], *, has_tools: bool) -> None:
    called: list[str] = []
    for index, message in turns:
        answered = _tool_ids(message, "toolResult")
        if missing := [id_ for id_ in called if id_ not in answered]:
            # agno-agi/agno#6698
            raise ValidationException(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"
            )
        if len(answered) > len(called):
            # strands-agents/harness-sdk#1435
            raise ValidationException(
                f"The number of toolResult blocks at messages.{index}.content "
                "exceeds the number of toolUse blocks of previous turn."
            )
        called = _tool_ids(message, "toolUse")
        if (answered or called) and not has_tools:
            # langgenius/dify#16421
            raise ValidationException(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks."
            )


def _tool_ids(message: Mapping[str, Any], kind: str) -> list[str]:
    # A block with a type (`server_tool_use`) is of a tool that the service runs itself, within the assistant's turn.
    return [b[kind]["toolUseId"] for b in message["content"] if kind in b and "type" not in b[kind]]
