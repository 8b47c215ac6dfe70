"""Scalar values and modelled patterns."""

from __future__ import annotations

import math
import re
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.wire.scalars import FROM_JSON, compile_pattern, from_text, writer

MOMENT = 1756147154.5


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "", ""),
        ("boolean", False, False),
        ("integer", -(2**31), -(2**31)),
        ("long", 2**63 - 1, 2**63 - 1),
        ("double", 1, 1.0),
        ("float", "Infinity", math.inf),
        ("double", "-Infinity", -math.inf),
        ("timestamp", MOMENT, MOMENT),
        ("timestamp", 0, 0.0),
        ("timestamp", "2025-08-25T18:39:14.500Z", MOMENT),
        ("timestamp", "2025-08-25T20:39:14.5+02:00", MOMENT),
        ("timestamp", "2025-08-25T18:39:14.5", MOMENT),
        ("timestamp", "Mon, 25 Aug 2025 18:39:14 GMT", MOMENT - 0.5),
        ("blob", "/+A=", b"\xff\xe0"),
    ],
)
def test_from_json(kind: str, value: Any, expected: Any) -> None:
    parsed = FROM_JSON[kind](value)
    assert parsed == expected
    assert type(parsed) is type(expected)


def test_not_a_number_is_a_double() -> None:
    assert math.isnan(FROM_JSON["double"]("NaN"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1),
        ("string", None),
        ("boolean", 1),
        ("boolean", "true"),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1"),
        ("integer", 2**31),
        ("long", -(2**63) - 1),
        ("double", True),
        ("double", "1.5"),
        ("double", 10**400),
        ("timestamp", True),
        ("timestamp", "NaN"),
        ("timestamp", "yesterday"),
        ("timestamp", "1756147154"),
        ("timestamp", 1e15),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("blob", "a"),
        ("blob", "a b="),
        ("blob", "é"),
        ("blob", []),
    ],
)
def test_wrong_type(kind: str, value: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        FROM_JSON[kind](value)


@settings(deadline=None)
@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, ?\d+ [A-Z][a-z]{2} \d* \d*:\d*:?\d* ?\S*")
    | st.from_regex(r"[\dTZ:.W+-]+")
)
def test_no_text_of_a_date_raises_anything_else(text: str) -> None:
    with suppress(ValueError, OverflowError):
        seconds = FROM_JSON["timestamp"](text)
        assert datetime.fromtimestamp(seconds, UTC).timestamp() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", "5", "5"),
        ("integer", "-5", -5),
        ("long", "9223372036854775807", 2**63 - 1),
        ("integer", "5.0", "5.0"),
        ("integer", "1_0", "1_0"),
        ("integer", " 5", " 5"),
        ("integer", "٣", "٣"),
        ("integer", "9" * 5000, "9" * 5000),
        ("double", "1.5e3", 1500.0),
        ("double", "NaN", "NaN"),
        ("double", "nan", "nan"),
        ("boolean", "true", True),
        ("boolean", "False", "False"),
        ("timestamp", "1756147154.5", MOMENT),
        ("timestamp", "2025-08-25", "2025-08-25"),
    ],
)
def test_from_text(kind: str, text: str, expected: Any) -> None:
    value = from_text(kind, text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("kind", "form", "value", "expected"),
    [
        ("timestamp", None, MOMENT + 0.0004, MOMENT),
        ("timestamp", "unixTimestamp", MOMENT, MOMENT),
        ("timestamp", "iso8601", 1756147154.123, "2025-08-25T18:39:14.123Z"),
        ("timestamp", "rfc822", MOMENT, "Mon, 25 Aug 2025 18:39:14 GMT"),
        ("double", None, 0.1, 0.1),
        ("double", None, math.nan, "NaN"),
        ("float", None, math.inf, "Infinity"),
        ("float", None, -math.inf, "-Infinity"),
        ("blob", None, b"\xff\xe0", "/+A="),
    ],
)
def test_writer(kind: str, form: str | None, value: Any, expected: Any) -> None:
    write = writer(kind, form)
    assert write is not None
    assert write(value) == expected


def test_strings_and_integers_are_written_as_they_are() -> None:
    assert [writer(kind, None) for kind in ("string", "integer", "long", "boolean")] == [None] * 4


def test_classes_are_those_of_ascii() -> None:
    assert compile_pattern(r"\w\d\s").fullmatch("a1 ")
    assert not compile_pattern(r"\w+").fullmatch("é")
    assert not compile_pattern(r"\d+").fullmatch("٣")


def test_anchors_that_botocore_left_over() -> None:
    pattern = compile_pattern("$|^[a-z]+")
    assert pattern.fullmatch("")
    assert pattern.fullmatch("ab")
    assert not pattern.fullmatch("a\n")


@settings(deadline=None)
@given(st.characters())
def test_other_characters(character: str) -> None:
    other = unicodedata.category(character).startswith("C")
    assert bool(compile_pattern(r"[^\p{C}]").fullmatch(character)) is not other
    assert bool(compile_pattern(r"[a\p{C}]").fullmatch(character)) is (other or character == "a")


def test_syntax_of_java_alone_is_refused() -> None:
    with pytest.raises(re.error):
        compile_pattern(r"\p{L}+")
