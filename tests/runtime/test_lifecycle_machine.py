"""Sessions of a real emulator against a plain model of their lives, through histories that Hypothesis makes up.

What AWS promises of this is the contract LC-013, which runs against any emulator whose time can be moved. Here is what
only the emulator itself tells: states, reasons, versions, and deadlines to the second, on a clock that stands still.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ResponseStreamingError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agentcore_emulator.testing import EmulatorThread, SessionInfo, new_session

IDLE = 60
LIFETIME = 600
KILLED = "its process was killed by SIGKILL"
SLOTS = st.sampled_from(["a", "b", "c"])
NUMBERS = itertools.count()
CALLERS = 3

# Before, at and after the deadlines, alone and when added up.
SECONDS = st.sampled_from([1, 30, 59, 60, 61, 119, 120, 300, 540, 599, 600, 601, 28_800])

# What /ping says is in a file, so that it changes without an invocation.
PING = """
def do_GET(self):
    try:
        with open(os.path.join({folder!r}, str(os.getpid()))) as file:
            self.answer(json.load(file))
    except FileNotFoundError:
        self.answer({{"status": "Healthy"}})

Handler.do_GET = do_GET
state.update(notes=[], gate=threading.Event())
"""


@dataclass
class Life:
    """One session from its first invocation to its end, all times on the emulator's clock."""

    pid: int
    version: int
    created: float
    last_used: float
    busy_until: float
    notes: list[int] = field(default_factory=list)
    stream: Any = None
    # What /ping would say, its time stamp, and which moment that stamp means.
    busy: bool = False
    stamp: float | None = None
    changed: float = 0.0
    # What it said when it was last asked.
    seen_busy: bool = False
    seen_stamp: float | None = None
    ended: float | None = None
    reason: str | None = None

    @property
    def state(self) -> str:
        if self.ended is not None:
            return "Stopped"
        return "Active" if self.stream is not None or self.seen_busy else "Idle"

    @property
    def due(self) -> float:
        """The next deadline."""
        idle_since = math.inf if self.stream is not None else max(self.last_used, self.busy_until)
        return min(idle_since + IDLE, self.created + LIFETIME)

    def ask(self, now: float) -> None:
        """What asking /ping changes: idle time counts from when business has ended, or was last seen."""
        if self.busy:
            self.busy_until = now
        elif self.stamp is not None and self.stamp != self.seen_stamp:
            self.busy_until = max(self.busy_until, min(self.changed, now))
        elif self.seen_busy:
            self.busy_until = now
        self.seen_busy, self.seen_stamp = self.busy, self.stamp

    def go_on_until(self, moment: float) -> None:
        """Let the time pass: /ping is asked at each idle deadline, and nothing holds the end of the lifetime off."""
        while self.ended is None and (due := self.due) <= moment:
            if due == self.created + LIFETIME:
                self.end(due, f"its maximum lifetime of {LIFETIME} s is over")
                return
            self.ask(due)
            if self.due == due:
                self.end(due, f"idle for {IDLE} s")

    def end(self, moment: float, reason: str) -> None:
        self.ended, self.reason = moment, reason


class Machine(RuleBasedStateMachine):
    """Three sessions, whose ids no other history has."""

    def __init__(self, emulator: EmulatorThread, client: Any, threads: ThreadPoolExecutor, folder: Path) -> None:
        super().__init__()
        self.emulator = emulator
        self.client = client
        self.threads = threads
        self.folder = folder
        self.ids = {slot: new_session() for slot in ("a", "b", "c")}
        self.lives: dict[str, Life] = {}
        self.past: list[tuple[str, Life]] = []
        self.now = emulator.clock.time()
        # Of this history's first session, whatever the histories before have deployed.
        self.version: int | None = None
        self.redeployed = False

    # Calls, as any client makes them

    def call(self, slot: str, code: str) -> Any:
        return self.client.invoke_agent_runtime(
            agentRuntimeArn=self.emulator.arn,
            runtimeSessionId=self.ids[slot],
            contentType="text/x-python",
            payload=code,
        )["response"]

    def note(self, slot: str) -> tuple[int, int, list[int]]:
        """Leave a number in the session's globals; its pid, the number, and all that is there now."""
        number = next(NUMBERS)
        answer = self.call(slot, f"state['notes'].append({number}); answer([os.getpid(), state['notes']])")
        pid, notes = json.loads(answer.read())
        return pid, number, notes

    def living(self, *, streaming: bool | None = None) -> list[tuple[str, Life]]:
        """The sessions that live; only those with or without a stream under way if need be."""
        return [
            (slot, life)
            for slot, life in self.lives.items()
            if life.ended is None and streaming in (None, life.stream is not None)
        ]

    def one_of(self, living: list[tuple[str, Life]], data: st.DataObject) -> tuple[str, Life]:
        slot = data.draw(st.sampled_from([slot for slot, _ in living]))
        return slot, self.lives[slot]

    def live(self, slot: str) -> Life | None:
        return dict(self.living()).get(slot)

    def begin(self, slot: str, pid: int) -> Life:
        if slot in self.lives:
            self.past.append((slot, self.lives[slot]))
        if self.version is None:
            self.version = self.emulator.session(self.ids[slot])["version"]
        life = self.lives[slot] = Life(pid, self.version, self.now, self.now, self.now)
        return life

    def rested(self, life: Life, *, first: bool) -> None:
        """An invocation is over; after the first one /ping is asked, for which this waits."""
        life.last_used = self.now
        if first:
            self.emulator.clock.advance(0)
            life.ask(self.now)

    def expect_cut(self, life: Life) -> None:
        """The end of a session is the end of what it streams, and the client is told."""
        if life.stream is not None:
            with pytest.raises(ResponseStreamingError):
                life.stream.read()
            life.stream = None

    # What can happen

    @rule(slot=SLOTS)
    def invoke(self, slot: str) -> None:
        pid, number, notes = self.note(slot)
        life = self.live(slot)
        first = life is None
        if life is None:
            life = self.begin(slot, pid)
        life.notes.append(number)
        assert (pid, notes) == (life.pid, life.notes)
        if life.stream is None:
            self.rested(life, first=first)

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def invoke_again(self, data: st.DataObject) -> None:
        slot, _ = self.one_of(self.living(), data)
        self.invoke(slot)

    @precondition(lambda self: len(self.living()) < len(self.ids))
    @rule(data=st.data())
    def first_calls_at_once(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from([slot for slot in self.ids if self.live(slot) is None]))
        ready = Barrier(CALLERS)

        def call() -> tuple[int, int, list[int]] | str:
            ready.wait()
            try:
                return self.note(slot)
            except ClientError as error:
                return str(error.response["Error"]["Code"])

        answers = list(self.threads.map(lambda _: call(), range(CALLERS)))
        served = sorted((answer for answer in answers if not isinstance(answer, str)), key=lambda each: len(each[2]))
        refused = [answer for answer in answers if isinstance(answer, str)]
        assert served
        assert set(refused) <= {"RetryableConflictException"}
        life = self.begin(slot, served[0][0])
        assert {pid for pid, _, _ in served} == {life.pid}
        life.notes = served[-1][2]
        assert sorted(life.notes) == sorted(number for _, number, _ in served)
        self.rested(life, first=True)

    @precondition(lambda self: self.living(streaming=False))
    @rule(data=st.data())
    def begin_a_stream(self, data: st.DataObject) -> None:
        slot, life = self.one_of(self.living(streaming=False), data)
        stream = self.call(
            slot, "state['gate'].clear(); self.stream(); self.chunk(b'1'); state['gate'].wait(); self.chunk(b'')"
        )
        assert stream.read(1) == b"1"
        life.stream = stream

    @precondition(lambda self: self.living(streaming=True))
    @rule(data=st.data())
    def end_a_stream(self, data: st.DataObject) -> None:
        slot, life = self.one_of(self.living(streaming=True), data)
        self.call(slot, "state['gate'].set(); answer(1)").read()
        assert life.stream.read() == b""
        life.stream = None
        self.rested(life, first=False)

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        slot, life = self.one_of(self.living(), data)
        self.client.stop_runtime_session(agentRuntimeArn=self.emulator.arn, runtimeSessionId=self.ids[slot])
        life.end(self.now, "StopRuntimeSession")
        self.expect_cut(life)

    @precondition(lambda self: len(self.living()) < len(self.ids))
    @rule(data=st.data())
    def stop_what_is_not_there(self, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from([slot for slot in self.ids if self.live(slot) is None]))
        with pytest.raises(self.client.exceptions.ResourceNotFoundException):
            self.client.stop_runtime_session(agentRuntimeArn=self.emulator.arn, runtimeSessionId=self.ids[slot])

    @precondition(lambda self: self.living())
    @rule(data=st.data(), how=st.sampled_from(["kill", "exit"]))
    def die(self, data: st.DataObject, how: str) -> None:
        slot, life = self.one_of(self.living(), data)
        if how == "kill":
            os.kill(life.pid, signal.SIGKILL)
            life.end(self.now, KILLED)
        else:
            with pytest.raises(self.client.exceptions.RuntimeClientError):
                self.call(slot, "os._exit(3)")
            life.end(self.now, "its process exited with status 3")
        self.expect_cut(life)
        while life.pid in [session["pid"] for session in self.emulator.sessions()]:
            pass

    @precondition(lambda self: self.living())
    @rule(data=st.data(), busy=st.booleans(), stamp=st.sampled_from(["none", "exact", "whole"]))
    def change_health(self, data: st.DataObject, busy: bool, stamp: str) -> None:
        _, life = self.one_of(self.living(), data)
        life.busy, life.stamp, life.changed = busy, None, self.now
        if stamp == "exact":
            life.stamp = time.time() // 1e-3 * 1e-3 + 1e-4
        elif stamp == "whole":
            # Any moment of that second, which is not over when /ping is asked; so it has changed just now.
            life.stamp, life.changed = time.time() // 1 + 3600, math.inf
        answer = {"status": "HealthyBusy" if busy else "Healthy", "time_of_last_update": life.stamp}
        (self.folder / str(life.pid)).write_text(json.dumps(answer), encoding="utf-8")

    @precondition(lambda self: len(self.lives) > len(self.living()) > 0 and not self.redeployed)
    @rule()
    def redeploy(self) -> None:
        assert self.version is not None
        self.redeployed = True
        self.version += 1
        assert self.emulator.redeploy() == {"agent": self.version}

    @precondition(lambda self: self.living())
    @rule(seconds=SECONDS)
    def advance(self, seconds: int) -> None:
        self.now += seconds
        assert self.emulator.clock.advance(seconds) == self.now
        for life in self.lives.values():
            life.go_on_until(self.now)
            if life.ended is not None:
                self.expect_cut(life)

    @precondition(lambda self: self.living())
    @rule(data=st.data(), off=st.sampled_from([-1, 0, 1]))
    def advance_to_a_deadline(self, data: st.DataObject, off: int) -> None:
        _, life = self.one_of(self.living(), data)
        self.advance(max(0, round(life.due - self.now) + off))

    # What is true at any time

    @invariant()
    def the_emulator_is_as_the_model(self) -> None:
        listed = self.emulator.admin.get("sessions")
        ours = set(self.ids.values())
        found: list[SessionInfo] = [s for s in listed["ended"] + listed["sessions"] if s["session_id"] in ours]
        model = [*self.past, *self.lives.items()]
        assert sorted(map(described, found)) == sorted(
            (self.ids[slot], life.pid, life.version, life.state, life.created, life.ended or 0, life.reason or "")
            for slot, life in model
        )
        for session in found:
            assert session["log"].count(f"started, pid {session['pid']}") == 1

    def teardown(self) -> None:
        self.emulator.clock.advance(LIFETIME)
        assert self.emulator.sessions() == []
        for life in self.lives.values():
            if life.stream is not None:
                life.stream.close()
        for file in self.folder.iterdir():
            file.unlink()


def described(session: SessionInfo) -> tuple[Any, ...]:
    return (
        session["session_id"],
        session["pid"],
        session["version"],
        session["state"],
        session["created"],
        session["ended"] or 0,
        session["reason"] or "",
    )


@pytest.fixture
def make_machine(tmp_path: Path, puppet: str, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    caplog.set_level(logging.CRITICAL, "agentcore_emulator")  # Deaths are reported there, by the thousand.
    answers = tmp_path / "ping"
    answers.mkdir()
    project = tmp_path / "project"
    project.mkdir()
    *above, serve = puppet.rstrip().rpartition("\n")
    agent = project / "agent.py"
    agent.write_text("".join(above) + PING.format(folder=str(answers)) + serve, encoding="utf-8")
    # Plain, so that an agent's process id is the one that this test can kill.
    options = ["--quirks", "off", "--isolation", "plain", "--clock", "virtual"]
    options += ["--idle-timeout", str(IDLE), "--max-lifetime", str(LIFETIME)]
    with EmulatorThread(agent, *options) as emulator, ThreadPoolExecutor(CALLERS) as threads:
        client = emulator.client("bedrock-agentcore", config=Config(read_timeout=20, retries={"total_max_attempts": 1}))
        yield lambda: Machine(emulator, client, threads, answers)


def test_sessions_live_as_the_model_says(make_machine: Any) -> None:
    # Others in each run, so that they add up.
    run_state_machine_as_test(make_machine, settings=settings(max_examples=100, stateful_step_count=16, deadline=None))
