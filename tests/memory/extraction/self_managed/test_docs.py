"""docs/self-managed.md shows what works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentcore_emulator.testing import EmulatorProcess

PAGE = Path(__file__).parents[4] / "docs" / "self-managed.md"


def test_its_pipeline(
    emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in emulator.info["environment"].items():
        monkeypatch.setenv(name, value)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(example, {})
    assert capsys.readouterr().out == "The user said: I like tea.\n"
