from __future__ import annotations

from typing import Any

from agentcore_emulator.models.conversation import MAX_TEXT, ToolResult, Turn, read


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


USE = {"toolUse": {"toolUseId": "t1", "name": "calculator", "input": {"expression": "1 + 1"}}}


def result(*content: dict[str, Any]) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": "t1", "content": list(content)}}


def test_history_is_newest_first_and_ends_before_the_last_user_message() -> None:
    conversation = read({"messages": [user({"text": "a"}), assistant({"text": "b"}), user({"text": "c"})]})
    assert conversation.user == "c"
    assert conversation.history == (Turn("assistant", "b"), Turn("user", "a"))
    assert conversation.results == ()


def test_while_a_tool_is_used_user_is_the_question_and_the_call_is_no_history() -> None:
    conversation = read(
        {"messages": [user({"text": "1 + 1?"}), assistant({"text": "Let me see."}, USE), user(result({"text": "2"}))]}
    )
    assert conversation.user == "1 + 1?"
    assert conversation.history == ()
    assert conversation.results == (ToolResult("calculator", {"expression": "1 + 1"}, "2"),)


def test_results_of_earlier_tools_are_history() -> None:
    conversation = read(
        {
            "messages": [
                user({"text": "1 + 1?"}),
                assistant(USE),
                user(result({"text": "2"}, {"json": {"unit": "€"}})),
                assistant({"text": "1 + 1 = 2."}),
                user({"text": "thanks"}),
            ]
        }
    )
    assert conversation.results == ()
    assert conversation.history == (
        Turn("assistant", "1 + 1 = 2."),
        Turn("tool", '2\n{"unit": "€"}'),
        Turn("user", "1 + 1?"),
    )


def test_what_is_no_text_is_passed_over() -> None:
    conversation = read(
        {
            "messages": [
                user(
                    {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
                    {"document": {"format": "txt", "name": "notes", "source": {"bytes": b"x"}}},
                    {"text": "look"},
                    {"cachePoint": {"type": "default"}},
                ),
                assistant(
                    {"reasoningContent": {"reasoningText": {"text": "secret"}}},
                    {"citationsContent": {"content": [{"text": "cited"}], "citations": []}},
                ),
                user({"guardContent": {"text": {"text": "guarded"}}}),
            ]
        }
    )
    assert conversation.user == "guarded"
    assert conversation.history == (Turn("assistant", "cited"), Turn("user", "look"))


def test_an_image_alone_does_not_ask_the_question_before_it_again() -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    conversation = read({"messages": [user({"text": "14 + 34"}), assistant({"text": "48"}), user(image)]})
    assert conversation.user == ""


def test_system_texts_come_from_both_places_and_are_no_turns() -> None:
    aside = {"role": "system", "content": [{"text": "be kind"}]}
    conversation = read({"system": [{"text": "be brief"}], "messages": [user({"text": "hello"}), aside]})
    assert conversation.system == "be brief\nbe kind"
    assert (conversation.user, conversation.history) == ("hello", ())


def test_tools_and_what_tool_choice_demands() -> None:
    tools = [
        {"toolSpec": {"name": "a", "inputSchema": {"json": {}}}},
        {"systemTool": {"name": "b"}},
        {"cachePoint": {"type": "default"}},
    ]

    def required(**choice: Any) -> frozenset[str]:
        conversation = read({"messages": [user({"text": "x"})], "toolConfig": {"tools": tools, **choice}})
        assert conversation.tools == {"a", "b"}
        return conversation.required

    assert required() == frozenset()
    assert required(toolChoice={"auto": {}}) == frozenset()
    assert required(toolChoice={"any": {}}) == {"a", "b"}
    assert required(toolChoice={"tool": {"name": "b"}}) == {"b"}


def test_long_texts_keep_their_end() -> None:
    conversation = read({"messages": [user({"text": "x" * MAX_TEXT + "?"})]})
    assert len(conversation.user) == MAX_TEXT
    assert conversation.user.endswith("x?")


def test_the_result_of_a_tool_that_the_service_runs_itself_is_not_ours() -> None:
    of_service = {"toolResult": {"toolUseId": "s1", "content": [{"text": "x"}], "type": "server"}}
    conversation = read({"messages": [user({"text": "hello"}, of_service)]})
    assert conversation.results == ()
