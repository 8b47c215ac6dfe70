"""The four operations that moto's server has too, one request after the other, on both.

moto keeps everything in memory, and so syncs no disk. Its server needs more than the emulator's environment has; where
an environment for it cannot be made, this says so.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentcore_emulator.testing import EmulatorProcess
from bench.effort import QUICK, Effort
from bench.report import Row, median, spread
from bench.subjects import AGENT, address

__all__ = ["run"]

_PAGE = 100
# moto's server sees by this which service is meant.
_HEADERS = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=emulator/20260101/us-east-1/bedrock-agentcore/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "Content-Type": "application/json",
}


def run(state: Path, effort: Effort) -> list[Row]:
    """In turns."""
    if effort == QUICK:
        return [Row("moto's server", "not measured in a hurry")]
    python = _environment(state / "moto")
    if python is None:
        return [Row("moto's server", "not measured, as moto[server] cannot be installed here")]
    count = max(1, effort.requests // 10)
    found: dict[tuple[str, str], list[float]] = {}
    with EmulatorProcess(AGENT, "--state-dir", str(state), "--quirks", "off") as emulator, _server(python) as moto:
        control = emulator.client("bedrock-agentcore-control")
        memory_id = control.create_memory(name=f"beside{os.getpid()}", eventExpiryDuration=30)["memory"]["id"]
        subjects = {"the emulator": address(emulator), "moto's server": moto}
        for number in range(effort.rounds):
            for subject, where in subjects.items():
                for operation, times in _four(where, memory_id, f"s{number}", count).items():
                    found.setdefault((operation, subject), []).append(median(times))
        control.delete_memory(memoryId=memory_id)
    return [
        Row(f"{operation}, {subject}, p50", f"{median(p50s):.2f} ms", spread(p50s, "ms", 2))
        for (operation, subject), p50s in sorted(found.items())
    ]


def _environment(folder: Path) -> Path | None:
    """The interpreter of a new environment with moto's server in it."""
    python = folder / "bin" / "python"
    wanted = f"moto[server]=={importlib.metadata.version('moto')}"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", wanted], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return None
    return python


@contextlib.contextmanager
def _server(python: Path) -> Iterator[str]:
    """HOST:PORT."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(python), "-m", "moto.server", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionError:
                    if process.poll() is not None:
                        raise RuntimeError(f"moto's server ended with status {process.returncode}") from None
                    time.sleep(0.01)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _four(where: str, memory_id: str, session: str, count: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by operation; the session has as many events as a page while they are listed."""
    connection = http.client.HTTPConnection(where)
    events = f"/memories/{memory_id}/events"
    place = f"/memories/{memory_id}/actor/actor/sessions/{session}"
    times: dict[str, list[float]] = {"CreateEvent": [], "GetEvent": [], "ListEvents of 100": [], "DeleteEvent": []}

    def ask(operation: str, method: str, path: str, body: Any = None) -> Any:
        started = time.perf_counter()
        connection.request(method, path, None if body is None else json.dumps(body), _HEADERS)
        response = connection.getresponse()
        answer = response.read()
        times[operation].append((time.perf_counter() - started) * 1000)
        if response.status >= 300:
            raise RuntimeError(f"{operation} at {where} answered {response.status}: {answer.decode()}")
        return json.loads(answer or b"{}")

    said = {"conversational": {"role": "USER", "content": {"text": "What is 14 + 34?"}}}
    event = {"actorId": "actor", "sessionId": session, "eventTimestamp": time.time(), "payload": [said]}
    ids = [quote(ask("CreateEvent", "POST", events, event)["event"]["eventId"], safe="") for _ in range(_PAGE)]
    for event_id in ids[:count]:
        ask("GetEvent", "GET", f"{place}/events/{event_id}")
        ask("ListEvents of 100", "POST", place, {"maxResults": _PAGE, "includePayloads": True})
    for event_id in ids:
        ask("DeleteEvent", "DELETE", f"{place}/events/{event_id}")
    connection.close()
    return times
