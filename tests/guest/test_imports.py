from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.guest import imports


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").touch()
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "namespace").mkdir()
    return tmp_path


def problem(project: Path, source: str | bytes) -> str | None:
    file = project / "agent.py"
    file.write_bytes(source if isinstance(source, bytes) else textwrap.dedent(source).encode())
    return imports.problem(str(file), [str(project)])


# What keeps an entry file from starting


@pytest.mark.parametrize(
    "source",
    [
        "",
        "import os, sys.path, json.decoder",
        "import helper, package.inner, namespace",
        "from helper import anything",
        "from package.inner import x",
        "from . import sibling",
        "from __future__ import annotations",
        "try:\n    import not_there\nexcept ImportError:\n    not_there = None",
        "def f():\n    import not_there",
        "if False:\n    import not_there",
        "# -*- coding: latin-1 -*-\nx = '\u00e4'".encode("latin-1"),
        "raise RuntimeError('not run')",
    ],
)
def test_no_problem(project: Path, source: str | bytes) -> None:
    before = list(sys.path)
    assert problem(project, source) is None
    assert sys.path == before


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\nif x\n    y = 2\n", "{file}:2: expected ':'"),
        ("x = (1,", "{file}:1: '(' was never closed"),
        ("x = '\u00e4'".encode("latin-1"), "{file}:1: (unicode error)"),
        ("x = 1\0", "{file}"),
        (
            "import os\n\nimport not_there.inner",
            "{file}:3: no module named 'not_there' for {python} (Python {version})",
        ),
        ("from not_there import x", "{file}:1: no module named 'not_there' for"),
        ("import json, not_there", "{file}:1: no module named 'not_there' for"),
    ],
)
def test_a_problem_is_one_sentence_with_its_place(project: Path, source: str | bytes, expected: str) -> None:
    found = problem(project, source)
    assert found is not None
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found.startswith(expected.format(file=project / "agent.py", python=sys.executable, version=version))
    assert "\n" not in found


def test_a_file_that_cannot_be_read(project: Path) -> None:
    found = imports.problem(str(project / "gone.py"), [])
    assert found is not None
    assert found.startswith(f"{project / 'gone.py'}: ")
    assert "No such file" in found


def test_a_file_that_nests_too_deeply(project: Path) -> None:
    found = problem(project, "x = " + "(" * 1000 + ")" * 1000)
    assert found is not None
    assert "too many nested parentheses" in found


# Which modules a zygote should hold, in processes of their own: they import.


def run(project: Path, code: str) -> Any:
    """What `code` prints as JSON, run with the emulator's folder of guests at hand and nothing else imported."""
    program = f"""
import importlib, json, sys
sys.path.insert(0, {str(project)!r})
from agentcore_emulator.guest import imports
{textwrap.dedent(code)}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_only_the_librarys_and_installed_modules_are_importable(project: Path) -> None:
    code = "import helper, starlette.routing, json.decoder; print(json.dumps(imports.importable_modules()))"
    found = run(project, code)
    assert {"starlette", "starlette.routing", "json", "json.decoder"} <= set(found)
    assert found.index("starlette") < found.index("starlette.routing")
    assert not {"helper", "__main__"} & set(found)
    assert not [name for name in found if name.startswith(("agentcore_guest", "agentcore_emulator"))]


def test_what_is_importable_imports(project: Path) -> None:
    """What one process reports, another takes in, in the same order."""
    names = run(project, "import starlette.applications; print(json.dumps(imports.importable_modules()))")
    count, stopped_at, missing = run(
        project,
        f"""
        names = {names!r}
        done = imports.preimport(names)
        print(json.dumps([*done, [name for name in names if name not in sys.modules]]))
        """,
    )
    assert (count, stopped_at, missing) == (len(names), None, [])


def test_a_module_under_another_name_is_not_importable(project: Path) -> None:
    code = """
        sys.modules["alias"] = json
        import types
        sys.modules["made_up"] = types.ModuleType("made_up")
        sys.modules["nothing"] = None
        found = imports.importable_modules()
        print(json.dumps([name in found for name in ("json", "alias", "made_up", "nothing")]))
    """
    assert run(project, code) == [True, False, False, False]


def test_what_a_zygote_had_is_not_reported_by_its_guests(project: Path) -> None:
    code = """
        imports.preimport(["wsgiref.util"])
        import colorsys
        print(json.dumps(imports.importable_modules()))
    """
    assert run(project, code) == ["colorsys"]


def test_a_failing_import_is_passed_over(project: Path) -> None:
    (project / "fails.py").write_text("1 / 0")
    (project / "leaves.py").write_text("import sys; sys.exit('no')")
    (project / "interrupts.py").write_text("raise KeyboardInterrupt")
    code = "print(json.dumps(imports.preimport(['fails', 'leaves', 'missing', 'interrupts', 'wsgiref'])))"
    assert run(project, code) == [5, None]


def test_it_stops_at_a_module_that_starts_a_thread(project: Path) -> None:
    (project / "threaded.py").write_text(
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    code = """
        done = imports.preimport(["wsgiref", "threaded", "antigravity"])
        print(json.dumps([*done, "antigravity" in sys.modules, imports.thread_count()]))
    """
    assert run(project, code) == [1, "threaded", False, 2]
