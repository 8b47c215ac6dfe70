from __future__ import annotations

from pathlib import Path

import pytest

from agentcore_emulator.config import ProjectError
from agentcore_emulator.located_yaml import Node, Unreadable, compose, of, read


def write(folder: Path, text: str) -> Path:
    file = folder / "file.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def complaint(file: Path) -> str:
    with pytest.raises(ProjectError) as raised:
        read(file)
    message = str(raised.value)
    assert "\n" not in message
    return message.removeprefix(str(file))


def test_values_know_their_place(tmp_path: Path) -> None:
    file = write(tmp_path, "a: 1\nb:\n  - c: [x]\n")
    root = read(file)
    assert root.value == {"a": 1, "b": [{"c": ["x"]}]}
    inner = root["b"].elements[0]["c"].elements[0]
    assert (inner.value, inner.line, inner.path) == ("x", 3, "b[0].c[0]")
    assert str(inner.error("is wrong")) == f"{file}:3: b[0].c[0]: is wrong"


def test_a_key_that_is_absent_has_the_place_of_its_mapping(tmp_path: Path) -> None:
    absent = read(write(tmp_path, "\na: {b: 1}\n"))["a"]["c"]["d"]
    assert (absent.value, absent.line, absent.path) == (None, 2, "a.c.d")


def test_merges_become_plain_keys(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n"))["b"].value == {"x": 1, "y": 3}


def test_an_empty_file(tmp_path: Path) -> None:
    file = write(tmp_path, "# nothing\n")
    assert compose(file) is None
    assert read(file) == Node(file, "", 1, None)


def test_what_is_no_mapping_has_no_keys(tmp_path: Path) -> None:
    root = read(write(tmp_path, "\n- a\n"))
    for use in (lambda: root["a"], root.items):
        with pytest.raises(ProjectError, match=":2: the file: is not a mapping"):
            use()
    with pytest.raises(ProjectError, match=r":2: the file: \['a'\] is not a text"):
        root.text()


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: {", ":2: this is not YAML: expected the node content"),
        ("a: *b", ":1: this is not YAML: found undefined alias 'b'"),
        ("a: 1\nb: !!bool x", ":2: this is not YAML: a value is not what its tag says"),
        ("!!int ''", ":1: this is not YAML: a value is not what its tag says"),
        ("a: !!timestamp x", ":1: this is not YAML: a value is not what its tag says"),
        ("a: 1" + "0" * 5000, ":1: this is not YAML: a value is not what its tag says"),
        ("a: !!python/name:os.system x", ":1: this is not YAML: could not determine a constructor"),
        ("--- 1\n--- 2", ":2: this is not YAML: but found another document"),
        ("a: \x07", " is not YAML: unacceptable character"),
        ("[" * 100_000, " is not YAML: maximum recursion depth exceeded"),
        ("a: &a [*a]", " is not YAML: maximum recursion depth exceeded"),
        (BOMB, ": this file stands for more than 100,000 values"),
    ],
)
def test_what_is_no_yaml_or_too_much_of_it(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in complaint(write(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert complaint(tmp_path) == " cannot be read: Is a directory"
    file = tmp_path / "bytes.yaml"
    file.write_bytes(b"\xff")
    with pytest.raises(Unreadable, match=r"^is not text in UTF-8$"):
        compose(file)


def test_values_of_no_file_are_called_what_they_are() -> None:
    root = of({"a": [{"b": 1}], "c": None}, "given")
    inner = root["a"].elements[0]["b"]
    assert (inner.value, str(inner.error("is wrong"))) == (1, "given.a[0].b: is wrong")
    assert str(root["d"].error("is missing")) == "given.d: is missing"
    assert root["c"].value is None
