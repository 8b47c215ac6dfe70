"""RetrieveMemoryRecords: a question, and the records that have most to do with it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, select

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import AWSError
from agentcore_emulator.memory import memories, record_rules
from agentcore_emulator.memory.records import scope, summary
from agentcore_emulator.memory.retrieval.ranking import Ranked, Ranking
from agentcore_emulator.memory.tables import milliseconds, records
from agentcore_emulator.paging import Listing
from agentcore_emulator.store import Store

__all__ = ["Retrieval"]

_log = logging.getLogger(__name__)

# Records that are looked at together, for the first time; then ever more.
_TOGETHER: Final = 32
_MOST_TOGETHER: Final = 4096


class Retrieval:
    """RetrieveMemoryRecords of bedrock-agentcore, by any `Ranking`."""

    def __init__(self, store: Store, clock: Clock, ranking: Ranking) -> None:
        self._store = store
        self._clock = clock
        self._ranking = ranking

    async def retrieve_memory_records(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"memoryRecordSummaries": [MemoryRecordSummary], "nextToken"?}`, the highest `score` first.

        There are `topK` of them if the namespace has as many that meet the filters, as the nearest neighbours that AWS
        looks for are always there: records that have nothing to do with the question come last, with the score 0. Pages
        have `maxResults`, and all pages together `topK`.

        Takes the memory's id or ARN. Raises ValidationException when `memoryId` is neither, for a token that another
        search gave, for filters that make no sense, and unless there is one of namespace and namespacePath;
        ResourceNotFoundException when there is no such memory.
        """
        try:
            return await self._search(given)
        except AWSError as error:
            # The SDK's retrieve_memories turns every error into an empty list.
            _log.warning("RetrieveMemoryRecords was refused: %s", error.message)
            raise

    async def _search(self, given: dict[str, Any]) -> dict[str, Any]:
        now = milliseconds(self._clock.time())
        memory = await self._store.read(lambda c: memories.find(c, given["memoryId"], now))
        # Before the ranking, which may have to wait, so that what makes no sense is told at once.
        conditions = scope(memory, given, given["searchCriteria"], "searchCriteria.metadataFilters", now)
        ranked = await self._ranking.prepare(memory.key)
        return await self._store.read(lambda c: _page(c, memory, given, conditions, ranked))


def _page(
    connection: Connection,
    memory: Row[Any],
    given: Mapping[str, Any],
    conditions: Sequence[ColumnElement[bool]],
    ranked: Ranked,
) -> dict[str, Any]:
    criteria: Mapping[str, Any] = given["searchCriteria"]
    place = (given.get("namespace"), given.get("namespacePath"))
    listing = Listing("RetrieveMemoryRecords", memory.id, *place, criteria)
    shown, last = _position(listing.position(given.get("nextToken")))
    left = criteria.get("topK", record_rules.TOP_K) - shown
    size = min(left, given.get("maxResults", record_rules.PAGE))
    path, _ = record_rules.place(given)
    found = _found(connection, conditions, ranked(connection, path, conditions, criteria["searchQuery"]))
    after = itertools.dropwhile(lambda item: last is not None and (item[1], item[0].key) >= last, found)
    page = list(itertools.islice(after, size + 1))
    answer: dict[str, Any] = {"memoryRecordSummaries": [{**summary(row), "score": score} for row, score in page[:size]]}
    if size < left and len(page) > size:
        row, score = page[size - 1]
        answer["nextToken"] = listing.token(f"{shown + size} {score!r} {row.key}")
    return answer


def _position(position: str | None) -> tuple[int, tuple[float, int] | None]:
    """How many records came before a page, and the score and key of the last of them."""
    if position is None:
        return 0, None
    shown, score, key = position.split(" ")
    return int(shown), (float(score), int(key))


def _found(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], ranked: Iterable[tuple[int, float]]
) -> Iterator[tuple[Row[Any], float]]:
    """The ranked records that meet the conditions, and then all others that do, which score 0."""
    seen: set[int] = set()
    # Hidden from the planner, or SQLite goes through a whole namespace for a few keys.
    met = case((and_(*conditions), 1), else_=0) == 1
    for chunk in _chunks(ranked):
        seen.update(key for key, _ in chunk)
        query = select(records).where(records.c.key.in_([key for key, _ in chunk]), met)
        rows = {row.key: row for row in connection.execute(query)}
        yield from ((rows[key], score) for key, score in chunk if key in rows)
    last = None
    while True:
        query = select(records).where(*conditions).order_by(records.c.key.desc()).limit(_TOGETHER)
        others = connection.execute(query if last is None else query.where(records.c.key < last)).all()
        if not others:
            return
        yield from ((row, 0.0) for row in others if row.key not in seen)
        last = others[-1].key


def _chunks(ranked: Iterable[tuple[int, float]]) -> Iterator[list[tuple[int, float]]]:
    iterator = iter(ranked)
    size = _TOGETHER
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
        size = min(size * 2, _MOST_TOGETHER)
