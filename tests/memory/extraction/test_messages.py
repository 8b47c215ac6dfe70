from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.memory.extraction import messages
from agentcore_emulator.memory.extraction.messages import Message


def wrapped(role: str, *content: dict[str, Any], **more: Any) -> str:
    """As the Strands session manager stores a message."""
    return json.dumps({"message": {"role": role, "content": list(content)}, "message_id": 0, **more})


def read(text: str, role: str = "USER") -> list[Message]:
    return messages.read([{"eventId": "e", "messageIndex": 0, "role": role, "text": text}])


def test_a_plain_text_is_what_was_said() -> None:
    assert read("I like tea") == [Message("USER", "I like tea")]
    assert read("Noted", "ASSISTANT") == [Message("ASSISTANT", "Noted")]
    assert read("Hm", "OTHER") == [Message("OTHER", "Hm")]


def test_what_a_tool_says_is_nobodys_word() -> None:
    assert read("I like tea", "TOOL") == []


def test_a_message_of_strands_is_unwrapped() -> None:
    text = wrapped("user", {"text": "I like tea"}, {"text": "and you?"}, created_at="2026-01-01T00:00:00Z")
    assert read(text) == [Message("USER", "I like tea\nand you?")]


def test_tools_are_named_and_their_results_left_out() -> None:
    call = {"toolUse": {"toolUseId": "1", "name": "search", "input": {"query": "I like coffee"}}}
    result = {"toolResult": {"toolUseId": "1", "status": "success", "content": [{"text": "I like cocoa"}]}}
    assert read(wrapped("assistant", {"text": "Let me look."}, call), "ASSISTANT") == [
        Message("ASSISTANT", "Let me look.", ("search",))
    ]
    assert read(wrapped("user", result)) == []


def test_what_a_guardrail_took_out_is_not_read() -> None:
    redacted = {"role": "user", "content": [{"text": "[removed]"}]}
    assert read(wrapped("user", {"text": "my secret"}, redact_message=redacted)) == [Message("USER", "[removed]")]
    assert read(wrapped("user", {"text": "my secret"}, redact_message=None)) == [Message("USER", "my secret")]


def test_a_message_of_openai_is_unwrapped() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert read(json.dumps({"message": said, "message_id": 1}), "ASSISTANT") == [Message("ASSISTANT", "", ("search",))]
    assert read(json.dumps({"message": {"role": "user", "content": "I like tea"}})) == [Message("USER", "I like tea")]
    assert read(json.dumps({"message": {"role": "tool", "content": "I like cocoa"}})) == []


def test_json_that_is_no_message_is_a_text() -> None:
    assert read('{"a": 1}') == [Message("USER", '{"a": 1}')]
    assert read("{not json") == [Message("USER", "{not json")]
    assert read("[" * 50_000) == [Message("USER", "[" * 50_000)]


def test_what_was_remembered_is_not_what_is_said() -> None:
    assert read("<user_context>The user likes tea.</user_context>\nI like cocoa") == [Message("USER", "I like cocoa")]
    assert read("<user_context>I like tea") == [Message("USER", "<user_context>I like tea")]


def test_what_no_record_can_have_is_taken_out() -> None:
    assert read("I\x00 like \u202etea\x1b[0m") == [Message("USER", "I like tea[0m")]
    # An escape that makes half a character.
    assert read('{"message": {"role": "user", "content": [{"text": "tea \\ud83d"}]}}') == [Message("USER", "tea")]


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (
            {"order": {"status": "sent", "items": ["tea", "cup"]}},
            "The order's status is sent.\nThe order's items is tea, cup.",
        ),
        (
            {"firstName": "Ada", "is_member": True, "age": 36},
            "The first name is Ada.\nThe is member is yes.\nThe age is 36.",
        ),
        ([{"city": "Rome"}, {"city": "Oslo"}], "The city is Rome.\nThe city is Oslo."),
        ("I like tea", "I like tea"),
        ({"nothing": None, "long": "x" * 300}, ""),
    ],
)
def test_a_document_is_read_as_sentences(content: Any, facts: str) -> None:
    assert messages.read([{"messageIndex": 0, "json": content}]) == ([Message("DATA", facts)] if facts else [])


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"messages": m}, json.dumps])
def test_a_document_can_be_a_conversation(wrap: Any) -> None:
    said = [{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": [{"text": "Noted"}]}]
    assert messages.read([{"messageIndex": 0, "json": wrap(said)}]) == [
        Message("USER", "I like tea"),
        Message("ASSISTANT", "Noted"),
    ]


def test_a_document_is_not_followed_into_its_depths() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": deep}
    assert messages.read([{"messageIndex": 0, "json": deep}]) == []
    (message,) = messages.read([{"messageIndex": 0, "json": {str(n): n for n in range(1000)}}])
    assert message.text.count("\n") == 49


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: (
        st.lists(children) | st.dictionaries(st.sampled_from(["role", "content", "message", "text", "x"]), children)
    ),
)


@given(JSON)
def test_any_document_is_read(document: Any) -> None:
    for stored in ({"json": document}, {"role": "USER", "text": json.dumps(document)}):
        for message in messages.read([{"messageIndex": 0, **stored}]):
            message.text.encode()
            assert "\0" not in message.text
