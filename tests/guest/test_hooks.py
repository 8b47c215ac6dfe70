from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PREAMBLE = """
import importlib.util, sys
from agentcore_emulator.guest.hooks import when_imported
seen = []
def note(module):
    seen.append((module.__name__, getattr(module, "value", None)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wanted.py").write_text("value = 7\nbefore = list(__import__('sys').modules)")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("from .inner import value")
    (tmp_path / "package" / "inner.py").write_text("value = 8")
    (tmp_path / "broken.py").write_text(
        "import sys\nif not hasattr(sys, 'mended'): raise ImportError('broken')\nvalue = 9"
    )
    return tmp_path


def check(folder: Path, code: str) -> None:
    """Run `code`, which asserts, in a process of its own: hooks cannot be taken off."""
    program = PREAMBLE + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_after_its_code_has_run(folder: Path) -> None:
    check(folder, "when_imported('wanted', note); assert seen == []; import wanted; assert seen == [('wanted', 7)]")


def test_at_once_if_it_is_there(folder: Path) -> None:
    check(folder, "import wanted; when_imported('wanted', note); assert seen == [('wanted', 7)]")


def test_a_module_in_a_package(folder: Path) -> None:
    check(folder, "when_imported('package.inner', note); import package; assert seen == [('package.inner', 8)]")


def test_every_callback_once(folder: Path) -> None:
    check(
        folder,
        """
        when_imported("wanted", note)
        when_imported("wanted", note)
        import wanted
        importlib.reload(wanted)
        import wanted
        assert seen == [("wanted", 7)] * 2
        """,
    )


def test_an_import_that_fails_may_be_tried_again(folder: Path) -> None:
    check(
        folder,
        """
        when_imported("broken", note)
        try:
            import broken
        except ImportError:
            assert seen == []
        sys.mended = True
        import broken
        assert seen == [("broken", 9)]
        """,
    )


def test_a_callback_that_raises_fails_the_import(folder: Path) -> None:
    check(
        folder,
        """
        def refuse(module):
            raise RuntimeError("too old")
        when_imported("wanted", refuse)
        try:
            import wanted
        except RuntimeError as error:
            assert str(error) == "too old"
        else:
            raise AssertionError
        """,
    )


def test_a_module_that_is_never_there(folder: Path) -> None:
    check(
        folder,
        """
        when_imported("missing", note)
        try:
            import missing
        except ModuleNotFoundError:
            pass
        assert importlib.util.find_spec("missing") is None
        """,
    )


def test_a_module_that_another_finder_finds(folder: Path) -> None:
    """An editable installation puts a finder of its own on `sys.meta_path`."""
    check(
        folder,
        """
        import os
        os.rename("wanted.py", "elsewhere.py")
        class Editable:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "wanted":
                    return importlib.util.spec_from_file_location(name, "elsewhere.py")
        sys.meta_path.append(Editable)
        when_imported("wanted", note)
        import wanted
        assert seen == [("wanted", 7)]
        """,
    )


def test_the_loader_is_the_modules_own(folder: Path) -> None:
    check(
        folder,
        """
        when_imported("wanted", note)
        import inspect, wanted
        assert inspect.getsource(wanted).startswith("value = 7")
        assert wanted.__spec__.origin.endswith("wanted.py")
        assert type(wanted.__loader__).__name__ == "SourceFileLoader"
        """,
    )
