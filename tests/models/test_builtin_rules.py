"""The rules in models/rules.yaml: what the conversations of the reference agent need."""

from __future__ import annotations

import ast
import operator
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from agentcore_emulator.models.conversation import MAX_TEXT, Conversation, ToolResult, Turn
from agentcore_emulator.models.rulefile import load
from agentcore_emulator.models.rules import NO_RULE

SCRIPT = load([])

NO_RESULT = "There is no earlier result in this conversation to go on from."
NO_CALCULATOR = "This agent offers me no calculator tool, and I do not calculate by myself."
NO_CALCULATION = "There has been no calculation in this conversation."


class Chat:
    """A conversation whose calculator is `calculate`; it remembers what was calculated."""

    def __init__(self, tools: frozenset[str] = frozenset({"calculator"})) -> None:
        self.tools = tools
        self.turns: tuple[Turn, ...] = ()
        self.expressions: list[str] = []

    def say(self, text: str) -> str:
        reply = SCRIPT.reply(self._conversation(text))
        if reply.call:
            assert reply.call.tool == "calculator"
            expression = reply.call.input["expression"]
            self.expressions.append(expression)
            ran = ToolResult("calculator", reply.call.input, calculate(expression))
            reply = SCRIPT.reply(self._conversation(text, ran))
        assert reply.call is None
        self.turns = (Turn("assistant", reply.text), Turn("user", text), *self.turns)
        return reply.text

    def _conversation(self, text: str, *ran: ToolResult) -> Conversation:
        return Conversation(
            user=text, history=self.turns, results=ran, system="", tools=self.tools, required=frozenset()
        )


def calculate(expression: str) -> str:
    operators: dict[type, Any] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Mod: operator.mod,
        ast.Pow: operator.pow,
    }

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return number
            case ast.UnaryOp(operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=symbol, right=right):
                return operators[type(symbol)](value(left), value(right))
        raise AssertionError(expression)

    try:
        return f"{value(ast.parse(expression, mode='eval').body):.12g}"
    except ZeroDivisionError:
        return "Division by zero has no result."


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("what is 14 * 3?", "14 * 3 = 42."),
        ("14+34", "14 + 34 = 48."),
        ("14 + 34 =", "14 + 34 = 48."),
        ("Calculate 12*12 - 4", "12 * 12 - 4 = 140."),
        ("What's 25 plus 17?", "25 + 17 = 42."),
        ("What’s 7 times 6?", "7 * 6 = 42."),  # noqa: RUF001 - a typographic apostrophe
        ("How much is 10 minus 3 plus 2?", "10 - 3 + 2 = 9."),
        ("please compute 100 divided by 8", "100 / 8 = 12.5."),
        ("6 multiplied by 7", "6 * 7 = 42."),
        ("Can you tell me what 3 × 4 is?", "3 * 4 = 12."),
        ("3x4", "3 * 4 = 12."),
        ("What is (2 + 3) * (4 - 1)?", "(2 + 3) * (4 - 1) = 15."),
        ("compute 2*-3", "2 * -3 = -6."),
        ("-5 + 3", "-5 + 3 = -2."),
        ("2 to the power of 10", "2 ** 10 = 1024."),
        ("2^10", "2 ** 10 = 1024."),
        ("17 mod 5", "17 % 5 = 2."),
        ("what is 1,000 * 2.5", "1000 * 2.5 = 2500."),
        ("What is 15% of 200?", "200 * 15 / 100 = 30."),
        ("Add 14 and 34.", "14 + 34 = 48."),
        ("Subtract 5 from 20", "20 - 5 = 15."),
        ("Multiply 6 by 7", "6 * 7 = 42."),
        ("Divide 84 by 2", "84 / 2 = 42."),
        ("Hello!\nWhat is 1 + 1?\nThank you.", "1 + 1 = 2."),
        ("<user_context>likes cats</user_context>\n1 + 1", "1 + 1 = 2."),
        ("what is 5 / 0?", "The calculator could not work out 5 / 0: Division by zero has no result."),
    ],
)
def test_arithmetic(asked: str, answer: str) -> None:
    assert Chat().say(asked) == answer


def test_long_sums_are_not_cut() -> None:
    chat = Chat()
    assert chat.say("What is " + " + ".join(["1"] * 90) + "?").endswith(" = 90.")


@pytest.mark.parametrize(
    "asked", ["I have 3 apples", "My number is 555-1234", "What is 14?", "Is it 3 or 4?", "+", "chapter 3.1.4"]
)
def test_what_is_no_arithmetic(asked: str) -> None:
    assert Chat().say(asked) == NO_RULE


@pytest.mark.parametrize(
    ("asked", "expression"),
    [
        ("and that plus 34?", "14 + 34"),
        ("Now multiply it by 2", "14 * 2"),
        ("add 10 to that", "14 + 10"),
        ("Now add 34.", "14 + 34"),
        ("plus 34", "14 + 34"),
        ("+34", "14 + 34"),
        ("and times 3?", "14 * 3"),
        ("what about minus 5?", "14 - 5"),
        ("- 5", "14 - 5"),
        ("divide that by 7", "14 / 7"),
        ("What is the result divided by 2, please?", "14 / 2"),
        ("what is that plus 34 times 2?", "14 + 34 * 2"),
        ("that * (3 + 4)", "14 * (3 + 4)"),
        ("subtract 4 from it", "14 - 4"),
        ("100 minus that", "100 - 14"),
        ("what is 1 + 2 + that?", "1 + 2 + 14"),
        ("double it", "14 * 2"),
        ("halve the result", "14 / 2"),
        ("2 + 3", "2 + 3"),
    ],
)
def test_going_on_from_the_last_result(asked: str, expression: str) -> None:
    chat = Chat()
    chat.say("what is 3 * 3?")
    chat.say("what is 7 * 2?")
    chat.say("thanks")
    assert chat.say(asked).startswith(f"{expression} = ")
    assert chat.expressions == ["3 * 3", "7 * 2", expression]


def test_the_result_may_come_from_another_models_words() -> None:
    chat = Chat()
    for said in ("The result is 41.", "That makes **6 × 7 = 42**!", "The answer is 1,043, since you ask."):
        chat.turns = (Turn("assistant", said), *chat.turns)
        chat.say("add 1")
    assert chat.expressions == ["41 + 1", "42 + 1", "1043 + 1"]


def test_a_calculation_that_failed_is_no_result() -> None:
    chat = Chat()
    chat.say("7 * 2")
    chat.say("divide that by 0")
    assert chat.say("and that plus 34?") == "14 + 34 = 48."


@pytest.mark.parametrize("asked", ["and that plus 34?", "add 10 to that", "100 minus that", "double it", "times 3"])
def test_going_on_from_nothing(asked: str) -> None:
    chat = Chat()
    chat.say("my lucky numbers are 3 = three and 7")
    assert chat.say(asked) == NO_RESULT


@pytest.mark.parametrize(
    "asked", ["what is 14 * 3?", "14+34", "add 10 to that", "plus 3", "5 minus that", "15% of 200"]
)
def test_without_a_calculator_nothing_is_calculated(asked: str) -> None:
    chat = Chat(tools=frozenset({"clock"}))
    chat.turns = (Turn("assistant", "1 + 1 = 2."),)
    assert chat.say(asked) == NO_CALCULATOR


RECALLS = [
    "what was the result?",
    "What did we calculate before?",
    "what was my last calculation?",
    "Do you remember the result?",
    "What was the answer again?",
    "Which calculation did we do earlier?",
]


@pytest.mark.parametrize("asked", RECALLS)
def test_recall(asked: str) -> None:
    chat = Chat()
    assert chat.say(asked) == NO_CALCULATION
    chat.say("14 + 34")
    chat.say("hello")
    assert chat.say(asked) == "The last calculation was 14 + 34 = 48."
    assert chat.say(asked) == "The last calculation was 14 + 34 = 48."


def test_recall_of_another_models_words() -> None:
    chat = Chat()
    chat.turns = (Turn("assistant", "Version 3. 14 + 34.5 = **48.5**, I believe."),)
    assert chat.say(RECALLS[0]) == "The last calculation was 14 + 34.5 = 48.5."
    chat.turns = (Turn("assistant", "The total is 48."),)
    assert chat.say(RECALLS[0]) == "The last result was 48."


def test_names() -> None:
    chat = Chat()
    assert chat.say("What is my name?") == "I do not know your name; you have not told me in this conversation."
    assert chat.say("Hi! My name is Ada.") == "Nice to meet you, Ada."
    assert chat.say("what's my name?") == "Your name is Ada."
    assert chat.say("hello") == "Hello again, Ada."
    assert chat.say("I'm Grace Hopper, actually") == "Nice to meet you, Grace Hopper."
    assert chat.say("Do you remember my name?") == "Your name is Grace Hopper."
    assert chat.say("I am hungry") == NO_RULE


def test_likings() -> None:
    chat = Chat()
    assert chat.say("What do I like?") == "I do not know what you like; you have not told me in this conversation."
    assert chat.say("I like tea and cake.") == "I see: you like tea and cake."
    assert chat.say("what do I like?") == "You like tea and cake."


def test_what_was_said() -> None:
    chat = Chat()
    chat.say("I like tea.")
    assert chat.say("What did I say?") == 'Before this you said: "I like tea."'


@pytest.mark.parametrize("asked", ["Tell me a long story", "explain streaming", "Tell me about microVMs"])
def test_long_texts(asked: str) -> None:
    chat = Chat()
    text = chat.say(asked)
    assert len(text.encode()) > 1_500
    assert text == Chat().say(asked)
    assert text.count(".") > 10
    # Nothing in it may be taken for a result or a calculation later on.
    assert chat.say("what was the result?") == NO_CALCULATION


@pytest.mark.parametrize(
    ("asked", "beginning"),
    [
        ("hello", "Hello! I am a scripted model."),
        ("Good morning", "Hello!"),
        ("thank you", "You are welcome."),
        ("bye", "Goodbye."),
        ("what can you do?", "I am a scripted model, not a language model"),
        ("Why is the sky blue?", NO_RULE),
    ],
)
def test_manners(asked: str, beginning: str) -> None:
    assert Chat().say(asked).startswith(beginning)


def test_another_tool_is_reported() -> None:
    ran = ToolResult("clock", {}, "It is noon.")
    asked = Conversation("what time is it?", (), (ran,), "", frozenset({"clock"}), frozenset())
    assert SCRIPT.reply(asked).text == "The tool clock answered: It is noon."


@pytest.mark.parametrize(
    "pattern",
    [
        "1",
        "(",
        "- ",
        " ",
        "\n",
        "what ",
        "1+",
        "\n1x",
        "that ",
        "1,111,",
        "add 1 ",
        "-1",
        "1.",
        "what 1+",
        "I'm Ab ",
        "= 1",
    ],
)
def test_no_text_takes_long(pattern: str) -> None:
    # With an expression that is not linear this does not come back within the life of a test run.
    text = (pattern * MAX_TEXT)[:MAX_TEXT]
    turns = tuple(Turn(speaker, text) for speaker in ("assistant", "user", "tool")) * 20
    asked = Conversation(f"{text} what was the result, and my name?", turns, (), "", frozenset(), frozenset())
    assert SCRIPT.reply(asked).text


def unbounded(parsed: Any) -> bool:
    """Whether a parsed regular expression repeats without a bound and can go back on it."""
    for code, argument in parsed:
        if str(code) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] > 200:
            return True
        inner = argument if isinstance(argument, (list, tuple)) else [argument]
        for part in inner:
            for tree in part if isinstance(part, list) else [part]:
                if isinstance(tree, _parser.SubPattern) and unbounded(tree):
                    return True
    return False


def test_what_repeats_without_a_bound_is_possessive() -> None:
    assert unbounded(_parser.parse("x(?:a|b*)"))
    assert unbounded(_parser.parse("(?=(?:ab+)?+)"))
    patterns = [
        pattern.pattern
        for rule in SCRIPT._rules
        for pattern in (
            rule.when.user,
            *(pattern for _, pattern in rule.when.history),
            *(pattern for _, pattern in rule.when.tool_result),
        )
        if pattern
    ]
    assert [pattern for pattern in patterns if unbounded(_parser.parse(pattern))] == []
