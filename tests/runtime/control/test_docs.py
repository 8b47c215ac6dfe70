"""docs/control-plane.md shows what works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Deployer

PAGE = Path(__file__).parents[3] / "docs" / "control-plane.md"


def test_its_example(deployer: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(deployer.puppet, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in deployer.emulator.info["environment"].items():
        monkeypatch.setenv(name, value)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert deployer.call(names["runtime"]["agentRuntimeArn"], "answer(os.path.exists('main.py'))") is True
