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

from agentcore_emulator.clock import Clock, Timer
from agentcore_emulator.memory.stream_delivery import outbox
from agentcore_emulator.memory.tables import milliseconds
from agentcore_emulator.store import Store, StoreError

if TYPE_CHECKING:
    from agentcore_emulator.memory.stream_delivery.kinesis import Kinesis

__all__ = ["Delivery"]

_log = logging.getLogger(__name__)

# Seconds of real time until a stream that takes nothing is asked again, and for which the end waits.
_RETRY: Final = 2.0
_GRACE: Final = 0.5


class Delivery:
    """Delivers what is in the outbox, by `PutRecords` of `app`. Nothing is done before `start`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running = False
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._timer: Timer | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._app: ASGIApp | None = None
        self._kinesis: Kinesis | None = None
        # Why a stream takes nothing, by its ARN.
        self._refusals: dict[str, str] = {}
        self._waiting: set[str] = set()

    def start(self, app: ASGIApp) -> None:
        """Begin with what an earlier process has left. `app` is the whole emulator."""
        self._app = app
        self._running = True
        self.wake()

    def wake(self) -> None:
        """See whether there is something to deliver."""
        self._again = True
        if self._running and self._task is None:
            # What time has set off, an advance of the clock waits for.
            self._task = self._clock.in_background(self._work())

    async def close(self) -> None:
        """Stop. What is under way is finished if it takes half a second at most; the rest is for the next start."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        if self._retry is not None:
            self._retry.cancel()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=_GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while self._running:
                self._again = False
                now = milliseconds(self._clock.time())
                events, later = await self._store.read(
                    functools.partial(outbox.due, now=now, without=tuple(self._waiting))
                )
                if events:
                    await self._deliver(events)
                elif not self._again:
                    self._arm(later, now)
                    return
        except StoreError as error:
            _log.error("events of memory records have to wait: %s", error)
            self._ask_again()
        except Exception:  # noqa: BLE001 - nobody else would hear of it
            _log.exception("the delivery of memory records stopped; the next record starts it again")
        finally:
            self._task = None

    def _arm(self, later: int | None, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if later is not None:
            self._timer = self._clock.call_later((later - now) / 1000, self._ring)

    async def _ring(self) -> None:
        self._timer = None
        self.wake()
        if self._task is not None:
            await asyncio.wait({self._task})

    def _ask_again(self) -> None:
        if self._running and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_RETRY, self._asked_again)

    def _asked_again(self) -> None:
        self._retry = None
        self._waiting.clear()
        self.wake()

    async def _deliver(self, events: Sequence[Row[Any]]) -> None:
        if self._kinesis is None:
            # An HTTP client takes a tenth of a second to import, and few memories have a stream.
            from agentcore_emulator.memory.stream_delivery.kinesis import Kinesis

            assert self._app is not None
            self._kinesis = Kinesis(self._app)
        for stream_arn, group in itertools.groupby(sorted(events, key=_stream), _stream):
            rows = list(group)
            taken, refusal = await self._kinesis.put(stream_arn, [(row.partition_key, row.event) for row in rows])
            if taken:
                keys = [rows[place].key for place in taken]
                await self._store.write(functools.partial(outbox.done, keys=keys))
            self._noticed(stream_arn, rows[0].memory_id, refusal)
            if refusal is not None:
                self._waiting.add(stream_arn)
                self._ask_again()

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
