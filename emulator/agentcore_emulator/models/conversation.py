"""What the rules of a scripted model see of a Converse request: a few plain texts instead of nested content blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["MAX_TEXT", "Conversation", "ToolResult", "Turn", "read"]

# Rules are searched on the event loop, and whoever sends a prompt decides how long it is. What is asked stands at its
# end.
MAX_TEXT = 4_000

Speaker = Literal["user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said in an earlier turn; a tool speaks through its results."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer of a tool that the model has just called, and the input that it was called with."""

    tool: str
    input: Any
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A Converse request as rules see it. Every text is cut to its last `MAX_TEXT` characters.

    `user` is what the newest user message says; if that only brings tool results, what the user said before them.
    `results` are the tool results that the request ends with, in their order. `history` are the turns before `user`,
    newest first. `tools` are the names on offer, `required` those of which `toolChoice` demands one (empty: no demand).
    """

    user: str
    history: tuple[Turn, ...]
    results: tuple[ToolResult, ...]
    system: str
    tools: frozenset[str]
    required: frozenset[str]


def read(parsed: Mapping[str, Any]) -> Conversation:
    """Read the parsed input of Converse or ConverseStream, which `validation.check` has let pass.

    Images, documents, reasoning, cache points and whatever else holds no conversation are passed over.
    """
    messages = parsed["messages"]
    asides = [block for message in messages if message["role"] == "system" for block in message["content"]]
    turns = [message for message in messages if message["role"] != "system"]
    results = tuple(_results(turns))
    asked = _question(turns) if results else len(turns) - 1
    tool_config = parsed.get("toolConfig", {})
    tools = frozenset(_tool_names(tool_config.get("tools", ())))
    return Conversation(
        user=_text(turns[asked]["content"]),
        history=tuple(_history(turns[:asked])),
        results=results,
        system=_text([*parsed.get("system", ()), *asides]),
        tools=tools,
        required=_required(tool_config.get("toolChoice", {}), tools),
    )


def _question(turns: list[Mapping[str, Any]]) -> int:
    """Where the user last said something."""
    return max((i for i, turn in enumerate(turns) if turn["role"] == "user" and _text(turn["content"])), default=0)


def _text(blocks: Iterable[Mapping[str, Any]]) -> str:
    """The text blocks, a line each. A guardrail's block counts: Strands can wrap the user's text in one."""
    texts = []
    for block in blocks:
        if "text" in block:
            texts.append(block["text"])
        elif "guardContent" in block:
            texts.append(block["guardContent"].get("text", {}).get("text", ""))
        elif "citationsContent" in block:
            texts.extend(part.get("text", "") for part in block["citationsContent"].get("content", ()))
    return "\n".join(filter(None, texts))[-MAX_TEXT:]


def _result_text(block: Mapping[str, Any]) -> str:
    parts = [
        json.dumps(part["json"], ensure_ascii=False) if "json" in part else part.get("text", "")
        for part in block["content"]
    ]
    return "\n".join(filter(None, parts))[-MAX_TEXT:]


def _history(turns: Iterable[Mapping[str, Any]]) -> list[Turn]:
    history = []
    for turn in turns:
        history += [Turn("tool", _result_text(b["toolResult"])) for b in turn["content"] if "toolResult" in b]
        if text := _text(turn["content"]):
            history.append(Turn(turn["role"], text))
    return history[::-1]


def _results(turns: list[Mapping[str, Any]]) -> Iterable[ToolResult]:
    calls = {b["toolUse"]["toolUseId"]: b["toolUse"] for turn in turns for b in turn["content"] if "toolUse" in b}
    for block in turns[-1]["content"]:
        if "toolResult" in block and (call := calls.get(block["toolResult"]["toolUseId"])):
            yield ToolResult(call["name"], call["input"], _result_text(block["toolResult"]))


def _tool_names(tools: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for tool in tools:
        for kind in ("toolSpec", "systemTool"):
            if kind in tool:
                yield tool[kind]["name"]


def _required(choice: Mapping[str, Any], tools: frozenset[str]) -> frozenset[str]:
    if "tool" in choice:
        return frozenset([choice["tool"]["name"]])
    return tools if "any" in choice else frozenset()
