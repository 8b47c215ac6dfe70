"""How often each thing is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Effort"]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How many rounds there are, each of which measures everything that is compared, and how much is in one."""

    rounds: int
    requests: int
    """Requests of a kind in a round."""
    sessions: int
    """New sessions in a round."""
    starts: int
    idle_sessions: int
    many_sessions: int
    idle_seconds: float
    """For how long idle sessions are watched."""
    events: int
    """In the largest memory."""
    records: int
    """Memory records among which is searched."""


FULL = Effort(
    rounds=10,
    requests=300,
    sessions=6,
    starts=7,
    idle_sessions=100,
    many_sessions=1000,
    idle_seconds=10.0,
    events=1_000_000,
    records=100_000,
)

QUICK = Effort(
    rounds=1,
    requests=3,
    sessions=1,
    starts=1,
    idle_sessions=2,
    many_sessions=3,
    idle_seconds=0.1,
    records=200,
    events=20_000,
)
"""Shows that everything runs; the figures say nothing."""
