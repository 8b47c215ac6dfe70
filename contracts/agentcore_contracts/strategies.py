"""Hypothesis strategies for what goes over AgentCore's wire."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["json_values", "texts"]


def texts() -> st.SearchStrategy[str]:
    """Any text that UTF-8 can carry: no lone surrogates."""
    return st.text(st.characters(exclude_categories=["Cs"]))


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value: integers of any size, doubles without NaN and infinities, text without lone surrogates."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.integers(min_value=-(10**400), max_value=10**400)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts()
    )
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts(), inner), max_leaves=20)
