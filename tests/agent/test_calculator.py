import ast
import contextlib
import math
import operator
from fractions import Fraction

import pytest
from calculator import MAX_LENGTH, CalculationError, calculate, calculator
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("14 + 34", "48"),
        ("14 * 3", "42"),
        ("(14 + 34) * 2 - 6", "90"),
        ("7 / 2", "3.5"),
        ("6 / 3", "2"),
        ("7 // 2", "3"),
        ("-7 % 3", "2"),
        ("2 ** 10", "1024"),
        ("2 ^ 10", "1024"),
        ("2 ** -1", "0.5"),
        ("-2 ** 2", "-4"),
        ("+5", "5"),
        ("--5", "5"),
        ("0.1 + 0.2", "0.3"),
        ("1e3", "1000"),
        ("6 × 7 ÷ 2 − 1", "20"),  # noqa: RUF001
        (" 1\n+\t2 ", "3"),
        ("-0.0", "0"),
        ("10 ** 100", "1" + 100 * "0"),
        ("2 / 3", "0.666666666667"),
        ("1e30", "1e+30"),
    ],
)
def test_calculates(expression: str, result: str) -> None:
    assert calculate(expression) == result


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "   ",
        "hello",
        "14 +",
        "(1",
        ")",
        "()",
        "1 2",
        "1,000 + 1",
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "open('/etc/passwd').read()",
        "[x for x in (1,)]",
        "lambda: 1",
        "1 if 1 else 2",
        "1if 1else 2",
        "True + 1",
        "1j",
        "e",
        "ee(1)",
        "1(2)",
        "1..e",
        "a := 1",
        "1 < 2",
        "~1",
        "1 << 99999",
        "f'{1}'",
        "'\\d'",
        "0123",
        "1e999",
        "-1e999",
        "10 ** 101",
        "9 ** 9 ** 9",
        "2 ** 1001",
        "9.9e99 ** 1000",
        "1e60 * 1e60",
        "(10 ** 100) * (10 ** 100)",
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "0 ** -1",
        "(-8) ** (1 / 3)",
        "\0",
        "1\x00+1",
        "\u0661 + \u0661",
        "(" * 150 + "1",
        "(" * 100 + "1" + ")" * 99,
        "9" * 5000,
        "1 + " * 100 + "1",
    ],
)
def test_refuses_in_one_sentence(expression: str) -> None:
    with pytest.raises(CalculationError) as refusal:
        calculate(expression)
    assert str(refusal.value).endswith(".")
    assert calculator(expression) == str(refusal.value)  # a model gets the sentence, never an exception


@given(st.text(max_size=MAX_LENGTH + 10))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with contextlib.suppress(CalculationError):
        calculate(text)


@given(st.text(alphabet="0123456789eE.+-*/%() ", max_size=60))
def test_no_arithmetic_makes_it_fail_otherwise(text: str) -> None:
    try:
        result = calculate(text)
    except CalculationError:
        return
    assert math.isfinite(float(result))


_numbers = st.integers(0, 999).map(str)
_expressions = st.recursive(
    _numbers,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=12,
)


def _exactly(node: ast.expr) -> Fraction:
    """An evaluation by other means, to compare with."""
    if isinstance(node, ast.BinOp):
        symbols = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
        return Fraction(symbols[type(node.op)](_exactly(node.left), _exactly(node.right)))
    return Fraction(ast.unparse(node))


@given(_expressions)
def test_whole_numbers_are_exact(expression: str) -> None:
    if len(expression) <= MAX_LENGTH:
        assert Fraction(calculate(expression)) == _exactly(ast.parse(expression, mode="eval").body)


def test_is_a_tool_with_one_text_argument() -> None:
    schema = calculator.tool_spec["inputSchema"]["json"]
    assert calculator.tool_name == "calculator"
    assert schema["required"] == ["expression"]
    assert schema["properties"]["expression"]["type"] == "string"
