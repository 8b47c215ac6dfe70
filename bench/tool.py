"""An MCP client in a process of its own, so that what else the benchmark does is not in its times.

`python -m bench.tool URL COUNT` has a tool called COUNT times in one session by the `mcp` package's client, and prints
each time in milliseconds as a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

__all__ = ["measure"]


async def _call(url: str, count: int) -> list[float]:
    times = []
    async with Client(streamable_http_client(url, terminate_on_close=False), mode="legacy") as client:
        for _ in range(count):
            started = time.perf_counter()
            if (await client.call_tool("nothing")).is_error:
                raise RuntimeError(f"{url} answered with an error")
            times.append((time.perf_counter() - started) * 1000)
    return times


def measure(url: str, count: int) -> list[float]:
    """Milliseconds of each of `count` calls."""
    done = subprocess.run([sys.executable, "-m", "bench.tool", url, str(count)], check=True, capture_output=True)
    times: list[float] = json.loads(done.stdout)
    return times


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_call(sys.argv[1], int(sys.argv[2])))))
