from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from agentcore_contracts.deploy.package import pack
from agentcore_contracts.deploy.progress import GivenUp

# Instead of the real one: notes how it was called, and installs one file.
UV = """#!{python}
import pathlib, sys
if "==0.0" in " ".join(sys.argv):
    sys.exit("no such version")
target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
(target / "package" / "__pycache__").mkdir(parents=True)
(target / "package" / "__init__.py").write_text("")
(target / "package" / "__pycache__" / "x.pyc").write_text("")
(target / "package-1.0.dist-info").mkdir()
(target / "package-1.0.dist-info" / "RECORD").write_text(str(target))
(target / "package-1.0.dist-info" / "METADATA").write_text("")
pathlib.Path({called!r}).write_text("\\n".join(sys.argv[1:]))
"""


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the installer notes how it was called."""
    file = tmp_path / "called"
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV.format(python=sys.executable, called=str(file)))
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    return file


def packed(folder: Path, name: str, sdk_version: str | None = None) -> tuple[Path, str]:
    (folder / name).mkdir()
    return pack(folder / name, packages=True, sdk_version=sdk_version)


def test_the_probe_alone(tmp_path: Path) -> None:
    file, key = pack(tmp_path, packages=False)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    assert {"agent.py", "mcp_agent.py", "requirements.txt"} <= set(names)
    assert not [name for name in names if name.startswith(".") or "__pycache__" in name]
    assert key.startswith("probe-")
    assert key.endswith(".zip")


@pytest.mark.usefixtures("called")
def test_the_same_content_has_the_same_bytes_and_name(tmp_path: Path) -> None:
    first, second = packed(tmp_path, "a"), packed(tmp_path, "b")
    assert first[1] == second[1]
    assert first[0].read_bytes() == second[0].read_bytes()
    with zipfile.ZipFile(first[0]) as archive:
        names = archive.namelist()
    assert "package/__init__.py" in names
    assert "package-1.0.dist-info/METADATA" in names
    assert not [name for name in names if name.endswith(("RECORD", ".pyc"))]


@pytest.mark.usefixtures("called")
def test_other_content_has_another_name(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    assert pack(tmp_path / "alone", packages=False)[1] != packed(tmp_path, "a")[1]


def test_packages_are_for_linux_on_arm(tmp_path: Path, called: Path) -> None:
    packed(tmp_path, "a", "1.12.0")
    arguments = called.read_text().splitlines()
    assert "--python-platform=aarch64-manylinux2014" in arguments
    assert "--python-version=3.13" in arguments
    assert [each for each in arguments if each.startswith("bedrock-agentcore")] == ["bedrock-agentcore==1.12.0"]


@pytest.mark.usefixtures("called")
def test_packages_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(GivenUp, match=r"cannot be had \(no such version\); check the network, and the version"):
        packed(tmp_path, "a", "0.0")
