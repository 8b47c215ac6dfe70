from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, String, create_engine, literal, select

from agentcore_emulator.memory.namespaces import below, fill, normalized

SEGMENTS = st.sampled_from(["a", "ab", "abc", "b", "a-b", "a:b", "A", "0", "*"])
PATHS = st.lists(SEGMENTS, max_size=4)
ENGINE = create_engine("sqlite://")


def is_below(namespace: str, path: str) -> bool:
    with ENGINE.connect() as connection:
        return bool(connection.execute(select(below(literal(namespace, String), path))).scalar_one())


def fill_in(template: str, **variables: str) -> str | None:
    return fill(template, actor_id="ada", session_id="s1", strategy_id="Facts-0123456789", variables=variables)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("/", "/"), ("//", "/"), ("a", "/a/"), ("/a", "/a/"), ("a/", "/a/"), ("/a/", "/a/"), ("//a/b//", "/a/b/")],
)
def test_a_namespace_has_one_slash_at_either_end(text: str, kept: str) -> None:
    assert normalized(text) == kept


@given(PATHS)
def test_slashes_at_the_ends_make_no_difference(path: list[str]) -> None:
    inner = "/".join(path)
    kept = normalized(inner)
    assert {normalized(text) for text in (f"/{inner}", f"{inner}/", f"/{inner}/", kept)} == {kept}
    assert kept.startswith("/")
    assert kept.endswith("/")


@given(PATHS, PATHS)
def test_a_path_finds_what_its_segments_begin(namespace: list[str], path: list[str]) -> None:
    found = is_below(normalized("/".join(namespace)), "/".join(path))
    assert found == (namespace[: len(path)] == path)


def test_a_path_is_no_prefix_of_text() -> None:
    assert is_below("/facts/ab/", "/facts/ab")
    assert not is_below("/facts/abc/", "/facts/ab")
    assert not is_below("/facts/", "/facts/ab")


def test_a_template_is_filled() -> None:
    assert fill_in("/facts/{actorId}/") == "/facts/ada/"
    assert fill_in("s/{memoryStrategyId}/{actorId}/{sessionId}") == "/s/Facts-0123456789/ada/s1/"
    assert fill_in("{strategyId}") == "/Facts-0123456789/"
    assert fill_in("/t/{tenant}/{actorId}", tenant="acme") == "/t/acme/ada/"
    assert fill_in("/") == "/"


def test_a_variable_without_a_value_makes_no_namespace() -> None:
    assert fill_in("/t/{tenant}/{actorId}/") is None


def test_a_value_is_not_filled_again() -> None:
    filled = fill("/{a}/", actor_id="x", session_id="s", strategy_id="t", variables={"a": "{actorId}"})
    assert filled == "/{actorId}/"


def test_the_condition_is_on_the_column() -> None:
    assert "namespace >= " in str(below(Column("namespace", String), "/a/"))
