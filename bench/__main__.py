"""`python -m bench [--quick] [SUBJECT …]`: measures all subjects, or some, and prints what it found beside the aims."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import report
from bench.effort import FULL, QUICK

SUBJECTS = {
    "warm": "A warm invocation",
    "websocket": "A round trip on a WebSocket",
    "mcp": "A call of an MCP tool",
    "cold": "A new session",
    "restore": "A session restored from a snapshot",
    "ready": "From start to Ready",
    "idle": "Idle sessions",
    "thousand": "Very many sessions",
    "memory": "AgentCore Memory",
    "listing": "Listing from large memories",
    "moto": "AgentCore Memory beside moto's server",
    "retrieval": "Searching memory records",
}


def main(arguments: list[str]) -> int:
    """Measure; the status is 2 for a subject that is none, and 0 whatever the figures are."""
    names = [argument for argument in arguments if argument != "--quick"]
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        print(f"there is nothing called {unknown[0]} to measure; there are {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    # Byte code is kept, as it is on a machine where the agent has run before: compiling takes longer than all else.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    effort = QUICK if "--quick" in arguments else FULL
    console = Console()
    console.print(report.machine(), end="\n\n", highlight=False)
    with tempfile.TemporaryDirectory(prefix="agentcore-bench-") as folder:
        for name, title in SUBJECTS.items():
            if not names or name in names:
                with console.status(f"{title} is being measured"):
                    rows = importlib.import_module(f"bench.{name}").run(Path(folder), effort)
                report.show(console, title, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
