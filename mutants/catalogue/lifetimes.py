"""How long a session lives, and the commands in it."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="idle-timeout-is-ignored",
        file="runtime/lifecycle.py",
        old='            self._end(session, f"idle for {session.runtime.idle_timeout:.0f} s{silence}")\n',
        new="            pass\n",
        breaks="A session that nobody uses lives on, and is paid for on AWS.",
        contracts=("LC-001",),
    ),
    Mutant(
        name="idle-time-counts-from-the-start",
        file="runtime/lifecycle.py",
        old="since = max(self._session.last_used, self._busy_seen)",
        new="since = max(self._session.created, self._busy_seen)",
        breaks="A session ends at the idle timeout although it is used.",
        contracts=("LC-001",),
    ),
    Mutant(
        name="lifetime-is-ignored",
        file="runtime/lifecycle.py",
        old='self._end(self._session, f"its maximum lifetime of {self._session.runtime.max_lifetime:.0f} s is over")',
        new="pass",
        breaks="A session in use lives for ever.",
        contracts=("LC-003",),
    ),
    Mutant(
        name="busy-agent-is-idle",
        file="runtime/lifecycle.py",
        old="self._busy = health.status == _BUSY and",
        new="self._busy = health.status == _HEALTHY and",
        breaks="A session ends while its agent works in the background.",
        contracts=("LC-004",),
    ),
    Mutant(
        name="command-always-succeeds",
        file="runtime/commands.py",
        old='{"exitCode": status, "status": how}',
        new='{"exitCode": 0, "status": how}',
        breaks="A client cannot tell that a command has failed.",
        contracts=("CM-003",),
    ),
    Mutant(
        name="command-mixes-its-streams",
        file="runtime/commands.py",
        old='await self._send({"contentDelta": {piece.stream: text}})',
        new='await self._send({"contentDelta": {"stdout": text}})',
        breaks="What a command prints on stderr is taken for its output.",
        contracts=("CM-002",),
    ),
    Mutant(
        name="command-that-took-too-long-is-complete",
        file="runtime/commands.py",
        old='how = "TIMED_OUT" if self._timed_out else "COMPLETED"',
        new='how = "COMPLETED"',
        breaks="A command that was ended half-way seems to be done.",
        contracts=("CM-004",),
    ),
)
