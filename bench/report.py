"""What was measured, and how it is shown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "machine", "median", "quantile", "show", "spread"]


@dataclass(frozen=True)
class Row:
    """One figure: what it is, its value with its unit, its spread over repetitions, and whether an aim is met."""

    what: str
    value: str
    spread: str = ""
    aim: str = ""
    met: bool | None = None


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """`1.2–3.4 ms over 10`: least, most and number of repetitions."""
    return f"{min(values):.{digits}f}–{max(values):.{digits}f} {unit} over {len(values)}".strip()


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def machine() -> str:
    """What was measured on, and how busy it was when measuring began."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    busy = "; other programs are running, so take the ratios and distrust the rest" if load > cores / 2 else ""
    return (
        f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.2f} at the start{busy}"
    )


def show(console: Console, subject: str, rows: Sequence[Row]) -> None:
    """Print one subject's rows."""
    table = Table("", "median", "least–most", "aim", title=subject, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        verdict = {None: "", True: f"[green]{row.aim} ✓", False: f"[yellow]{row.aim} ✗"}[row.met]
        table.add_row(row.what, row.value, row.spread, verdict)
    console.print(table)
    console.print()
