"""Entry of a guest process: `python GUEST_FOLDER KIND ARGUMENT`, see `kinds.py`.

This file alone must be readable by interpreters that are too old, so that they can say so.
"""

import sys

OLDEST = (3, 10)

if sys.version_info < OLDEST:
    sys.stderr.write(
        "%s is Python %s, but agents need 3.10 or later; choose another with --python.\n"
        % (sys.executable, sys.version.split()[0])
    )
    sys.exit(78)


def main(kind, argument):  # type: ignore[no-untyped-def]
    """Import this folder as the package `agentcore_guest`, take it off `sys.path`, and hand over."""
    import importlib.util
    import os

    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != folder]
    spec = importlib.util.spec_from_file_location(
        "agentcore_guest", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["agentcore_guest"] = package
    spec.loader.exec_module(package)
    importlib.import_module("agentcore_guest.kinds").be(kind, argument)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])  # type: ignore[no-untyped-call]
