from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.memory.tables import milliseconds


@given(st.integers(0, 253_402_300_799_999))
def test_whole_milliseconds_stay_what_they_are(value: int) -> None:
    assert milliseconds(value / 1000) == value


@pytest.mark.parametrize(
    ("seconds", "whole"),
    [
        (0.0, 0),
        (1, 1000),
        (1.001, 1001),
        (1.9999, 1999),
        (1756147154.123456, 1756147154123),
        (253_402_300_799.9999, 253_402_300_799_999),
    ],
)
def test_fractions_are_rounded_down(seconds: float, whole: int) -> None:
    assert milliseconds(seconds) == whole
