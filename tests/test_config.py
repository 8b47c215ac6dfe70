from pathlib import Path

import pytest

from agentcore_emulator.config import Settings


def test_state_is_kept_in_the_folder_that_is_current_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    monkeypatch.chdir("/")
    assert settings.state_dir == tmp_path / ".agentcore-emulator"
