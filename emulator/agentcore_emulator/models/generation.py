"""From a scripted reply to what Converse answers: tokens, limits, usage, the response and its stream of events."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentcore_emulator.models.rules import Reply

__all__ = ["Generation", "Piece", "count", "generate", "split"]

# A word piece of up to six characters with the white space before it: for English about four characters a token.
_TOKEN = re.compile(r"\s*+\S{1,6}|\s++")


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a stream. `is_token` tells those that a model takes its time for."""

    event: str
    payload: dict[str, Any]
    is_token: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished answer. `blocks` are content blocks as Converse returns them, `tokens` the tokens of each."""

    blocks: Sequence[dict[str, Any]]
    tokens: Sequence[Sequence[str]]
    stop_reason: str
    input_tokens: int

    @property
    def output_tokens(self) -> int:
        """How many tokens were generated; a tool call counts by its input as JSON."""
        return sum(map(len, self.tokens))

    def response(self, latency_ms: int) -> dict[str, Any]:
        """The output of Converse."""
        return {
            "output": {"message": {"role": "assistant", "content": list(self.blocks)}},
            "stopReason": self.stop_reason,
            **self._measures(latency_ms),
        }

    def opening(self) -> Iterator[Piece]:
        """The events of ConverseStream but the last, in the order that the API reference gives (ConverseStreamOutput).

        A text block has no contentBlockStart: the model's `ContentBlockStart` has no member for text.
        """
        yield Piece("messageStart", {"role": "assistant"})
        for index, (block, tokens) in enumerate(zip(self.blocks, self.tokens, strict=True)):
            if call := block.get("toolUse"):
                start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
                yield Piece("contentBlockStart", {"start": start, "contentBlockIndex": index})
            for token in tokens:
                delta = {"toolUse": {"input": token}} if "toolUse" in block else {"text": token}
                yield Piece("contentBlockDelta", {"delta": delta, "contentBlockIndex": index}, is_token=True)
            yield Piece("contentBlockStop", {"contentBlockIndex": index})
        yield Piece("messageStop", {"stopReason": self.stop_reason})

    def closing(self, latency_ms: int) -> Piece:
        """The event that ends a stream."""
        return Piece("metadata", self._measures(latency_ms))

    def _measures(self, latency_ms: int) -> dict[str, Any]:
        usage = {
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "totalTokens": self.input_tokens + self.output_tokens,
        }
        return {"usage": usage, "metrics": {"latencyMs": latency_ms}}


def split(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again."""
    return _TOKEN.findall(text)


def count(parsed: Mapping[str, Any]) -> int:
    """The tokens of a prompt: a fourth of the characters of all its strings, rounded up. Images count as none."""
    characters = sum(map(len, _texts([parsed["messages"], parsed.get("system"), parsed.get("toolConfig")])))
    return -(-characters // 4)


def generate(reply: Reply, parsed: Mapping[str, Any]) -> Generation:
    """Turn a reply to the parsed input of Converse into blocks, within its `stopSequences` and `maxTokens`.

    A stop sequence ends a text and is not part of it. A tool call that `maxTokens` cuts off has no valid JSON for its
    input; its block then has an empty one.
    """
    config = parsed.get("inferenceConfig", {})
    text, stop_reason = _stop(reply.text, config.get("stopSequences", ()))
    blocks: list[dict[str, Any]] = [{"text": text}]
    tokens = [split(text)]
    if reply.call and not stop_reason:
        stop_reason = "tool_use"
        blocks.append({"toolUse": {"toolUseId": _call_id(parsed), "name": reply.call.tool, "input": reply.call.input}})
        tokens.append(split(json.dumps(reply.call.input, ensure_ascii=False)))
    limit = config.get("maxTokens")
    if limit is not None and sum(map(len, tokens)) > limit:
        stop_reason = "max_tokens"
        tokens = list(_cut(tokens, limit))
        blocks[0] = {"text": "".join(tokens[0])}
        for block in blocks[1:]:
            block["toolUse"]["input"] = {}
    # A block that is empty, or that no token is left for, does not appear.
    kept = [(block, part) for block, part in zip(blocks, tokens, strict=True) if part]
    return Generation(
        blocks=[block for block, _ in kept],
        tokens=[part for _, part in kept],
        stop_reason=stop_reason or "end_turn",
        input_tokens=count(parsed),
    )


def _call_id(parsed: Mapping[str, Any]) -> str:
    """An id that differs along a conversation and is the same for the same request."""
    # repr() rather than JSON, because images are bytes.
    return f"tooluse_{hashlib.sha256(repr(parsed['messages']).encode()).hexdigest()[:22]}"


def _stop(text: str, sequences: Iterable[str]) -> tuple[str, str]:
    """The text up to the first stop sequence, and the stop reason if there is one."""
    places = [place for sequence in sequences if sequence and (place := text.find(sequence)) >= 0]
    return (text[: min(places)], "stop_sequence") if places else (text, "")


def _cut(blocks: Iterable[list[str]], limit: int) -> Iterator[list[str]]:
    for tokens in blocks:
        yield tokens[:limit]
        limit = max(0, limit - len(tokens))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
