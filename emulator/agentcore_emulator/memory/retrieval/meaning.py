"""Retrieval by meaning: sentence vectors of a small model that comes in a package.

The model is wordllama's `l2_supercat`. Its vector of a sentence is the mean of vectors of words: far from what a large
model understands, but the same on every machine, offline, and fast enough to do without a vector index. The first 64
dimensions are used, which the model was trained to make a vector by themselves: on `bench/retrieval.yaml` they find as
much as all 256, and tell what is off topic better.

A record's vector is made after the transaction that wrote the record, which only notes that it is missing. So the notes
are a backlog that survives anything, and a state file that has only been searched by words has one of all its records.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select

from agentcore_emulator.memory.retrieval import fulltext
from agentcore_emulator.memory.retrieval.ranking import Ranked
from agentcore_emulator.memory.retrieval.vectors import Vectors
from agentcore_emulator.memory.tables import record_vectors, records, unembedded
from agentcore_emulator.store import Store

__all__ = ["ByMeaning", "Model", "WordLlama"]

_log = logging.getLogger(__name__)

# Of the JSON and XML in which preferences, summaries and episodes are written. The model takes them for words.
_MARKS: Final = re.compile(r'[<>{}\[\]":=/\\]+')
# Records whose vectors are made and written together.
_BATCH: Final = 2000
# Of so few records that meet the conditions of a search, no others need to be ranked.
_FEW: Final = 1000
# Memories whose vectors are kept in RAM.
_MEMORIES: Final = 64

_WAITING: Final = select(unembedded.c.record_key).order_by(unembedded.c.record_key).limit(_BATCH)
_STORED: Final = (
    select(record_vectors.c.record_key, record_vectors.c.vector)
    .join(records, records.c.key == record_vectors.c.record_key)
    .where(records.c.memory_key == bindparam("memory"))
)


class Model(Protocol):
    """What makes vectors of sentences."""

    @property
    def name(self) -> str:
        """Vectors of models with different names have nothing to do with each other."""

    @property
    def dimensions(self) -> int:
        """Of a vector."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector of length 1 for each text, as rows."""


class WordLlama:
    """The model that the package wordllama brings. Loading it takes a second."""

    name = "wordllama l2_supercat 64"
    dimensions = 64

    def __init__(self) -> None:
        package = _wordllama()
        # Where the package has its files. By itself it looks elsewhere, and then downloads them.
        folder = Path(package.__file__).parent
        self._model = package.WordLlama.load(cache_dir=folder, trunc_dim=self.dimensions, disable_download=True)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector of length 1 for each text, as rows; zeros for a text without any word."""
        plain = [_MARKS.sub(" ", text) for text in texts]
        vectors: NDArray[np.float32] = np.asarray(self._model.embed(plain), np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(lengths > 0, lengths, 1)
        return vectors


def _wordllama() -> Any:
    """The package, which declares no types, and would configure the program's logging when it is imported."""
    root, handler = logging.getLogger(), logging.NullHandler()
    # To a logger that has a handler it does nothing.
    root.addHandler(handler)
    try:
        return importlib.import_module("wordllama")
    finally:
        root.removeHandler(handler)


class ByMeaning:
    """Retrieval by meaning, as a `Ranking`. `load` is called once, in a thread."""

    def __init__(self, store: Store, load: Callable[[], Model] = WordLlama) -> None:
        self._store = store
        self._load = load
        self._model: asyncio.Task[Model] | None = None
        self._background: asyncio.Task[None] | None = None
        # Whoever writes vectors, or reads all of a memory's, is alone.
        self._lock = asyncio.Lock()
        self._vectors: OrderedDict[int, Vectors] = OrderedDict()
        self._others_forgotten = False

    async def open(self) -> None:
        """Load the model, and embed what has no vector of it, in the background."""
        self._model = asyncio.create_task(self._loaded())
        self._background = asyncio.create_task(self._begin(self._model))

    async def close(self) -> None:
        """Stop embedding; what is left is done when the emulator runs again."""
        for task in (self._background, self._model):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def prepare(self, memory_key: int) -> Ranked:
        """Embed whatever waits for it, and have the memory's vectors in RAM."""
        assert self._model is not None, "prepare() before open()"
        model = await asyncio.shield(self._model)
        async with self._lock:
            await self._catch_up(model)
            if memory_key not in self._vectors:
                self._vectors[memory_key] = await self._read(memory_key, model.dimensions)
            self._vectors.move_to_end(memory_key)
            while len(self._vectors) > _MEMORIES:
                self._vectors.popitem(last=False)
            return functools.partial(_ranked, memory_key, self._vectors[memory_key], model)

    async def _loaded(self) -> Model:
        model = await asyncio.to_thread(self._load)
        _log.info("memory records are retrieved by meaning, with %s", model.name)
        return model

    async def _begin(self, loading: asyncio.Task[Model]) -> None:
        try:
            model = await asyncio.shield(loading)
            async with self._lock:
                await self._catch_up(model)
        except Exception:  # noqa: BLE001 - nobody waits for it, so it is told
            _log.exception("memory records could not be embedded; the next search tries again")

    async def _catch_up(self, model: Model) -> None:
        if not self._others_forgotten:
            await self._store.write(lambda c: _forget_other_models(c, model.name))
            self._others_forgotten = True
        while batch := await self._store.read(_waiting):
            made = await asyncio.to_thread(model.embed, [row.text for row in batch])
            kept = await self._store.write(functools.partial(_keep, batch=batch, made=made, name=model.name))
            for memory_key in {batch[place].memory_key for place in kept} & self._vectors.keys():
                places = [place for place in kept if batch[place].memory_key == memory_key]
                self._vectors[memory_key].put([batch[place].key for place in places], made[places])

    async def _read(self, memory_key: int, dimensions: int) -> Vectors:
        rows = await self._store.read(lambda c: c.execute(_STORED, {"memory": memory_key}).all())
        vectors = Vectors(dimensions)
        stored = np.frombuffer(b"".join(row.vector for row in rows), "<f4").reshape(-1, dimensions)
        vectors.put([row.record_key for row in rows], stored)
        return vectors


def _ranked(
    memory_key: int,
    vectors: Vectors,
    model: Model,
    connection: Connection,
    path: str,
    conditions: Sequence[ColumnElement[bool]],
    question: str,
) -> Iterator[tuple[int, float]]:
    """All records, by the cosine of their vector and the question's; see `vectors` for the scores."""
    same = sorted(fulltext.identical(connection, memory_key, path, question), reverse=True)
    yield from ((key, 1.0) for key in same)
    few = connection.scalars(select(records.c.key).where(*conditions).limit(_FEW + 1)).all()
    (vector,) = model.embed([question])
    skipped = frozenset(same)
    ranked = vectors.ranked(vector, few if len(few) <= _FEW else None)
    yield from ((key, score) for key, score in ranked if key not in skipped)


def _forget_other_models(connection: Connection, name: str) -> None:
    others = record_vectors.c.model != name
    known = select(unembedded.c.record_key)
    waiting = select(record_vectors.c.record_key).where(others, record_vectors.c.record_key.not_in(known))
    connection.execute(insert(unembedded).from_select(["record_key"], waiting))
    connection.execute(delete(record_vectors).where(others))


def _waiting(connection: Connection) -> Sequence[Row[int, int, str]]:
    """Key, memory and text of some records that have no vector."""
    # In two steps: nearly always there are none, which a join would find out by going through all records.
    keys = connection.scalars(_WAITING).all()
    columns = (records.c.key, records.c.memory_key, records.c.text)
    return connection.execute(select(*columns).where(records.c.key.in_(keys))).all() if keys else ()


def _keep(
    connection: Connection, batch: Sequence[Row[int, int, str]], made: NDArray[np.float32], name: str
) -> list[int]:
    """Write the vectors of those records that still are what was embedded; their places in the batch."""
    keys = [row.key for row in batch]
    texts = {row.key: row.text for row in connection.execute(select(records).where(records.c.key.in_(keys)))}
    kept = [place for place, row in enumerate(batch) if texts.get(row.key) == row.text]
    rows = [{"record_key": keys[place], "model": name, "vector": made[place].astype("<f4").tobytes()} for place in kept]
    if rows:
        connection.execute(insert(record_vectors), rows)
        done = [keys[place] for place in kept]
        connection.execute(delete(unembedded).where(unembedded.c.record_key.in_(done)))
    return kept
