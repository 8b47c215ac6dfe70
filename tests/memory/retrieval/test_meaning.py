from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select

from agentcore_emulator.memory import MemoryPlane, memories
from agentcore_emulator.memory.retrieval.meaning import ByMeaning, WordLlama
from agentcore_emulator.memory.tables import record_vectors, records, unembedded
from agentcore_emulator.store import Store

Make = Callable[..., Awaitable[str]]
Call = Callable[..., Awaitable[dict[str, Any]]]


class Letters:
    """A model for which a text is how many a, b and c it has."""

    dimensions = 3

    def __init__(self, name: str = "letters") -> None:
        self.name = name
        self.embedded: list[str] = []
        self.go = threading.Event()
        self.go.set()
        self.asked = threading.Event()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.set()
        assert self.go.wait(30)
        self.embedded += texts
        counts = np.array([[text.count(letter) + 0.01 for letter in "abc"] for text in texts], np.float32)
        lengths: NDArray[np.float32] = np.linalg.norm(counts, axis=1, keepdims=True)
        made: NDArray[np.float32] = counts / lengths
        return made


@pytest.fixture
def plane(store: Store, clock: Any) -> MemoryPlane:
    """Writes records, and has no search of its own."""
    return MemoryPlane(store, clock, "us-east-1", "123456789012")


@pytest.fixture
async def key(store: Store, memory: str) -> int:
    found: int = (await store.read(lambda c: memories.find(c, memory, 0))).key
    return found


@asynccontextmanager
async def searching(store: Store, model: Letters) -> AsyncIterator[ByMeaning]:
    ranking = ByMeaning(store, lambda: model)
    await ranking.open()
    yield ranking
    await ranking.close()


async def ranked(store: Store, ranking: ByMeaning, key: int, question: str) -> list[str]:
    rank = await ranking.prepare(key)
    conditions = [records.c.memory_key == key]

    def search(connection: Any) -> list[str]:
        texts = {row.key: row.text for row in connection.execute(select(records))}
        return [texts[found] for found, _ in rank(connection, "/", conditions, question) if found in texts]

    return await store.read(search)


async def counts(store: Store) -> tuple[int, int]:
    """How many vectors there are, and how many are missing."""

    def count(connection: Any) -> tuple[int, int]:
        vectors, missing = (
            connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (record_vectors, unembedded)
        )
        return vectors, missing

    return await store.read(count)


async def test_a_record_is_embedded_once(store: Store, key: int, make: Make) -> None:
    model = Letters()
    async with searching(store, model) as ranking:
        for text in ("aaa", "bbb", "ccc"):
            await make(text)
        assert (await ranked(store, ranking, key, "b"))[0] == "bbb"
        await make("bb")
        assert set((await ranked(store, ranking, key, "b"))[:2]) == {"bbb", "bb"}
        assert sorted(model.embedded) == ["aaa", "b", "b", "bb", "bbb", "ccc"]
        assert await counts(store) == (4, 0)


async def test_what_was_written_before_is_embedded_in_the_background(store: Store, key: int, make: Make) -> None:
    for number in range(3):
        await make(f"a{number}")
    assert await counts(store) == (0, 3)
    model = Letters()
    async with searching(store, model) as ranking:
        assert ranking._background is not None
        await ranking._background
        assert await counts(store) == (3, 0)
    # What is done stays done.
    again = Letters()
    async with searching(store, again) as ranking:
        assert len(await ranked(store, ranking, key, "a")) == 3
    assert again.embedded == ["a"]


async def test_what_was_cut_off_goes_on(store: Store, key: int, make: Make) -> None:
    await make("aaa")
    slow = Letters()
    slow.go.clear()
    async with searching(store, slow):
        await asyncio.to_thread(slow.asked.wait, 30)
    slow.go.set()
    assert await counts(store) == (0, 1)
    async with searching(store, Letters()) as ranking:
        assert await ranked(store, ranking, key, "a") == ["aaa"]
    assert await counts(store) == (1, 0)


async def test_vectors_of_another_model_are_made_anew(store: Store, key: int, make: Make) -> None:
    await make("aaa")
    async with searching(store, Letters()) as ranking:
        await ranked(store, ranking, key, "a")
    other = Letters("other letters")
    async with searching(store, other) as ranking:
        await ranked(store, ranking, key, "a")
    assert other.embedded == ["aaa", "a"]
    names = await store.read(lambda c: c.scalars(select(record_vectors.c.model)).all())
    assert names == ["other letters"]


async def test_a_text_that_changes_while_it_is_embedded(store: Store, key: int, make: Make, call: Call) -> None:
    made = await make("aaa")
    model = Letters()
    model.go.clear()
    async with searching(store, model) as ranking:
        await asyncio.to_thread(model.asked.wait, 30)
        update = {"memoryRecordId": made, "timestamp": 0.0, "content": {"text": "bbb"}}
        await call("BatchUpdateMemoryRecords", records=[update])
        gone = await make("ccc")
        await call("DeleteMemoryRecord", memoryRecordId=gone)
        model.go.set()
        await make("aac")
        assert await ranked(store, ranking, key, "b") == ["bbb", "aac"]
        assert await counts(store) == (2, 0)


async def test_vectors_of_many_memories_are_let_go_and_read_again(
    store: Store, key: int, make: Make, plane: MemoryPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentcore_emulator.memory.retrieval.meaning._MEMORIES", 1)
    other_id = (await plane.operations["CreateMemory"]({"name": "other", "eventExpiryDuration": 7}))["memory"]["id"]
    other: int = (await store.read(lambda c: memories.find(c, other_id, 0))).key
    await make("aaa")
    model = Letters()
    async with searching(store, model) as ranking:
        assert await ranked(store, ranking, key, "a") == ["aaa"]
        rank = await ranking.prepare(key)
        await ranking.prepare(other)
        assert list(ranking._vectors) == [other]
        # Whoever has them goes on with them.
        assert len(await store.read(lambda c: list(rank(c, "/", [], "a")))) == 1
        assert await ranked(store, ranking, key, "a") == ["aaa"]


async def test_a_model_that_does_not_load_is_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Letters:
        raise OSError("no such file")

    ranking = ByMeaning(store, load)
    await ranking.open()
    with pytest.raises(OSError, match="no such file"):
        await ranking.prepare(1)
    assert ranking._background is not None
    await ranking._background
    assert "could not be embedded" in caplog.text
    await ranking.close()


async def test_one_line_tells_which_model_it_is(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with searching(store, Letters()) as ranking:
        await ranking.prepare(1)
    assert caplog.messages == ["memory records are retrieved by meaning, with letters"]


def test_the_model_of_the_package() -> None:
    model = WordLlama()
    vectors = model.embed(["I like sushi", '{"preference":"I like sushi"}', "The weather is fine", "", "sushi like I"])
    assert vectors.shape == (5, model.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors[[0, 1, 2, 4]], axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.7 > vectors[0] @ vectors[2]
    assert np.all(np.isfinite(vectors))
    assert np.array_equal(model.embed(["I like sushi"])[0], model.embed(["other", "I like sushi"])[1])


def test_the_package_leaves_logging_alone() -> None:
    code = """
import logging
from agentcore_emulator.memory.retrieval.meaning import WordLlama
WordLlama()
assert logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING
"""
    subprocess.run([sys.executable, "-c", code], check=True)
