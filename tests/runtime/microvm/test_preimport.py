from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentcore_emulator.runtime.microvm.preimport import Preimports


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter's place with one installed distribution beside it; it is never started."""
    (tmp_path / "env" / "lib" / "python3.12" / "site-packages" / "one-1.0.dist-info").mkdir(parents=True)
    return tmp_path / "env" / "bin" / "python"


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    return tmp_path / "learnt"


def preimports(learnt: Path, python: Path, entrypoint: str = "/project/agent.py") -> Preimports:
    return Preimports(learnt, python, Path(entrypoint))


def names(known: Preimports) -> list[str]:
    assert known.file is not None
    found: list[str] = json.loads(known.file.read_text())
    return found


def test_nothing_is_known_at_first(learnt: Path, python: Path) -> None:
    assert preimports(learnt, python).file is None
    assert not learnt.exists()


def test_what_is_learnt_outlasts_the_emulator(learnt: Path, python: Path) -> None:
    assert preimports(learnt, python).learn(["json", "asyncio", "json"])
    assert names(preimports(learnt, python)) == ["json", "asyncio"]


def test_sessions_that_take_other_paths_add_to_it(learnt: Path, python: Path) -> None:
    known = preimports(learnt, python)
    known.learn(["a", "b"])
    assert known.learn(["c", "a"])
    assert names(known) == ["a", "b", "c"]
    assert not known.learn(["b"]), "no news"
    assert not known.learn([])


def test_a_package_that_starts_threads_is_left_out_for_good(learnt: Path, python: Path) -> None:
    known = preimports(learnt, python)
    known.learn(["a", "bad", "bad.sub", "badly"])
    known.exclude("bad.sub")
    assert names(known) == ["a", "badly"]
    again = preimports(learnt, python)
    assert not again.learn(["bad", "bad.sub", "bad.other"])
    again.exclude("a")
    assert names(again) == ["badly"]
    assert not preimports(learnt, python).learn(["a", "bad"])


def test_forgetting(learnt: Path, python: Path) -> None:
    known = preimports(learnt, python)
    known.forget()
    known.learn(["a", "bad"])
    known.exclude("bad")
    known.forget()
    assert known.file is None
    assert known.learn(["a", "bad"])
    assert names(known) == ["a"], "what is unfit stays so"


def test_another_agent_interpreter_or_installation_starts_anew(learnt: Path, python: Path, tmp_path: Path) -> None:
    preimports(learnt, python).learn(["a"])
    assert preimports(learnt, python, "/other/agent.py").file is None
    assert preimports(learnt, tmp_path / "env2" / "bin" / "python").file is None
    packages = tmp_path / "env" / "lib" / "python3.12" / "site-packages"
    (packages / "one-1.0.dist-info").rename(packages / "one-1.1.dist-info")
    assert preimports(learnt, python).file is None
    (packages / "one-1.1.dist-info").rename(packages / "one-1.0.dist-info")
    assert preimports(learnt, python).file is not None


@pytest.mark.parametrize("content", ["", "{", '{"a": 1}', "7", '[1, null, "a"]', "\udcff"])
def test_a_file_that_is_no_list_of_names_is_no_trouble(learnt: Path, python: Path, content: str) -> None:
    known = preimports(learnt, python)
    known.learn(["x"])
    assert known.file is not None
    known.file.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert known.learn(["b"])
    assert names(known)[-1] == "b"
