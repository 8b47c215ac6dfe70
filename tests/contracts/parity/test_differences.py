from __future__ import annotations

import math
from typing import Any

import pytest

from agentcore_contracts.parity.differences import ABSENT, Difference, differences, matches


@pytest.mark.parametrize(
    ("expected", "got", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b/c~": 1}}, {"a": {"b/c~": 2}}, [Difference("a/b~1c~0", 1, 2)]),
        ({"a": 1}, {"b": 1}, [Difference("a", 1, ABSENT), Difference("b", ABSENT, 1)]),
        ({"a": None}, {}, [Difference("a", None, ABSENT)]),
        ([1, 2], [1, 3], [Difference("1", 2, 3)]),
        (["a", "b", "c"], ["a", "c"], [Difference("1", "b", ABSENT)]),
        (["a", "c"], ["a", "b", "c"], [Difference("1", ABSENT, "b")]),
        ([1], {"0": 1}, [Difference("", [1], {"0": 1})]),
        ({"a": 1}, {"a": True}, [Difference("a", 1, True)]),
        ({"a": 1}, {"a": 1.0}, [Difference("a", 1, 1.0)]),
        ({"a": math.nan}, {"a": math.nan}, []),
    ],
)
def test_differences(expected: Any, got: Any, found: list[Difference]) -> None:
    assert differences(expected, got) == found


def test_an_exchange_more_does_not_shift_the_others() -> None:
    """Answers differ as well, but what was asked tells which is which."""
    expected = [{"operation": "A", "status": 200}, {"operation": "C", "status": 200}]
    got = [{"operation": "A", "status": 200}, {"operation": "B", "status": 429}, {"operation": "C", "status": 404}]
    assert differences(expected, got) == [
        Difference("1", ABSENT, {"operation": "B", "status": 429}),
        Difference("1/status", 200, 404),
    ]


def test_what_a_difference_says() -> None:
    assert str(Difference("a/b", "x", ABSENT)) == 'a/b\n    expected: "x"\n    got:      (nothing)'
    assert len(str(Difference("a", "x" * 10_000, ABSENT))) < 400


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("exchanges/0/status", "exchanges/0/status", True),
        ("exchanges/*/status", "exchanges/12/status", True),
        ("exchanges/*", "exchanges/12/status", False),
        ("exchanges/**", "exchanges/12/status", True),
        ("exchanges/**", "exchanges", True),
        ("**/x-amzn-*", "exchanges/0/headers/x-amzn-trace-id", True),
        ("**/status", "status", True),
        ("**/status", "exchanges/0/substatus", False),
        ("a.c", "abc", False),
        ("a[*]", "a[1]", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits
