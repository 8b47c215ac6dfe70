"""A warm invocation through the emulator, against the same agent called directly."""

from __future__ import annotations

from pathlib import Path

from agentcore_emulator.testing import new_session
from bench.load import measure
from bench.report import Row, median, quantile, spread
from bench.subjects import address, direct_agent, emulator_with_learnt_imports, invocations

__all__ = ["run"]

_ROUNDS = 10
_REQUESTS = 300
_AIM = 1.4


def run(state: Path) -> list[Row]:
    """In turns, so that what else the machine does meets both alike."""
    with emulator_with_learnt_imports(state) as emulator, direct_agent() as (direct, _):
        session = new_session()
        measure(address(emulator), invocations(emulator), 100, session)
        measure(direct, "/invocations", 100)
        ours, theirs, ratios = [], [], []
        for _ in range(_ROUNDS):
            through = measure(address(emulator), invocations(emulator), _REQUESTS, session)
            alone = measure(direct, "/invocations", _REQUESTS)
            ratios.append(median(through) / median(alone))
            ours.append(through)
            theirs.append(alone)
    return [
        _row("through the emulator, p50", ours, 0.5),
        _row("directly, p50", theirs, 0.5),
        _row("through the emulator, p99", ours, 0.99),
        _row("directly, p99", theirs, 0.99),
        Row(
            "ratio of the p50, pair by pair",
            f"{median(ratios):.2f}",
            spread(ratios, "", 2),
            f"≤ {_AIM}",
            median(ratios) <= _AIM,
        ),
    ]


def _row(what: str, rounds: list[list[float]], part: float) -> Row:
    values = [quantile(times, part) for times in rounds]
    return Row(what, f"{median(values):.2f} ms", spread(values, "ms", 2))
