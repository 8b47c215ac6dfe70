"""The agent's tool: arithmetic, evaluated by walking the syntax tree of an expression. Nothing is ever executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable

from strands import tool

MAX_LENGTH = 200
MAX_MAGNITUDE = 10**100
MAX_EXPONENT = 1_000

Number = int | float

_ALIKE = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-"})  # noqa: RUF001 - what people and models type
# Checked before the parser sees the text: it warns about (and in time rejects) some of what letters can spell.
_ALLOWED = re.compile(r"[0-9eE.+\-*/%() ]+")


class CalculationError(ValueError):
    """The expression has no result; the text is one sentence that says why."""


@tool
def calculator(expression: str) -> str:
    """Calculate an arithmetic expression exactly.

    Args:
        expression: Numbers, parentheses and the operators + - * / // % **, for example "(14 + 34) * 2".
    """
    try:
        return calculate(expression)
    except CalculationError as error:
        return str(error)


def calculate(expression: str) -> str:
    """The result as text: whole numbers without a decimal point ("48"), others with 12 significant digits.

    Raises CalculationError for anything that is not arithmetic, is not defined, or is larger than 10**100.
    """
    text = " ".join(expression.translate(_ALIKE).replace("^", "**").split())
    if not text:
        raise CalculationError("There is nothing to calculate.")
    if len(text) > MAX_LENGTH:
        raise CalculationError(f"The expression is too long: at most {MAX_LENGTH} characters.")
    if not _ALLOWED.fullmatch(text):
        raise CalculationError("Only numbers, parentheses and + - * / // % ** can be calculated.")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise CalculationError(f"'{text}' is not a complete expression.") from None
    return _as_text(_value(tree.body))


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _OPERATORS:
            try:
                return _bounded(_OPERATORS[type(symbol)](_value(left), _value(right)))
            except ZeroDivisionError:
                raise CalculationError("Division by zero has no result.") from None
            except OverflowError:
                raise CalculationError(_TOO_LARGE) from None
    raise CalculationError("Only numbers, parentheses and + - * / // % ** can be calculated.")


def _power(base: Number, exponent: Number) -> Number:
    # Looked at before it is computed: 9**9**9 would take all memory, and no bound on the result could stop it.
    if abs(exponent) > MAX_EXPONENT:
        raise CalculationError(f"The exponent is too large: at most {MAX_EXPONENT:,}.")
    result = base**exponent
    if isinstance(result, complex):
        raise CalculationError("A fractional power of a negative number is not a real number.")
    number: Number = result
    return number


_TOO_LARGE = "The numbers are too large: at most 10**100."
_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def _bounded(number: Number) -> Number:
    if (isinstance(number, float) and not math.isfinite(number)) or abs(number) > MAX_MAGNITUDE:
        raise CalculationError(_TOO_LARGE)
    return number


def _as_text(number: Number) -> str:
    if isinstance(number, int):
        return str(number)
    # Up to here a double holds every whole number, so that 6 / 3 is "2" and nothing false is added.
    if number.is_integer() and abs(number) < 2**53:
        return str(int(number))
    return format(number, ".12g")
