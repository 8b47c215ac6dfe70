"""JSON bodies, well formed and not."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.wire import body

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values), st.booleans())
def test_objects_survive_both_ways(value: dict[str, object], escaped: bool) -> None:
    assert body.read(json.dumps(value, ensure_ascii=escaped).encode()) == value
    assert body.read(body.dump(value)) == value


def test_an_empty_body_is_an_empty_object() -> None:
    assert body.read(b"") == {}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"{", "is not valid JSON, at character 2: Expecting property name enclosed in double quotes"),
        (b" ", "is not valid JSON, at character 2: Expecting value"),
        (b'{"a":1} x', "is not valid JSON, at character 9: Extra data"),
        (b"\xef\xbb\xbf{}", "is not valid JSON, at character 1"),
        (b'{"a": "\n"}', "is not valid JSON, at character 8"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'"{}"', "is not a JSON object"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        ('{"a": "é"}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "is not UTF-8"),
        (rb'{"a": ["\ud800"]}', "holds an unpaired surrogate"),
        (rb'{"\uDFFF": 1}', "holds an unpaired surrogate"),
        (b'{"a": NaN}', "holds a number out of range"),
        (b'{"a": -Infinity}', "holds a number out of range"),
        (b'{"a": 1e999}', "holds a number out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "holds a number out of range"),
        (b'{"a": ' + b"[" * 250 + b"]" * 250 + b"}", "is nested deeper than 250 levels"),
        (b'{"a":' * 251 + b"1" + b"}" * 251, "is nested deeper than 250 levels"),
        (b'{"a": ' + b"[" * 100_000, "is nested deeper than 250 levels"),
        (b'{"a":' * 100_000, "is nested deeper than 250 levels"),
    ],
)
def test_what_is_no_json_object(content: bytes, what: str) -> None:
    with pytest.raises(ValidationException) as caught:
        body.read(content)
    assert caught.value.reason == "CannotParse"
    assert caught.value.message.startswith(f"The request body {what}")
    assert caught.value.message.endswith("; send one JSON object.")


def test_depth_and_not_breadth_is_limited() -> None:
    assert body.read(b'{"a":' * 250 + b"1" + b"}" * 250)
    assert body.read(b'{"a": [' + b"[]," * 1000 + b"[]]}") == {"a": [[]] * 1001}
    assert body.read(json.dumps({"a": "[" * 1000}).encode()) == {"a": "[" * 1000}


@settings(deadline=None)
@given(st.binary())
def test_nothing_else_is_raised(content: bytes) -> None:
    with suppress(ValidationException):
        assert set(body.read(b'{"a": ' + content)) >= {"a"}


def test_a_surrogate_pair_is_one_character() -> None:
    assert body.read(rb'{"a": "\ud83d\ude00"}') == {"a": "\U0001f600"}


def test_dump_is_compact_and_readable() -> None:
    assert body.dump({"a": ["é", 1.5]}) == '{"a":["é",1.5]}'.encode()


def test_dump_refuses_what_no_client_can_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        body.dump({"a": float("nan")})
