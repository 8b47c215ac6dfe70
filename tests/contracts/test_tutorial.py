"""docs/contracts.md shows what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AGENTCORE_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:asyncio", "--agentcore-agent=agent.py"]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


def test_the_broken_agent_fails_with_the_example_that_is_shown_and_the_mended_one_passes(tmp_path: Path) -> None:
    for name, source in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        (tmp_path / name).write_text(source, encoding="utf-8")
    (tmp_path / "pytest.ini").touch()
    broken = run(tmp_path)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    shown = re.search(r"\$ pytest --agentcore-agent agent.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    # Ids of agents are of the place where they lie.
    wanted = [
        line for line in shown[1].splitlines() if line not in ("...", "E           agentcore=<agent-odyj73fsrj>,")
    ]
    assert [line for line in wanted if line not in broken.stdout] == []
    agent = tmp_path / "agent.py"
    source = agent.read_text().replace("cart = {}", "cart = []")
    agent.write_text(source.replace('cart[payload.get("put")] = True', 'cart.append(payload.get("put"))'))
    mended = run(tmp_path)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "1 passed" in mended.stdout
