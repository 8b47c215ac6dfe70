"""A client in a process of its own, so that what else the benchmark does is not in its times.

`python -m bench.load HOST:PORT PATH COUNT [SESSION]` posts COUNT times over one connection and prints each time in
milliseconds as a JSON list.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time

__all__ = ["SESSION_HEADER", "measure", "post"]

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def post(address: str, path: str, count: int, session: str = "", body: bytes = b"{}") -> list[float]:
    """Milliseconds of each of `count` requests; RuntimeError for an answer that is no success."""
    connection = http.client.HTTPConnection(address)
    headers = {"Content-Type": "application/json"}
    if session:
        headers[SESSION_HEADER] = session
    times = []
    for _ in range(count):
        started = time.perf_counter()
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        times.append((time.perf_counter() - started) * 1000)
        if response.status >= 300:
            raise RuntimeError(f"{path} answered {response.status}")
    connection.close()
    return times


def measure(address: str, path: str, count: int, session: str = "") -> list[float]:
    """The same in another process."""
    command = [sys.executable, "-m", "bench.load", address, path, str(count), session]
    done = subprocess.run(command, check=True, capture_output=True)
    times: list[float] = json.loads(done.stdout)
    return times


if __name__ == "__main__":
    print(json.dumps(post(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])))
