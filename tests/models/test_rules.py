from __future__ import annotations

import re
from typing import Any

import pytest

from agentcore_emulator.models.conversation import Conversation, ToolResult, Turn
from agentcore_emulator.models.rules import NO_RULE, Call, Pacing, Placeholder, Rule, Script, Template, ToolCall, When

OK = Template(["ok"])


def conversation(user: str = "", **more: Any) -> Conversation:
    empty: dict[str, Any] = {
        "history": (),
        "results": (),
        "system": "",
        "tools": frozenset(),
        "required": frozenset(),
    }
    return Conversation(user=user, **(empty | more))


def reply(rules: list[Rule], asked: Conversation) -> str:
    return Script(rules, Pacing()).reply(asked).text


def test_the_first_rule_that_applies_answers() -> None:
    rules = [
        Rule("a", When(user=re.compile("a")), Template(["A"])),
        Rule("b", When(user=re.compile("b")), Template(["B"])),
        Rule("c", When(), Template(["C"])),
    ]
    assert reply(rules, conversation("b a")) == "A"
    assert reply(rules, conversation("b")) == "B"
    assert reply(rules, conversation("x")) == "C"


def test_without_a_rule_the_answer_says_so() -> None:
    answer = Script([], Pacing()).reply(conversation("x"))
    assert (answer.rule, answer.text, answer.call) == (None, NO_RULE, None)


def test_captures_of_all_conditions_fill_the_answer_and_are_stripped() -> None:
    when = When(
        user=re.compile("(?P<verb>add)"),
        system=re.compile("in (?P<unit>.+)"),
        history=[("assistant", re.compile("=(?P<result>.*)")), (None, re.compile("(?P<first>hello)"))],
    )
    say = Template(
        [Placeholder("verb"), "/", Placeholder("unit"), "/", Placeholder("result"), "/", Placeholder("first")]
    )
    history = (Turn("assistant", "1 + 1 = 2 "), Turn("user", "hello"))
    asked = conversation("add", system="in metres", history=history)
    assert reply([Rule("all", when, say)], asked) == "add/metres/2/hello"


@pytest.mark.parametrize(
    "missing",
    [
        {"user": "subtract"},
        {"system": "in feet"},
        {"history": (Turn("user", "= 2"), Turn("user", "hello"))},
        {"history": (Turn("assistant", "= 2"),)},
        {"tools": frozenset({"other"})},
    ],
)
def test_every_condition_must_hold(missing: dict[str, Any]) -> None:
    when = When(
        user=re.compile("add"),
        system=re.compile("metres"),
        history=[("assistant", re.compile("=")), (None, re.compile("hello"))],
        tools=frozenset({"calculator"}),
    )
    holding: dict[str, Any] = {
        "user": "add",
        "system": "in metres",
        "history": (Turn("assistant", "= 2"), Turn("user", "hello")),
        "tools": frozenset({"calculator", "other"}),
    }
    assert when.match(conversation(**holding)) == {}
    assert when.match(conversation(**(holding | missing))) is None


def test_history_finds_the_last_match_of_the_newest_turn_that_has_one() -> None:
    when = When(history=[(None, re.compile(r"(?P<n>\d+)"))])
    history = (Turn("user", "none"), Turn("assistant", "3 and 4"), Turn("user", "1 and 2"))
    assert when.match(conversation(history=history)) == {"n": "4"}


def test_history_of_one_speaker_leaves_out_the_others() -> None:
    history = (Turn("tool", "3"), Turn("assistant", "2"), Turn("user", "1"))
    for speaker, number in (("user", "1"), ("assistant", "2"), ("tool", "3")):
        when = When(history=[(speaker, re.compile(r"(?P<n>\d)"))])  # type: ignore[list-item]
        assert when.match(conversation(history=history)) == {"n": number}


def test_a_group_that_took_no_part_is_empty() -> None:
    when = When(user=re.compile("a(?P<b>b)?"))
    assert when.match(conversation("a")) == {"b": ""}


def test_rules_about_tool_results_apply_right_after_a_tool_and_the_others_do_not() -> None:
    rules = [
        Rule("after", When(tool_result=[("calculator", re.compile(r"(?P<n>\d+)"))]), Template([Placeholder("n")])),
        Rule("other", When(user=re.compile("")), Template(["text"])),
    ]
    ran = ToolResult("calculator", {"expression": "1 + 1"}, "2")
    assert reply(rules, conversation("1 + 1", results=(ran,))) == "2"
    assert reply(rules, conversation("1 + 1")) == "text"
    assert reply(rules, conversation("1 + 1", results=(ToolResult("clock", {}, "12"),))) == NO_RULE


def test_the_tool_that_ran_its_input_and_its_result_can_be_named() -> None:
    say = Template(
        [Placeholder(n) for n in ("tool", "tool_result", "input.text", "input.number", "input.list", "input.no")]
    )
    ran = ToolResult("t", {"text": "a", "number": 1, "list": ["é"]}, "r")
    rule = Rule("after", When(tool_result=[(None, re.compile(""))]), say)
    assert reply([rule], conversation(results=(ran,))) == 'tra1["é"]'
    assert reply([rule], conversation(results=(ToolResult("t", "no mapping", "r"),))) == "tr"


def test_of_several_tool_results_the_last_one_that_fits_counts() -> None:
    when = When(tool_result=[("a", re.compile("(?P<n>.)"))])
    results = (ToolResult("a", {}, "1"), ToolResult("a", {}, "2"), ToolResult("b", {}, "3"))
    values = when.match(conversation(results=results))
    assert values is not None
    assert values["n"] == "2"


def test_rewrites_are_made_one_after_the_other() -> None:
    rewrites = [(re.compile("plus"), "+"), (re.compile(r"(\d)\s*\+\s*"), r"\1 + ")]
    rule = Rule("r", When(user=re.compile("(?P<e>.+)")), Template([Placeholder("e", rewrites)]))
    assert reply([rule], conversation("1plus2")) == "1 + 2"


def test_a_call_is_filled_in_at_any_depth() -> None:
    tool_input = {"q": Template(["<", Placeholder("w"), ">"]), "n": 3, "deep": [{"q": Template([Placeholder("w")])}]}
    rule = Rule("r", When(user=re.compile(r"(?P<w>\w+)")), call=Call("search", tool_input))
    answer = Script([rule], Pacing()).reply(conversation("cats", tools=frozenset({"search"})))
    assert answer.call == ToolCall("search", {"q": "<cats>", "n": 3, "deep": [{"q": "cats"}]})
    assert answer.text == ""


def test_a_tool_that_is_not_offered_is_not_called() -> None:
    rules = [Rule("r", When(), call=Call("search", {})), Rule("else", When(), OK)]
    assert reply(rules, conversation(tools=frozenset({"other"}))) == "ok"


def test_where_a_tool_is_demanded_only_its_calls_count_and_no_text_goes_with_them() -> None:
    rules = [
        Rule("text", When(), OK),
        Rule("a", When(user=re.compile("a")), OK, Call("a", {})),
        Rule("b", When(), OK, Call("b", {})),
    ]
    tools = frozenset({"a", "b"})
    script = Script(rules, Pacing())
    free = script.reply(conversation("a", tools=tools))
    assert (free.rule, free.text) == ("text", "ok")
    any_tool = script.reply(conversation("a", tools=tools, required=tools))
    assert (any_tool.rule, any_tool.text) == ("a", "")
    one_tool = script.reply(conversation("a", tools=tools, required=frozenset({"b"})))
    assert one_tool.rule == "b"
    unknown = script.reply(conversation("a", tools=tools, required=frozenset({"c"})))
    assert (unknown.rule, unknown.text) == (None, NO_RULE)


def test_a_rule_may_have_a_pacing_of_its_own() -> None:
    slow = Pacing(1.0, 0.5)
    script = Script([Rule("a", When(user=re.compile("a")), OK, pacing=slow), Rule("b", When(), OK)], Pacing(0.1))
    assert script.reply(conversation("a")).pacing == slow
    assert script.reply(conversation("b")).pacing == Pacing(0.1)
