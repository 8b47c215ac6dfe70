"""What the entry file imports, and which modules a zygote should have imported before it forks."""

import ast
import importlib
import importlib.util
import itertools
import os
import sys
import sysconfig
from collections.abc import Iterator


def problem(entrypoint: str, folders: list[str]) -> str | None:
    """Say in one sentence why the entry file cannot start, or None.

    Looks at syntax and at imports that stand at the top level (one inside `try` or a function may be optional).
    Nothing of the agent's is run.
    """
    try:
        with open(entrypoint, "rb") as file:
            tree = ast.parse(file.read(), entrypoint)
    except SyntaxError as error:
        return f"{entrypoint}:{error.lineno or 1}: {error.msg}"
    except (OSError, ValueError) as error:
        return f"{entrypoint}: {error}"
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        for name, line in _imported(tree):
            if not _findable(name):
                version = ".".join(map(str, sys.version_info[:2]))
                return f"{entrypoint}:{line}: no module named '{name}' for {sys.executable} (Python {version})"
    finally:
        sys.path[:] = before
    return None


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno


def _findable(name: str) -> bool:
    if name in sys.modules or name in sys.builtin_module_names:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names})


# The last module that a zygote had loaded when its guests were forked.
_last_of_zygote: str | None = None


def importable_modules() -> list[str]:
    """The modules of the standard library and of installed packages that are loaded now, in the order of their import.

    Those that a zygote had before it forked this process are left out. The agent's own modules are never among them:
    they must be imported afresh in every microVM.
    """
    loaded = _loaded_here()
    folders = _library_folders() if loaded else ()
    names = []
    for name in loaded:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        spec = getattr(module, "__spec__", None)
        if not file or spec is None or spec.name != name or name.startswith(("__", "agentcore_guest")):
            continue
        if os.path.realpath(file).startswith(folders):
            names.append(name)
    return names


def _loaded_here() -> list[str]:
    # From the end: merely to look at a name of the zygote's would copy the page that it is on.
    while True:
        try:
            return list(itertools.takewhile(lambda name: name != _last_of_zygote, reversed(sys.modules)))[::-1]
        except RuntimeError:
            continue  # Another thread has imported something meanwhile.


def preimport(names: list[str]) -> tuple[int, str | None]:
    """Import `names` in order; return how many are in, and the module that started a thread, if one did.

    A process with more than one thread cannot be forked safely, so the import stops there. A module that fails to
    import is left to the agent, who will see the same failure.
    """
    for count, name in enumerate(names):
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001, S112 - what a module raises belongs to the agent's own import of it
            continue
        if thread_count() > 1:
            return count, name
    remember_loaded()
    return len(names), None


def remember_loaded() -> None:
    """Count all that is loaded now as the zygote's."""
    global _last_of_zygote
    _last_of_zygote = next(reversed(sys.modules))


def thread_count() -> int:
    """Threads of this process as the kernel counts them, those of C libraries included."""
    return len(os.listdir("/proc/self/task"))
