from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_emulator.runtime.control import artifacts
from agentcore_emulator.runtime.control.artifacts import ArtifactError, unpack

Write = Callable[[zipfile.ZipFile], None]


def archive(write: Write, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as opened:
        write(opened)
    return content.getvalue()


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def refusal(content: bytes, folder: Path) -> str:
    """Why it is not unpacked; nothing may be left of it."""
    inside = folder / "inside"
    inside.mkdir(exist_ok=True)
    with pytest.raises(ArtifactError) as caught:
        unpack(content, inside / "code")
    assert list(folder.iterdir()) == [inside]
    assert list(inside.iterdir()) == []
    return str(caught.value)


def test_what_is_in_it(tmp_path: Path) -> None:
    def write(opened: zipfile.ZipFile) -> None:
        opened.mkdir("empty")
        opened.writestr("main.py", "print(1)")
        opened.writestr("package/data/é.txt", "é")
        opened.writestr(entry("run.sh", stat.S_IFREG | 0o700), "#!/bin/sh")

    unpack(archive(write), tmp_path / "1" / "code")
    code = tmp_path / "1" / "code"
    assert sorted(str(path.relative_to(code)) for path in code.rglob("*")) == [
        "empty",
        "main.py",
        "package",
        "package/data",
        "package/data/é.txt",
        "run.sh",
    ]
    assert (code / "package/data/é.txt").read_text("utf-8") == "é"
    modes = [stat.S_IMODE((code / name).stat().st_mode) for name in ("main.py", "run.sh")]
    assert modes == [0o644, 0o755]
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["code"]


@pytest.mark.parametrize(
    "name", ["../out.py", "a/../../out.py", "/etc/out.py", "a/..", "..", "C:/out.py", "a\\..\\..\\out.py"]
)
def test_nothing_leads_out(tmp_path: Path, name: str) -> None:
    assert refusal(archive(lambda opened: opened.writestr(entry(name), "x")), tmp_path) == (
        f"The zip file has an entry that leads out of its folder: {name!r}"
    )


def test_a_name_with_a_nul_is_not_cut_to_another(tmp_path: Path) -> None:
    # What Python reads as "main.py", others read otherwise.
    content = archive(lambda opened: opened.writestr("main.pyX.txt", "x")).replace(b"main.pyX.txt", b"main.py\0.txt")
    assert "leads out of its folder" in refusal(content, tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_nothing_but_files_and_folders(tmp_path: Path, kind: int) -> None:
    content = archive(lambda opened: opened.writestr(entry("link", kind | 0o777), "/etc/passwd"))
    assert refusal(content, tmp_path) == "The zip file has an entry that is neither a file nor a folder: 'link'"


def test_no_two_entries_of_a_name(tmp_path: Path) -> None:
    def write(opened: zipfile.ZipFile) -> None:
        opened.writestr("main.py", "1")
        opened.writestr("./main.py", "2")

    assert refusal(archive(write), tmp_path) == "The zip file has two entries of the same name: './main.py'"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    def write(opened: zipfile.ZipFile) -> None:
        opened.writestr("a", "1")
        opened.writestr("a/b", "2")

    assert refusal(archive(write), tmp_path).startswith("The zip file cannot be unpacked: ")


def test_names_that_are_too_long(tmp_path: Path) -> None:
    content = archive(lambda opened: opened.writestr("n" * 300, "1"))
    assert refusal(content, tmp_path) == "The zip file cannot be unpacked: File name too long"


def test_no_bomb_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_LARGEST_FOLDER", 1_000_000)

    def write(opened: zipfile.ZipFile) -> None:
        for number in range(4):
            opened.writestr(f"{number}.bin", bytes(300_000))

    assert refusal(archive(write), tmp_path) == "The zip file holds more than 1 MB"


def test_no_entry_is_larger_than_it_says(tmp_path: Path) -> None:
    content = bytearray(archive(lambda opened: opened.writestr("a.bin", bytes(100_000))))
    # The size in the central directory, by which all others are judged.
    at = content.index(b"PK\x01\x02") + 24
    assert struct.unpack_from("<I", content, at) == (100_000,)
    struct.pack_into("<I", content, at, 10)
    assert refusal(bytes(content), tmp_path).startswith("The zip file cannot be unpacked: ")


def test_not_more_entries_than_can_be_looked_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_MOST_ENTRIES", 3)

    def write(opened: zipfile.ZipFile) -> None:
        for number in range(4):
            opened.writestr(str(number), "")

    assert refusal(archive(write), tmp_path) == "The zip file has 4 entries, and the emulator takes 3"


def test_encrypted_and_empty_ones(tmp_path: Path) -> None:
    content = bytearray(archive(lambda opened: opened.writestr("a", "secret")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(content), tmp_path)
    assert refusal(archive(lambda opened: None), tmp_path) == "The zip file is empty"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_told_and_leaves_nothing(tmp_path: Path, data: st.DataObject) -> None:

    def write(opened: zipfile.ZipFile) -> None:
        for number in range(5):
            opened.writestr(f"folder/{number}.py", f"print({number})" * number)

    content = bytearray(archive(write))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    code = tmp_path / "code"
    try:
        unpack(bytes(content), code)
    except ArtifactError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert list(tmp_path.iterdir()) == [code]
        assert all(path.is_relative_to(code) for path in code.resolve().rglob("*"))
        shutil.rmtree(code)
