"""The vectors of one memory's records, in RAM, where ranking a hundred thousand of them takes a few milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Vectors"]

# How many are put in order at first. More than anybody sees, as some may not meet the conditions of the search.
_FIRST: Final = 256

# What a cosine is worth as a score, with straight lines between (docs/memory.md says why). The very same text, and that
# alone, scores 1: another order of words makes no other vector.
_COSINES: Final = (-1.0, 0.0, 0.2, 0.35, 1.0)
_SCORES: Final = (0.0, 0.05, 0.2, 0.7, 0.99)


class Vectors:
    """Vectors of length 1 by the keys of their records. May be used by several threads."""

    def __init__(self, dimensions: int) -> None:
        self._rows: dict[int, int] = {}
        self._keys = np.empty(0, np.int64)
        self._matrix = np.empty((0, dimensions), np.float32)
        self._lock = threading.Lock()

    def put(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Keep vectors, in place of those that records had before."""
        with self._lock:
            self._reserve(len(self._rows) + len(keys))
            rows = [self._rows.setdefault(key, len(self._rows)) for key in keys]
            self._keys[rows] = keys
            self._matrix[rows] = vectors

    def ranked(self, vector: NDArray[np.float32], among: Sequence[int] | None) -> Iterator[tuple[int, float]]:
        """Key and score of each record, or of those `among` them that have a vector, the highest score first.

        Equals come the newest first.
        """
        with self._lock:
            if among is None:
                keys = self._keys[: len(self._rows)].copy()
                cosines = self._matrix[: len(self._rows)] @ vector
            else:
                rows = [self._rows[key] for key in among if key in self._rows]
                keys = self._keys[rows]
                cosines = self._matrix[rows] @ vector
        # Rounded, because the last bits of a product depend on what else is multiplied.
        scores = np.round(np.interp(cosines, _COSINES, _SCORES), 4)
        last = np.inf
        for limit in (_FIRST, len(keys)):
            if limit >= len(keys):
                chosen = np.flatnonzero(scores < last)
            else:
                least = np.partition(scores, -limit)[-limit]
                chosen = np.flatnonzero(scores >= least)
                last = least
            order = chosen[np.lexsort((-keys[chosen], -scores[chosen]))]
            yield from zip(keys[order].tolist(), scores[order].tolist(), strict=True)
            if limit >= len(keys):
                return

    def _reserve(self, rows: int) -> None:
        room = len(self._keys)
        if rows > room:
            more = max(rows, 2 * room) - room
            self._keys = np.concatenate([self._keys, np.empty(more, np.int64)])
            self._matrix = np.concatenate([self._matrix, np.empty((more, self._matrix.shape[1]), np.float32)])
