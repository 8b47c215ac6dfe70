"""Shows the tour on a terminal, and keeps what did not go as told."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["Board"]


class Board:
    """The console of the tour. `failures` holds one sentence for each check that did not hold."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failures: list[str] = []
        self._scene = ""

    def scene(self, title: str, explanation: str) -> None:
        """Begin a scene with a line on what is to be seen."""
        self._scene = title
        self.console.print()
        self.console.rule(f"[bold]{escape(title)}", align="left")
        self.console.print(f"[dim]{escape(explanation)}")

    def say(self, who: str, text: str) -> None:
        """A line of a conversation."""
        self._line(f"[cyan]{escape(who)}[/cyan]", text)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of figures."""
        table = Table(*headings, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(table)

    def check(self, promise: str, holds: bool, otherwise: str = "") -> None:
        """State a promise and whether it holds; `otherwise` is what was seen instead."""
        seen = f" – seen: {otherwise}" if otherwise and not holds else ""
        if not holds:
            self.failures.append(f"{self._scene}: {promise}{seen}")
        self._line("[green]✓[/green]" if holds else "[red]✗[/red]", promise + seen)

    def _line(self, head: str, text: str) -> None:
        # A grid, so that what wraps is indented.
        grid = Table.grid(padding=(0, 1))
        grid.add_column()
        grid.add_column(overflow="fold")
        grid.add_row(head, escape(text))
        self.console.print(grid)
