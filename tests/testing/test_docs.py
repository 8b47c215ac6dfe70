"""docs/testing.md shows what works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_examples_pass(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for name, source in examples:
        (tmp_path / name).write_text(source, encoding="utf-8")
    tests = ["test_agent.py", "test_process.py", "test_traceback.py", "test_faults.py"]
    assert [name for name, _ in examples] == ["agent.py", *tests]
    (tmp_path / "pytest.ini").touch()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5 passed" in ran.stdout
