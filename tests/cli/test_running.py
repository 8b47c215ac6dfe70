from __future__ import annotations

from pathlib import Path

from agentcore_emulator.cli import running
from agentcore_emulator.cli.state_file import FILE_NAME, published


def test_without_a_state_file_the_default_port_is_asked(tmp_path: Path) -> None:
    found = running.find(None, tmp_path)
    assert found.url == "http://127.0.0.1:4747"
    file = tmp_path / FILE_NAME
    assert found.missing.startswith(f"no emulator is running: there is no {file}, and none at {found.url};")


def test_the_state_folder_says_which_emulator_to_ask_unless_a_url_does(tmp_path: Path) -> None:
    with published(tmp_path, "http://127.0.0.1:1234"):
        assert running.find(None, tmp_path).url == "http://127.0.0.1:1234"
        assert running.find("http://127.0.0.1:1", tmp_path).url == "http://127.0.0.1:1"
