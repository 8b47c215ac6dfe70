"""Many connections at once, in a process of their own and with as little work for each request as can be.

`python -m bench.flood HOST:PORT PATH CONNECTIONS COUNT BODY` posts COUNT times on each connection, one request after
the other, and prints `[requests a second, [milliseconds of each]]` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time

__all__ = ["flood"]

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def flood(address: str, path: str, connections: int, count: int, body: str) -> tuple[float, list[float]]:
    """Requests a second, and milliseconds of each; RuntimeError for an answer that is no success."""
    command = [sys.executable, "-m", "bench.flood", address, path, str(connections), str(count), body]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    rate, times = json.loads(done.stdout)
    return rate, times


async def _all(address: str, path: str, connections: int, count: int, body: str) -> tuple[float, list[float]]:
    host, _, port = address.partition(":")
    data = body.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    request = head.encode() + b"\r\n\r\n" + data
    streams = [await asyncio.open_connection(host, int(port)) for _ in range(connections)]
    started = time.perf_counter()
    each = await asyncio.gather(*(_one(*stream, request, count) for stream in streams))
    rate = connections * count / (time.perf_counter() - started)
    for _, writer in streams:
        writer.close()
    return rate, [milliseconds for times in each for milliseconds in times]


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, count: int) -> list[float]:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        answer = await reader.readexactly(int(length[1]) if length else 0)
        times.append((time.perf_counter() - started) * 1000)
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError((head + answer).decode())
    return times


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(_all(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))))
