from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.models.generation import Generation, count, generate, split
from agentcore_emulator.models.rules import Pacing, Reply, ToolCall

MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]


def made(text: str = "", call: ToolCall | None = None, **config: Any) -> Generation:
    return generate(Reply("r", text, call, Pacing()), {"messages": MESSAGES, "inferenceConfig": config})


@settings(deadline=None)
@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


def test_a_token_is_a_piece_of_a_word_with_the_space_before_it() -> None:
    assert split("14 + 34 = 48.\n\nUnbelievable ") == ["14", " +", " 34", " =", " 48.", "\n\nUnbeli", "evable", " "]


def test_a_text() -> None:
    answer = made("one two").response(7)
    assert answer["output"] == {"message": {"role": "assistant", "content": [{"text": "one two"}]}}
    assert answer["stopReason"] == "end_turn"
    assert answer["metrics"] == {"latencyMs": 7}
    assert answer["usage"]["outputTokens"] == 2


def test_a_text_before_a_call() -> None:
    generated = made("One moment.", ToolCall("search", {"q": "cats and dogs"}))
    text, call = generated.blocks
    assert text == {"text": "One moment."}
    assert call["toolUse"]["name"] == "search"
    assert call["toolUse"]["input"] == {"q": "cats and dogs"}
    assert generated.stop_reason == "tool_use"
    assert json.loads("".join(generated.tokens[1])) == {"q": "cats and dogs"}


def test_the_id_of_a_call_depends_on_the_messages_alone() -> None:
    def id_of(messages: list[dict[str, Any]], **more: Any) -> str:
        call = Reply("r", "", ToolCall("t", {}), Pacing())
        id_: str = generate(call, {"messages": messages, **more}).blocks[0]["toolUse"]["toolUseId"]
        return id_

    assert id_of(MESSAGES) == id_of([dict(MESSAGES[0])], inferenceConfig={"maxTokens": 9})
    assert id_of(MESSAGES) != id_of([*MESSAGES, *MESSAGES])
    assert id_of([{"role": "user", "content": [{"image": {"source": {"bytes": b"\xff"}}}]}]).startswith("tooluse_")


@pytest.mark.parametrize(
    ("config", "text", "stop_reason"),
    [
        ({"maxTokens": 3}, "one two three", "end_turn"),
        ({"maxTokens": 2}, "one two", "max_tokens"),
        ({"stopSequences": ["three", "two"]}, "one ", "stop_sequence"),
        ({"stopSequences": ["four"]}, "one two three", "end_turn"),
        ({"stopSequences": ["three"], "maxTokens": 1}, "one", "max_tokens"),
        ({"stopSequences": ["two"], "maxTokens": 3}, "one ", "stop_sequence"),
    ],
)
def test_where_a_text_ends(config: dict[str, Any], text: str, stop_reason: str) -> None:
    generated = made("one two three", **config)
    assert (list(generated.blocks), generated.stop_reason) == ([{"text": text}], stop_reason)


def test_a_text_that_stops_before_it_begins_is_no_block() -> None:
    generated = made("one", stopSequences=["one"])
    assert (list(generated.blocks), generated.output_tokens, generated.stop_reason) == ([], 0, "stop_sequence")


def test_a_stop_sequence_in_the_text_keeps_the_call_from_being_made() -> None:
    generated = made("Wait. Done.", ToolCall("t", {}), stopSequences=["Done"])
    assert (list(generated.blocks), generated.stop_reason) == ([{"text": "Wait. "}], "stop_sequence")


def test_a_call_that_is_cut_off_has_no_input() -> None:
    cut = made("One moment.", ToolCall("t", {"q": "cats and dogs"}), maxTokens=4)
    assert cut.stop_reason == "max_tokens"
    assert [block.get("toolUse", {}).get("input") for block in cut.blocks] == [None, {}]
    assert cut.output_tokens == 4
    assert list(made("One moment.", ToolCall("t", {}), maxTokens=2).blocks) == [{"text": "One moment"}]


def test_events_in_their_order() -> None:
    generated = made("Hi all", ToolCall("t", {}))
    pieces = [*generated.opening(), generated.closing(5)]
    assert [(piece.event, piece.payload.get("contentBlockIndex"), piece.is_token) for piece in pieces] == [
        ("messageStart", None, False),
        ("contentBlockDelta", 0, True),
        ("contentBlockDelta", 0, True),
        ("contentBlockStop", 0, False),
        ("contentBlockStart", 1, False),
        ("contentBlockDelta", 1, True),
        ("contentBlockStop", 1, False),
        ("messageStop", None, False),
        ("metadata", None, False),
    ]
    assert pieces[-1].payload == {k: v for k, v in generated.response(5).items() if k in ("usage", "metrics")}


def test_a_prompt_is_counted_by_its_characters() -> None:
    parsed = {
        "messages": [{"role": "user", "content": [{"text": "x" * 15}, {"image": {"source": {"bytes": b"12345678"}}}]}],
        "system": [{"text": "y" * 6}],
    }
    assert count(parsed) == 7  # 15 + 6 and the four of "user", a fourth of 25, rounded up
