import json
import os
import re
from pathlib import Path

import pytest

from agentcore_emulator.cli.state_file import FILE_NAME, NotWritableError, published, read


def test_the_file_is_there_as_long_as_the_emulator_runs(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    assert read(folder) is None
    with published(folder, "http://127.0.0.1:1"):
        assert read(folder) == ("http://127.0.0.1:1", os.getpid())
        assert (folder / ".gitignore").read_text() == "*\n"
        assert sorted(path.name for path in folder.iterdir()) == [".gitignore", FILE_NAME]
    assert read(folder) is None


def test_an_error_in_between_takes_it_away_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), published(tmp_path, "http://127.0.0.1:1"):
        raise KeyError
    assert read(tmp_path) is None


def test_the_later_of_two_emulators_is_found_and_keeps_its_file(tmp_path: Path) -> None:
    with published(tmp_path, "http://127.0.0.1:1"):
        # As another process would leave it.
        (tmp_path / FILE_NAME).write_text(json.dumps({"url": "http://127.0.0.1:2", "pid": 1}))
    assert read(tmp_path) == ("http://127.0.0.1:2", 1)


def test_a_file_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps({"url": "http://127.0.0.1:2", "pid": 1}))
    with published(tmp_path, "http://127.0.0.1:1"):
        assert read(tmp_path) == ("http://127.0.0.1:1", os.getpid())


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": "http://a"}', '{"url": "http://a", "pid": "x"}'])
def test_another_file_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / FILE_NAME} is not readable as the address")):
        read(tmp_path)


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(NotWritableError, match=r"the state folder .*/file cannot be written to: File exists"),
        published(tmp_path / "file", "http://127.0.0.1:1"),
    ):
        pass
