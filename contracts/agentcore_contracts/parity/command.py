"""`agentcore-contracts report`. What it needs beyond parsing is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    results: Annotated[list[Path], typer.Argument(help="What runs wrote with --agentcore-results.")],
    recordings: Annotated[Path, typer.Option(help="The recordings there are.")] = Path("recordings"),
    out: Annotated[Path, typer.Option(help="The folder for parity.html, parity.md and parity.xml.")] = Path(),
) -> None:
    """Write the parity report of some runs: what is promised, what was measured where, what differs."""
    from agentcore_contracts.parity import report as reports
    from agentcore_contracts.parity.results import read

    try:
        written = reports.write([read(file) for file in results], recordings, out)
    except (OSError, ValueError) as error:
        typer.echo(f"agentcore-contracts: {error}", err=True)
        raise typer.Exit(1) from None
    for file in written:
        typer.echo(file)
