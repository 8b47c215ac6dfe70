"""Takes events of memory records to their streams, beside everything else that the emulator does.

Nobody waits for it when writing. A stream that takes nothing, because it does not exist for example, is asked again
every two seconds, and its events wait for a day. An event that a stream has taken can come again when the emulator is
killed before it has noted that.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row
from starlette.types import ASGIApp

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory.rounds import Rounds
from agentcore_emulator.memory.stream_delivery import outbox
from agentcore_emulator.store import Store

if TYPE_CHECKING:
    from agentcore_emulator.memory.stream_delivery.kinesis import Kinesis

__all__ = ["Delivery"]

_log = logging.getLogger(__name__)

# Seconds of real time until a stream that takes nothing is asked again.
_RETRY: Final = 2.0


class Delivery:
    """Delivers what is in the outbox, by `PutRecords` of `app`. Nothing is done before `start`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._rounds = Rounds(clock, "the delivery of memory records", self._round)
        self._retry: asyncio.TimerHandle | None = None
        self._app: ASGIApp | None = None
        self._kinesis: Kinesis | None = None
        # Why a stream takes nothing, by its ARN.
        self._refusals: dict[str, str] = {}
        self._waiting: set[str] = set()
        self.wake = self._rounds.wake

    def start(self, app: ASGIApp) -> None:
        """Begin with what an earlier process has left. `app` is the whole emulator."""
        self._app = app
        self._rounds.start()

    async def close(self) -> None:
        """Stop. What is under way is finished if it takes half a second at most; the rest is for the next start."""
        await self._rounds.close()
        if self._retry is not None:
            self._retry.cancel()

    async def _round(self, now: int) -> int | None:
        due = functools.partial(outbox.due, now=now, without=tuple(self._waiting))
        events, next_due = await self._store.read(due)
        if not events:
            return next_due
        for stream_arn, group in itertools.groupby(sorted(events, key=_stream), _stream):
            await self._deliver(stream_arn, list(group))
        return now

    async def _deliver(self, stream_arn: str, rows: Sequence[Row[Any]]) -> None:
        if self._kinesis is None:
            # An HTTP client takes a tenth of a second to import, and few memories have a stream.
            from agentcore_emulator.memory.stream_delivery.kinesis import Kinesis

            assert self._app is not None
            self._kinesis = Kinesis(self._app)
        taken, refusal = await self._kinesis.put(stream_arn, [(row.partition_key, row.event) for row in rows])
        if taken:
            keys = [rows[place].key for place in taken]
            await self._store.write(functools.partial(outbox.done, keys=keys))
        self._noticed(stream_arn, rows[0].memory_id, refusal)
        if refusal is not None:
            self._waiting.add(stream_arn)
            if self._retry is None and self._rounds.running:
                self._retry = asyncio.get_running_loop().call_later(_RETRY, self._ask_again)

    def _ask_again(self) -> None:
        self._retry = None
        self._waiting.clear()
        self.wake()

    def _noticed(self, stream_arn: str, memory_id: str, refusal: str | None) -> None:
        """Say once what is wrong with a stream, and once that it is right again."""
        if refusal == self._refusals.get(stream_arn):
            return
        if refusal is None:
            del self._refusals[stream_arn]
            _log.info("the stream %s takes events again", stream_arn)
            return
        self._refusals[stream_arn] = refusal
        _log.warning(
            "events of the memory %s wait for the stream %s, for a day at most: %s; make the stream (CreateStream), or "
            "give the memory another one (UpdateMemory)",
            memory_id,
            stream_arn,
            refusal,
        )


def _stream(event: Row[Any]) -> str:
    arn: str = event.stream_arn
    return arn
