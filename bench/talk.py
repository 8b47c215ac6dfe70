"""A WebSocket client in a process of its own, so that what else the benchmark does is not in its times.

`python -m bench.talk URL COUNT [SESSION]` has COUNT round trips over one connection and prints each time in
milliseconds as a JSON list. They are as far apart as AWS's limit of 250 frames a second wants them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

from websockets.asyncio.client import connect

from bench.load import SESSION_HEADER

__all__ = ["measure"]

_PAUSE = 1 / 200


async def _talk(url: str, count: int, session: str) -> list[float]:
    headers = {SESSION_HEADER: session} if session else {}
    times = []
    async with connect(url, additional_headers=headers, proxy=None, open_timeout=60) as connection:
        for _ in range(count):
            await asyncio.sleep(_PAUSE)
            started = time.perf_counter()
            await connection.send("a word")
            if await connection.recv() != "a word":
                raise RuntimeError(f"{url} answered something else")
            times.append((time.perf_counter() - started) * 1000)
    return times


def measure(url: str, count: int, session: str = "") -> list[float]:
    """Milliseconds of each of `count` round trips."""
    command = [sys.executable, "-m", "bench.talk", url, str(count), session]
    done = subprocess.run(command, check=True, capture_output=True)
    times: list[float] = json.loads(done.stdout)
    return times


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_talk(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))
