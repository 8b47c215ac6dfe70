from pathlib import Path

import pytest

from agentcore_emulator.proxy.files import put


def test_content_and_mode_are_replaced_as_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    put(file, b"one", 0o600)
    with file.open("rb") as reader:
        put(file, b"two", 0o644)
        assert reader.read() == b"one"
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        put(tmp_path / "folder", b"content", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
