from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.journal import Journal
from agentcore_emulator.runtime.microvm.host import MicroVM

if TYPE_CHECKING:
    from tests.conftest import Laboratory

Order = Callable[[MicroVM, str], Awaitable[Any]]


@pytest.fixture(params=["fork", "spawn"])
def kind(request: pytest.FixtureRequest) -> str:
    """The two ways in which a process becomes a guest."""
    return str(request.param)


async def running(laboratory: Laboratory, kind: str, source: str, **env: str) -> MicroVM:
    microvm = await laboratory.start(await laboratory.agent(source, kind=kind, env=env))
    await microvm.ready()
    return microvm


PLAIN_PYTHON = Path(sys.executable).resolve()
"""The interpreter without the virtual environment that these tests run in."""


# Files


async def test_the_working_directory_is_the_sessions_own(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    data = laboratory.write("old", "data.txt")
    agent = await laboratory.agent(puppet, kind=kind)
    first, second = await laboratory.start(agent), await laboratory.start(agent)
    await first.ready()
    await second.ready()
    read_write = "old = open('data.txt').read(); open('data.txt', 'w').write('new'); answer([old, os.getcwd()])"
    (first_read, first_cwd), (second_read, second_cwd) = await order(first, read_write), await order(second, read_write)
    assert (first_read, second_read) == ("old", "old")
    assert first_cwd != second_cwd
    assert data.read_text() == "old"
    assert await order(first, "answer(open('data.txt').read())") == "new"


async def test_home_and_temp_are_the_sessions_own(laboratory: Laboratory, order: Order, kind: str, puppet: str) -> None:
    microvm = await running(laboratory, kind, puppet)
    own = laboratory.run_folder.path / "1"
    found = await order(
        microvm,
        """
        import pathlib, tempfile
        answer([str(pathlib.Path.home()), os.path.expanduser("~/x"), tempfile.gettempdir(), os.environ["PWD"]])
        """,
    )
    assert found == [str(own / "home"), str(own / "home" / "x"), str(own / "tmp"), str(own / "work")]


async def test_the_environment_is_what_the_host_says(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    microvm = await running(laboratory, kind, puppet, GREETING="hello")
    found = await order(microvm, "answer(dict(os.environ))")
    private = {"HOME", "TMPDIR", "PWD"}
    expected = {**os.environ, "GREETING": "hello"}
    assert {name: value for name, value in found.items() if name not in private} == {
        name: value for name, value in expected.items() if name not in private
    }


# As `python agent.py` has it

SELF_PORTRAIT = """
import json, os, pickle, signal, sys, threading
class Pickled: pass
portrait = {
    "name": __name__, "file": __file__, "package": __package__, "spec": __spec__, "cached": __cached__, "doc": __doc__,
    "builtins": str(type(__builtins__)), "argv": sys.argv, "path": sys.path[:1], "executable": sys.executable,
    "orig_argv": sys.orig_argv[-1:], "main": sys.modules["__main__"].__dict__ is globals(),
    "pickled": pickle.loads(pickle.dumps(Pickled())).__class__ is Pickled,
    "interrupt": signal.getsignal(signal.SIGINT).__name__, "terminate": str(signal.getsignal(signal.SIGTERM)),
    "thread": threading.current_thread() is threading.main_thread(),
    "threads": [thread.daemon for thread in threading.enumerate()],
    "stdin": sys.stdin.read(),
    "encodings": [sys.stdout.encoding, sys.stdin.encoding, sys.getfilesystemencoding()],
    "flags": list(sys.flags), "names": sorted(set(globals()) - {"portrait"}),
    "limit": sys.getrecursionlimit(), "loader": [type(__loader__).__name__, __loader__.name, __loader__.path],
    "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
}
"""


async def test_the_entry_file_runs_as_a_program(laboratory: Laboratory, order: Order, kind: str, puppet: str) -> None:
    file = laboratory.write(SELF_PORTRAIT + "print(json.dumps(portrait))")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(file), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    output, _ = await program.communicate()
    expected = json.loads(output)
    microvm = await running(laboratory, kind, SELF_PORTRAIT + puppet)
    found = await order(microvm, "answer(portrait)")
    expected["threads"] = [False, True]  # The line to the host.
    assert found == expected


async def test_nothing_of_the_emulator_can_be_imported(
    laboratory: Laboratory, order: Order, kind: str, puppet: str, tmp_path: Path
) -> None:
    """Run with an interpreter that does not have it installed."""
    agent = await laboratory.agent(puppet, kind=kind, python=PLAIN_PYTHON)
    microvm = await laboratory.start(agent)
    await microvm.ready()
    modules, path, found = await order(
        microvm,
        """
        import importlib.util
        names = ["zygote", "boot", "guest", "imports", "payload", "agentcore_emulator", "starlette"]
        answer([sorted(sys.modules), sys.path, [name for name in names if importlib.util.find_spec(name)]])
        """,
    )
    assert found == []
    assert [name for name in modules if name.startswith("agentcore_emulator")] == []
    assert [entry for entry in path if "agentcore_emulator" in entry] == []
    assert path[0] == str(agent.runtime.project_dir)


async def test_modules_of_the_project_are_imported_from_where_they_lie(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    project = laboratory.write("value = 7", "helper.py").parent
    (project / "package").mkdir()
    (project / "package" / "__init__.py").touch()
    (project / "package" / "inner.py").write_text("from . import other\nfrom helper import value")
    (project / "package" / "other.py").touch()
    microvm = await running(laboratory, kind, "import helper\nfrom package import inner\n" + puppet)
    assert await order(microvm, "answer([helper.__file__, inner.value])") == [str(project / "helper.py"), 7]


async def test_an_entry_file_below_the_projects_root(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    project = laboratory.write("root = 1", "from_root.py").parent
    (project / "src").mkdir()
    (project / "src" / "beside.py").write_text("side = 2")
    (project / "src" / "agent.py").write_text("import from_root, beside\n" + puppet)
    agent = await laboratory.agent(puppet, kind=kind, entrypoint=project / "src" / "agent.py")
    microvm = await laboratory.start(agent)
    await microvm.ready()
    assert await order(microvm, "answer([sys.path[0], sys.path[1], from_root.root + beside.side])") == [
        str(project / "src"),
        str(project),
        3,
    ]


# What a fork could carry over


async def test_sessions_do_not_share_their_luck(laboratory: Laboratory, order: Order, kind: str, puppet: str) -> None:
    agent = await laboratory.agent("import random, tempfile, uuid\n" + puppet, kind=kind)
    drawn = set()
    for _ in range(3):
        microvm = await laboratory.start(agent)
        await microvm.ready()
        code = "answer([random.random(), str(uuid.uuid4()), os.path.basename(tempfile.mktemp())])"
        drawn.add(tuple(await order(microvm, code)))
    assert all(len({each[part] for each in drawn}) == 3 for part in range(3))


async def test_a_program_that_a_guest_starts_inherits_none_of_the_hosts_descriptors(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    microvm = await running(laboratory, kind, puppet)
    found = await order(
        microvm,
        """
        listing = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, stdout=subprocess.PIPE)
        answer(listing.stdout.decode())
        """,
    )
    assert "socket:" not in found
    assert found.count("pipe:") == 2, "its own output, and the log as stderr"


# What it prints


async def test_what_is_printed_is_in_the_log_before_the_answer(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    journal = Journal("test")
    microvm = await laboratory.start(await laboratory.agent(puppet, kind=kind), journal)
    await microvm.ready()
    await order(
        microvm,
        """
        print("out", end=" ")
        print("more")
        print("error", file=sys.stderr)
        os.system("echo child")
        answer(1)
        """,
    )
    microvm.drain_log()
    assert list(journal.lines) == ["out more", "error", "child"]


# Processes within a guest


async def test_multiprocessing_within_a_guest(laboratory: Laboratory, order: Order, kind: str, puppet: str) -> None:
    source = """
import multiprocessing
class Work:
    def __init__(self, number): self.number = number
def double(work): return Work(work.number * 2)
""" + puppet.replace("\nServer((", "\nif __name__ == '__main__': Server((")
    microvm = await running(laboratory, kind, source)
    assert (
        await order(
            microvm,
            """
        found = []
        for method in ("spawn", "fork", "forkserver"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                found.append([work.number for work in pool.map(double, [Work(1), Work(2)])])
        answer(found)
        """,
        )
        == [[2, 4]] * 3
    )


async def test_a_program_of_the_agents_own_is_found_and_runs(
    laboratory: Laboratory, order: Order, kind: str, puppet: str
) -> None:
    laboratory.write("print(6 * 7)", "tool.py")
    microvm = await running(laboratory, kind, puppet)
    code = "answer(int(subprocess.run([sys.executable, 'tool.py'], capture_output=True, check=True).stdout))"
    assert await order(microvm, code) == 42


# Ends


async def test_a_server_that_ends_ends_the_guest(laboratory: Laboratory, order: Order, kind: str, puppet: str) -> None:
    tail = "\nprint('cleaning up'); open(os.environ['MARK'], 'w').close(); sys.exit(5)"
    mark = laboratory.folder / "mark"
    source = puppet.replace("Server((", "server = Server((").replace(".serve_forever()", "; server.serve_forever()")
    microvm = await running(laboratory, kind, source + tail, MARK=str(mark))
    await order(microvm, "answer(1); threading.Thread(target=server.shutdown).start()")
    assert await microvm.exited == 5
    assert mark.exists()
