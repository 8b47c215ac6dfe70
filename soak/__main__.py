"""`python -m soak [--minutes N] [--sessions N]`: rounds of sessions; the status is 0 if nothing of them is left.

In each round sessions are created, invoked, streamed and written events of by several workers at once, and are then
stopped, killed or left idle until the clock has been advanced past their time. After the first round, when what is
kept for good is there, the emulator is measured, and after the last one it must be back there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from agentcore_emulator.testing import EmulatorProcess
from soak.life import FATES, Client, Wrong
from soak.usage import Usage, measure

_WORKERS = 8
_LINE_SECONDS = 15.0

# AWS's default idle timeout is 900 s.
_IDLE_SECONDS = 901

# What has ended is cleared away a moment later. So many measurements must agree, of so many at most.
_SETTLING_SECONDS = 0.1
_SETTLED = 10
_SETTLED_AT_LAST = 300

# Of the emulator and of all below it, each. Python frees memory to itself rather than to the system, collects what
# refers to itself only now and then, and SQLite's five connections each keep up to 2 MB of a file that grows.
_TOLERANCE_MEGABYTES = 24.0


@dataclass
class _Soak:
    """One emulator, for as many rounds as there is time for."""

    emulator: EmulatorProcess
    memory: str
    size: int
    """Sessions in a round."""
    sessions: int = 0
    started: float = field(default_factory=time.monotonic)
    _next_line: float = field(default_factory=lambda: time.monotonic() + _LINE_SECONDS)

    def round(self) -> Usage:
        """Lead sessions from their beginning to their end; what is held once that is over. Raises `Wrong`."""
        client = Client(self.emulator, self.memory, _WORKERS)
        pool = ThreadPoolExecutor(_WORKERS)
        try:
            lives = {pool.submit(client.lead, FATES[number % len(FATES)]) for number in range(self.size)}
            while lives:
                done, lives = wait(lives, max(0.0, self._next_line - time.monotonic()), FIRST_COMPLETED)
                for life in done:
                    life.result()
                    self.sessions += 1
                if time.monotonic() >= self._next_line:
                    self.say(measure(self.emulator.pid))
        finally:
            pool.shutdown(cancel_futures=True)
            client.close()
        _post(f"{self.emulator.url}/_emulator/clock/advance", {"seconds": _IDLE_SECONDS})
        if left := self.emulator.sessions():
            raise Wrong(f"{len(left)} sessions outlived {_IDLE_SECONDS} s of idleness, {left[0]['session_id']} for one")
        return self._settled()

    def say(self, usage: Usage) -> None:
        """The line of progress."""
        print(f"{time.monotonic() - self.started:6.0f} s  {self.sessions:6} sessions  {usage}", flush=True)
        self._next_line = time.monotonic() + _LINE_SECONDS

    def _settled(self) -> Usage:
        """What is held as soon as that has stopped changing."""
        held: list[Usage] = []
        while len(held) < _SETTLED or any(each.counts != held[-1].counts for each in held[-_SETTLED:]):
            if len(held) > _SETTLED_AT_LAST:
                raise Wrong(f"processes and descriptors went on changing after a round: {held[-2]}; {held[-1]}")
            time.sleep(_SETTLING_SECONDS)
            held.append(measure(self.emulator.pid))
        return held[-1]


def main() -> int:
    """Soak; 1 with a sentence on stderr if something went wrong or is left."""
    parser = argparse.ArgumentParser(prog="python -m soak")
    parser.add_argument("--minutes", type=float, default=20.0, help="for how long rounds are begun (default: 20)")
    parser.add_argument("--sessions", type=int, default=200, help="how many there are in a round (default: 200)")
    options = parser.parse_args()
    try:
        with EmulatorProcess(Path(__file__).with_name("agent.py"), "--quirks", "off") as emulator:
            _soak(emulator, options.minutes * 60, options.sessions)
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


def _soak(emulator: EmulatorProcess, seconds: float, size: int) -> None:
    control = emulator.client("bedrock-agentcore-control")
    memory = control.create_memory(name="soak", eventExpiryDuration=365)["memory"]["id"]
    control.close()
    soak = _Soak(emulator, memory, size)
    before = after = soak.round()
    soak.say(before)
    # One at least, and then as many as there is time for.
    while after is before or time.monotonic() < soak.started + seconds:
        after = soak.round()
    soak.say(after)
    if after.counts != before.counts:
        raise Wrong(f"not all was given back; after the first round there were: {before}; after the last: {after}")
    if grown := [what for what, megabytes in after.growth(before).items() if megabytes > _TOLERANCE_MEGABYTES]:
        raise Wrong(
            f"the memory of {' and '.join(grown)} grew by more than {_TOLERANCE_MEGABYTES:.0f} MB; "
            f"after the first round there were: {before}; after the last: {after}"
        )
    # A guest's lines begin with its name.
    if faults := [line for line in emulator.log.splitlines() if line.startswith(("Traceback", "ERROR: request"))]:
        raise Wrong(f"the emulator logged {len(faults)} faults of its own, the first: {faults[0]}")
    print(f"{soak.sessions} sessions, and nothing is left of them")


def _post(url: str, body: object) -> None:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        build_opener(ProxyHandler({})).open(request).close()
    except OSError as error:
        raise Wrong(f"{url} answered {error}") from error


if __name__ == "__main__":
    sys.exit(main())
