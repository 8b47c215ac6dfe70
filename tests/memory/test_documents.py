from __future__ import annotations

import bisect
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory import documents

# Every text that a JSON parser can produce: lone surrogates included, but not two that make a character.
texts = st.text(st.characters(exclude_categories=())).map(lambda text: json.loads(json.dumps(text)))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_any_json_comes_back_equal(value: Any) -> None:
    text = documents.dumps(value, "payload")
    assert text.isascii()
    assert documents.loads(text) == value


@pytest.mark.parametrize(
    "value",
    [
        10**400 + 7,
        -(2**63) - 1,
        5e-324,
        1.7976931348623157e308,
        0.1 + 0.2,
        1.0,
        True,
        "\U0001f600",
        "\ud83d",
        "\ude00\ud83d",
        "",
    ],
)
def test_a_value_keeps_its_type_too(value: Any) -> None:
    back = documents.loads(documents.dumps(value, "payload"))
    assert (type(back), back) == (type(value), value)


def test_minus_zero_and_member_order_survive() -> None:
    assert math.copysign(1, documents.loads(documents.dumps(-0.0, "payload"))) == -1
    assert list(documents.loads(documents.dumps({"z": 1, "a": 2, "m": 3}, "payload"))) == ["z", "a", "m"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [{"deep": math.nan}]])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(ValidationException) as caught:
        documents.dumps(value, "payload")
    assert caught.value.message == "Invalid payload: NaN and infinite numbers are not JSON"
    assert caught.value.reason == "CannotParse"


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    return value


def test_deep_documents_come_back_and_too_deep_ones_are_refused() -> None:
    assert documents.loads(documents.dumps(nested(200), "payload")) == nested(200)
    with pytest.raises(ValidationException) as caught:
        documents.dumps(nested(200_000), "payload")
    assert caught.value.message == "Invalid payload: nested too deeply"


def accepted(depth: int) -> bool:
    try:
        documents.dumps(nested(depth), "payload")
    except ValidationException:
        return False
    return True


def further_up_the_stack(frames: int, work: Callable[[], str]) -> str:
    return further_up_the_stack(frames - 1, work) if frames else work()


def test_what_is_accepted_can_be_answered() -> None:
    # About the deepest document that is taken can be written again inside an answer, which nests it further.
    deepest = bisect.bisect_left(range(200_000), True, key=lambda depth: not accepted(depth)) - 1
    assert accepted(deepest)
    assert not accepted(200_000)
    answer = {"events": [{"payload": [{"blob": nested(deepest)}]}]}
    assert further_up_the_stack(30, lambda: json.dumps(answer))
