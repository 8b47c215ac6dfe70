"""Runs a real emulator beside a test, and moves what surrounds an agent: its time, its versions, its luck.

    with EmulatorThread("agent.py", "--clock", "virtual") as emulator:
        session = new_session()
        emulator.invoke({"prompt": "Hello"}, session)
        emulator.clock.advance(8 * 3600)
        assert emulator.session(session)["reason"] == "idle for 900 s"

`EmulatorThread` runs in the test's own process, `EmulatorProcess` in one of its own; both are `RunningEmulator`s. boto3
comes from the test's own environment; it is in the extras `demo` and `contracts`.
"""

from __future__ import annotations

from agentcore_emulator.testing.admin import Admin, EmulatorError
from agentcore_emulator.testing.controls import EmulatorClock, Faults
from agentcore_emulator.testing.process import EmulatorProcess
from agentcore_emulator.testing.running import RunningEmulator, SessionInfo, new_session
from agentcore_emulator.testing.thread import EmulatorThread

__all__ = [
    "Admin",
    "EmulatorClock",
    "EmulatorError",
    "EmulatorProcess",
    "EmulatorThread",
    "Faults",
    "RunningEmulator",
    "SessionInfo",
    "new_session",
]
