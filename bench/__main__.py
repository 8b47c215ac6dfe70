"""`python -m bench [SUBJECT …]`: measures all subjects, or some, and prints what it found beside the aims."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import report

SUBJECTS = {
    "warm": "A warm invocation",
    "cold": "A new session",
    "ready": "From start to Ready",
    "idle": "A hundred idle sessions",
    "memory": "AgentCore Memory",
}


def main(names: list[str]) -> int:
    """Measure; the status is 2 for a subject that is none, and 0 whatever the figures are."""
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        print(f"there is nothing called {unknown[0]} to measure; there are {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    console = Console()
    console.print(report.machine(), end="\n\n", highlight=False)
    with tempfile.TemporaryDirectory(prefix="agentcore-bench-") as folder:
        for name, title in SUBJECTS.items():
            if not names or name in names:
                with console.status(f"{title} is being measured"):
                    rows = importlib.import_module(f"bench.{name}").run(Path(folder))
                report.show(console, title, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
