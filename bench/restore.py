"""Platform V2's restore from a snapshot, against V1's boot, for an agent whose start takes 1.2 s of processor time."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bench.effort import Effort
from bench.report import Row, median, quantile, spread
from bench.subjects import AGENT, SLOW_AGENT, emulator, emulator_with_learnt_imports, first_answer

__all__ = ["run"]

_AIM = 18.0

_WORK = "1.2 s of start-up work"


def run(state: Path, effort: Effort) -> list[Row]:
    """From a new session's first byte to its whole answer; all emulators run side by side and are asked in turns."""
    slow, quick, plain, booted = [], [], [], []
    with contextlib.ExitStack() as stack:
        v1 = stack.enter_context(emulator_with_learnt_imports(state, SLOW_AGENT))
        v2 = stack.enter_context(emulator(SLOW_AGENT, "--platform", "V2"))
        v2_quick = stack.enter_context(emulator(AGENT, "--platform", "V2"))
        v2_plain = stack.enter_context(emulator(SLOW_AGENT, "--platform", "V2", "--isolation", "plain"))
        for _ in range(effort.rounds):
            for _ in range(effort.sessions):
                slow.append(first_answer(v2))
                quick.append(first_answer(v2_quick))
                plain.append(first_answer(v2_plain))
            booted.append(first_answer(v1))
    p50 = median(slow)
    return [
        Row(f"V2, {_WORK}, p50", f"{p50:.1f} ms", spread(slow, "ms"), f"≤ {_AIM:.0f} ms", p50 <= _AIM),
        Row(f"V2, {_WORK}, p99", f"{quantile(slow, 0.99):.1f} ms"),
        Row("V2, no start-up work, p50", f"{median(quick):.1f} ms", spread(quick, "ms")),
        Row(f"V2, {_WORK}, --isolation plain, p50", f"{median(plain):.1f} ms", spread(plain, "ms")),
        Row(f"V1, {_WORK}, p50", f"{median(booted):.0f} ms", spread(booted, "ms", 0)),
        Row("ratio of V2 to V1", f"{p50 / median(booted):.3f}"),
    ]
