"""Watches one session's two deadlines: the idle timeout, which `/ping` can hold off, and the maximum lifetime.

AWS developer guide, "Configure lifecycle settings" and "Handle asynchronous and long running agents": the lifetime
counts from the microVM's creation and nothing resets it; the idle time counts from the end of the last invocation, and
a session whose `/ping` says `HealthyBusy` is not idle.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from agentcore_emulator.clock import Clock
from agentcore_emulator.runtime.microvm.host import MicroVM
from agentcore_emulator.runtime.relay import BrokenGuest, ClientGone, Exchange
from agentcore_emulator.runtime.session import Session

__all__ = ["ping", "watch"]

# Observed of the platform, which polls all the time. Here only a session at its deadline is asked, so that idle ones
# cost nothing.
_POLL_SECONDS = 2.0

# No limit is documented; an agent that takes longer for so little is not one that keeps its session alive.
_PING_SECONDS = 5.0


async def watch(session: Session, clock: Clock, expire: Callable[[Session, str], Awaitable[None]]) -> None:
    """Wait for the first deadline that `session` really passes, then `await expire(session, reason)`."""
    runtime = session.runtime
    end_of_life = session.created + runtime.max_lifetime
    wait = asyncio.create_task(_until_idle(session, clock))
    life = asyncio.create_task(clock.sleep(max(0.0, end_of_life - clock.time())))
    try:
        await asyncio.wait((wait, life), return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            reason = f"its maximum lifetime of {runtime.max_lifetime:.0f} s is over"
        else:
            wait.result()
            reason = f"idle for {runtime.idle_timeout:.0f} s"
    finally:
        wait.cancel()
        life.cancel()
    await expire(session, reason)


async def _until_idle(session: Session, clock: Clock) -> None:
    busy_since_poll = False
    while True:
        await session.idle.wait()
        remaining = session.last_used + session.runtime.idle_timeout - clock.time()
        if remaining > 0:
            await clock.sleep(remaining)
            continue
        if busy_since_poll:
            await clock.sleep(_POLL_SECONDS)
        if not session.idle.is_set() or session.microvm is None:
            continue
        status, last_update = await ping(session.microvm, clock)
        busy_since_poll = status == "HealthyBusy"
        if busy_since_poll:
            continue
        if last_update is not None and last_update > session.last_used:
            # The status changed after the last invocation: the idle time counts from there.
            session.last_used = min(last_update, clock.time())
            continue
        if session.idle.is_set():
            return


async def ping(microvm: MicroVM, clock: Clock) -> tuple[str, float | None]:
    """What the agent's `/ping` says: its status and `time_of_last_update` in epoch seconds, if it is a number.

    Anything but an answer of 200 with such a JSON object, within 5 s, counts as `Unhealthy`.
    """

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    try:
        async with microvm.connect() as (reader, writer):
            exchange = Exchange(reader, writer)
            limit = clock.call_later(_PING_SECONDS, exchange.abort)
            try:
                await exchange.request("GET", "/ping", [("host", "localhost")], receive, 0)
                await exchange.head()
                body = b"".join([piece async for piece in exchange.body()])
            finally:
                limit.cancel()
        answer = json.loads(body)
        if exchange.status != 200 or not isinstance(answer, dict):
            return "Unhealthy", None
        stamp = answer.get("time_of_last_update")
        return str(answer.get("status")), float(stamp) if isinstance(stamp, int | float) else None
    except (OSError, BrokenGuest, ClientGone, ValueError, OverflowError, RecursionError):
        return "Unhealthy", None
