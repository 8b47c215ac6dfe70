"""The same thing through the emulator and directly, in turns, so that what else the machine does meets both alike."""

from __future__ import annotations

from collections.abc import Callable

from bench.report import Row, median, quantile, spread

__all__ = ["part_of", "side_by_side"]


def side_by_side(
    through: Callable[[], list[float]], alone: Callable[[], list[float]], *, rounds: int, aim: float
) -> list[Row]:
    """Rows for what both measure, in milliseconds, and for the ratio of their medians, which `aim` is for."""
    ours, theirs, ratios = [], [], []
    for _ in range(rounds):
        ours.append(through())
        theirs.append(alone())
        ratios.append(median(ours[-1]) / median(theirs[-1]))
    return [
        part_of("through the emulator, p50", ours, 0.5),
        part_of("directly, p50", theirs, 0.5),
        part_of("through the emulator, p99", ours, 0.99),
        part_of("directly, p99", theirs, 0.99),
        Row(
            "ratio of the p50, pair by pair",
            f"{median(ratios):.2f}",
            spread(ratios, "", 2),
            f"≤ {aim}",
            median(ratios) <= aim,
        ),
    ]


def part_of(what: str, rounds: list[list[float]], part: float) -> Row:
    """A row for a quantile of each round."""
    values = [quantile(times, part) for times in rounds]
    return Row(what, f"{median(values):.2f} ms", spread(values, "ms", 2))
