"""A message to an agent and back on a WebSocket, through the emulator and to the same agent directly."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from agentcore_emulator.testing import new_session
from bench.effort import Effort
from bench.pairs import side_by_side
from bench.report import Row
from bench.subjects import address, direct_agent, emulator_with_learnt_imports
from bench.talk import measure

__all__ = ["run"]

_AIM = 1.5


def run(state: Path, effort: Effort) -> list[Row]:
    """One connection each in every round."""
    with emulator_with_learnt_imports(state) as emulator, direct_agent() as (direct, _):
        session = new_session()
        through = f"ws://{address(emulator)}/runtimes/{quote(emulator.arn, safe='')}/ws"
        alone = f"ws://{direct}/ws"
        measure(through, effort.requests, session)
        measure(alone, effort.requests)
        return side_by_side(
            lambda: measure(through, effort.requests, session),
            lambda: measure(alone, effort.requests),
            rounds=effort.rounds,
            aim=_AIM,
        )
