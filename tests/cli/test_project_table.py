from pathlib import Path

import pytest

from agentcore_emulator.cli.project_table import ProjectTable, TableError, read

KNOWN = ("allow_host", "ephemeral", "faults", "port", "python", "quirks", "state_dir", "target")


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_nearest_file_upwards_is_the_projects(tmp_path: Path) -> None:
    write(tmp_path, '[tool.agentcore-emulator]\nquirks = "off"\n')
    near = write(tmp_path / "a", '[tool.agentcore-emulator]\nquirks = "strict"\n')
    (tmp_path / "a" / "b").mkdir()
    assert read(tmp_path / "a" / "b" / "agent.py", KNOWN) == ProjectTable(near, {"quirks": "strict"})


def test_a_project_without_the_table_sets_nothing(tmp_path: Path) -> None:
    write(tmp_path, '[tool.agentcore-emulator]\nquirks = "off"\n')
    inner = write(tmp_path / "a", '[project]\nname = "a"\n')
    assert read(tmp_path / "a", KNOWN) == ProjectTable(inner, {})


def test_values_are_as_one_would_type_them(tmp_path: Path) -> None:
    write(tmp_path, '[tool.agentcore-emulator]\nport = 0\nephemeral = true\nallow-host = ["a.test", "b.test"]\n')
    assert read(tmp_path, KNOWN).options == {"port": "0", "ephemeral": "true", "allow_host": "a.test,b.test"}


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[tool.agentcore-emulator]\ntarget = "src/agent.py"\nstate-dir = "/var/x"\npython = "env/bin/python"\n'
        'faults = "tests/faults.yaml"\n',
    )
    assert read(tmp_path / "deeper", KNOWN).options == {
        "target": str(tmp_path / "src" / "agent.py"),
        "state_dir": "/var/x",
        "python": str(tmp_path / "env" / "bin" / "python"),
        "faults": str(tmp_path / "tests" / "faults.yaml"),
    }


def test_an_interpreter_can_be_a_command(tmp_path: Path) -> None:
    write(tmp_path, '[tool.agentcore-emulator]\npython = "python3.12"\n')
    assert read(tmp_path, KNOWN).options == {"python": "python3.12"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tool.agentcore-emulator]\nquirk = "off"\n',
            r"pyproject.toml has no option 'quirk'; did you mean 'quirks'\?$",
        ),
        (
            "[tool.agentcore-emulator]\nx = 1\n",
            "it can hold allow-host, ephemeral, faults, port, python, quirks, state-dir",
        ),
        (
            "[tool.agentcore-emulator]\nport = 4747.5\n",
            r"'port' of \[tool.agentcore-emulator\] in .* is neither a string",
        ),
        ("[tool.agentcore-emulator.quirks]\ntruncation = 'off'\n", "'quirks' of .* is neither a string"),
        ("[tool]\nagentcore-emulator = 1\n", r"\[tool.agentcore-emulator\] in .*pyproject.toml is not a table$"),
        ("[tool\n", r"pyproject.toml is not TOML: .*line 1"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    with pytest.raises(TableError, match=message) as raised:
        read(tmp_path, KNOWN)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff")
    with pytest.raises(TableError, match="is not TOML"):
        read(tmp_path, KNOWN)
