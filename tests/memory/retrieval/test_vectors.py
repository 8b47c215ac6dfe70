from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.memory.retrieval.vectors import Vectors

ANGLES = st.lists(st.integers(-8, 8), max_size=30)


def at(angle: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def vectors_at(angles: list[float]) -> Vectors:
    vectors = Vectors(2)
    if angles:
        vectors.put(range(len(angles)), np.stack([at(angle) for angle in angles]))
    return vectors


@given(ANGLES, st.none() | st.lists(st.integers(0, 40), unique=True))
def test_the_nearest_come_first_and_the_newest_of_equals(angles: list[int], among: list[int] | None) -> None:
    ranked = list(vectors_at([angle / 3 for angle in angles]).ranked(at(0), among))
    wanted = set(range(len(angles))) if among is None else set(among) & set(range(len(angles)))
    assert {key for key, _ in ranked} == wanted
    assert len(ranked) == len(wanted)
    assert ranked == sorted(ranked, key=lambda item: (-item[1], -item[0]))
    cosines = [np.cos(angles[key] / 3) for key, _ in ranked]
    assert cosines == pytest.approx(sorted(cosines, reverse=True), abs=1e-3)
    assert all(0 <= score < 1 for _, score in ranked)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 40), min_size=250, max_size=700))
def test_so_they_do_when_there_are_many(angles: list[int]) -> None:
    ranked = list(vectors_at([angle / 20 for angle in angles]).ranked(at(0), None))
    assert [key for key, _ in ranked] == sorted(range(len(angles)), key=lambda key: (angles[key], -key))


@pytest.mark.parametrize(
    ("cosine", "score"), [(-1.0, 0.0), (0.0, 0.05), (0.2, 0.2), (0.35, 0.7), (1.0, 0.99), (0.3, 0.5333)]
)
def test_what_a_cosine_is_worth(cosine: float, score: float) -> None:
    ((_, got),) = vectors_at([0.0]).ranked(at(float(np.arccos(cosine))), None)
    assert got == pytest.approx(score, abs=2e-4)


def test_a_vector_takes_the_place_of_the_one_before() -> None:
    vectors = vectors_at([0.0, 1.0])
    vectors.put([1, 7], np.stack([at(0), at(2)]))
    assert [key for key, _ in vectors.ranked(at(0), None)] == [1, 0, 7]
    vectors.put([0], at(3)[None])
    assert [key for key, _ in vectors.ranked(at(0), None)] == [1, 7, 0]


def test_a_search_sees_what_was_there_when_it_began() -> None:
    vectors = vectors_at([0.0, 1.0])
    ranked = vectors.ranked(at(0), None)
    first, _ = next(ranked)
    vectors.put(range(2, 500), np.stack([at(0)] * 498))
    assert [first, *(key for key, _ in ranked)] == [0, 1]
