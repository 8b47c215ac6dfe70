"""What an isolated guest sees, and what it does not, by real emulators."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.runtime.microvm.isolation import Isolation
from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from tests.runtime.microvm.conftest import Fugitives

CallerOf = Callable[[EmulatorProcess], Callable[[str, str], Any]]
ISOLATED = ["--isolation", "namespaces", "--quirks", "off"]

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.fixture(params=["V1", "V2"])
def platform(request: pytest.FixtureRequest) -> list[str]:
    """The options of an isolated emulator on each platform version."""
    return [*ISOLATED, "--platform", str(request.param)]


def test_the_project_is_each_sessions_own(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, platform: list[str]
) -> None:
    agent = write_agent(puppet)
    project = agent.parent
    (project / "data").mkdir()
    (project / "data" / "old.txt").write_text("old")
    with EmulatorProcess(agent, *platform) as emulator:
        call = caller_of(emulator)
        one, two = new_session(), new_session()
        where = call(one, "answer([os.getcwd(), sys.path[0], __file__])")
        assert where == [str(project), str(project), str(agent)]
        code = f"""
        import shutil
        open("data/old.txt", "a").write("+")
        open({str(project / "absolute.txt")!r}, "w").write("x")
        shutil.copytree("data", "copy")
        shutil.rmtree("data")
        os.mkdir("data")
        open("data/new.txt", "w").write("new")
        os.remove("agent.py")
        answer([sorted(os.listdir()), os.listdir("data"), open("copy/old.txt").read()])
        """
        assert call(one, code) == [["absolute.txt", "copy", "data"], ["new.txt"], "old+"]
        assert call(two, "answer([sorted(os.listdir()), os.listdir('data')])") == [["agent.py", "data"], ["old.txt"]]
        (project / "later.txt").write_text("seen")
        assert call(two, "answer(open('later.txt').read())") == "seen"
    assert sorted(entry.name for entry in project.iterdir()) == ["agent.py", "data", "later.txt"]
    assert (project / "data" / "old.txt").read_text() == "old"


def test_tmp_home_and_shared_memory_are_each_sessions_own(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, platform: list[str]
) -> None:
    with EmulatorProcess(write_agent(puppet), *platform) as emulator:
        call = caller_of(emulator)
        one, two = new_session(), new_session()
        places = ["/tmp/note", "/dev/shm/note", str(Path.home() / "note")]
        write = f"for place in {places}: open(place, 'x').close()\nanswer(os.environ['HOME'])"
        assert call(one, write) == call(two, write) == str(Path.home())
        assert call(one, "import tempfile\nanswer(tempfile.gettempdir())") == "/tmp"
    assert not any(Path(place).exists() for place in places)


def test_the_developers_credentials_are_not_there(
    tmp_path: Path, write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf
) -> None:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("secret")
    with EmulatorProcess(write_agent(puppet), *ISOLATED, env={"HOME": str(home)}) as emulator:
        seen = caller_of(emulator)(new_session(), "answer([os.environ['HOME'], os.listdir(os.environ['HOME'])])")
    assert seen == [str(home), []]


@pytest.mark.parametrize("place", [".", "code/agent"])
def test_a_project_in_home(tmp_path: Path, puppet: str, caller_of: CallerOf, place: str) -> None:
    home = tmp_path / "home"
    project = home / place
    project.mkdir(parents=True)
    (project / "agent.py").write_text(puppet)
    (home / "other").mkdir()
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("secret")
    with EmulatorProcess(project / "agent.py", *ISOLATED, env={"HOME": str(home)}) as emulator:
        call = caller_of(emulator)
        seen = call(new_session(), "answer([os.getcwd(), sorted(os.listdir(os.environ['HOME']))])")
        credentials = "answer(os.path.exists(os.environ['HOME'] + '/.aws/credentials'))"
        assert call(new_session(), credentials) is False
    # A project that is the home folder is seen whole, but for its credentials.
    assert seen == [str(project), [".aws", "agent.py", "other"] if place == "." else ["code"]]


def test_what_the_interpreter_needs_is_kept(tmp_path: Path, puppet: str, caller_of: CallerOf) -> None:
    home = tmp_path / "home"
    project = home / "project"
    project.mkdir(parents=True)
    (project / "agent.py").write_text(puppet)
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", str(home / "environment")], check=True)
    library = next((home / "environment" / "lib").glob("python3*/site-packages"))
    (library / "plain.py").write_text("value = 1")
    source = home / "source"
    source.mkdir()
    (source / "edited.py").write_text("value = 2")
    (library / "edited-1.dist-info").mkdir()
    (library / "edited-1.dist-info" / "direct_url.json").write_text(
        json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}})
    )
    (library / "finder.pth").write_text("import finder\n")
    (library / "finder.py").write_text(
        f"""
import importlib.util, sys
class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "edited":
            return importlib.util.spec_from_file_location(name, {str(source / "edited.py")!r})
sys.meta_path.append(Finder)
"""
    )
    options = [*ISOLATED, "--python", str(home / "environment")]
    with EmulatorProcess(project / "agent.py", *options, env={"HOME": str(home)}) as emulator:
        code = "import edited, plain\nanswer([plain.value, edited.value, sorted(os.listdir(os.environ['HOME']))])"
        assert caller_of(emulator)(new_session(), code) == [1, 2, ["environment", "project", "source"]]


def test_a_guest_is_alone(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, platform: list[str]
) -> None:
    with EmulatorProcess(write_agent(puppet), *platform) as emulator:
        call = caller_of(emulator)
        session = new_session()
        code = """
        processes = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        answer([os.getpid(), processes, socket.gethostname()])
        """
        assert call(session, code) == [1, [1], "localhost"]
        [found] = emulator.sessions()
        assert found["pid"] is not None
        assert Path(f"/proc/{found['pid']}/cmdline").exists(), "the emulator names it as its own system does"


def test_a_guest_cannot_undo_it(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, platform: list[str]
) -> None:
    code = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    tried = []
    for attempt in (
        lambda: libc.umount2(os.getcwd().encode(), 2),
        lambda: libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None),
        lambda: libc.sethostname(b"other", 5),
    ):
        tried.append([attempt(), os.strerror(ctypes.get_errno())])
    status = open("/proc/self/status").read()
    answer([tried, [line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapBnd"))]])
    """
    with EmulatorProcess(write_agent(puppet), *platform) as emulator:
        tried, capabilities = caller_of(emulator)(new_session(), code)
    assert tried == [[-1, "Operation not permitted"]] * 3
    for found in capabilities:
        assert not int(found, 16) & 1 << 21, "CAP_SYS_ADMIN"


def test_the_emulators_own_state_looks_empty(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf
) -> None:
    agent = write_agent(puppet)
    state = agent.parent / ".agentcore-emulator"
    with EmulatorProcess(agent, *ISOLATED, "--state-dir", str(state)) as emulator:
        assert any(state.iterdir())
        assert caller_of(emulator)(new_session(), "answer(os.listdir('.agentcore-emulator'))") == []


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


# Ends


def test_whatever_a_guest_starts_ends_with_it(
    write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, fugitives: Fugitives, platform: list[str]
) -> None:
    code = f"""
    wait = "import signal; signal.pause()"
    command = [sys.executable, "-S", "-c", wait, {fugitives.marker!r}]
    subprocess.Popen(command)
    subprocess.Popen(command, start_new_session=True)
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            os.execv(command[0], command)
        os._exit(0)
    os.wait()
    def started():
        lines = [open(f"/proc/{{pid}}/cmdline").read() for pid in os.listdir("/proc") if pid.isdigit()]
        return sum({fugitives.marker!r} in line for line in lines)
    while started() < 3:
        pass
    answer("started")
    """
    with EmulatorProcess(write_agent(puppet), *platform) as emulator:
        call = caller_of(emulator)
        session = new_session()
        assert call(session, code) == "started"
        fugitives.watch(*fugitives.marked())
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        assert fugitives.ended()
        call(new_session(), code)
        fugitives.watch(*fugitives.marked())
        emulator.kill()
        fugitives.gone()


def test_a_handler_of_sigterm_runs(write_agent: Callable[[str], Path], puppet: str, tmp_path: Path) -> None:
    handler = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: (print('good bye', flush=True), os._exit(0)))\n"
    source = puppet.replace("state = {", f"{handler}state = {{", 1)
    with EmulatorProcess(write_agent(source), *ISOLATED) as emulator:
        session = new_session()
        emulator.invoke({}, session)
        emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        )
        ended = emulator.session(session)
        assert any(line.endswith("good bye") for line in ended["log"])


def test_nothing_is_left_of_the_files(
    short: Path, write_agent: Callable[[str], Path], puppet: str, caller_of: CallerOf, platform: list[str]
) -> None:
    with EmulatorProcess(write_agent(puppet), *platform, env={"TMPDIR": str(short)}) as emulator:
        call = caller_of(emulator)
        call(new_session(), "os.makedirs('a/b')\nopen('/tmp/x', 'w').close()\nanswer(1)")
        assert list(short.iterdir()) != []
    assert list(short.iterdir()) == []


# The choice


def test_what_cannot_work_is_said(short: Path, puppet: str) -> None:
    agent = short / "agent.py"
    agent.write_text(puppet)
    (short / "t").mkdir()
    environ = {"TMPDIR": str(short / "t")}
    with EmulatorProcess(agent, "--quirks", "off", env=environ) as emulator:
        assert "Isolation   plain  (the project" in emulator.log
        assert "holds the emulator's own temporary files" in emulator.log
        assert emulator.invoke({})["count"] == 1
    command = ["start", str(agent), "--port", "0", "--ephemeral", *ISOLATED]
    ended = subprocess.run(
        [sys.executable, "-m", "agentcore_emulator", *command],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "there can be no namespaces: the project" in ended.stderr
    assert "start with --isolation plain" in ended.stderr


def test_the_better_one_is_the_default(write_agent: Callable[[str], Path], puppet: str) -> None:
    with EmulatorProcess(write_agent(puppet), "--quirks", "off") as emulator:
        assert "Isolation   namespaces  (own files, process ids and host name)" in emulator.log
    with EmulatorProcess(write_agent(puppet), "--quirks", "off", "--isolation", "plain") as emulator:
        assert "Isolation   plain\n" in emulator.log


def test_in_words() -> None:
    assert str(Isolation("plain", "why")) == "plain  (why)"
    assert str(Isolation("plain")) == "plain"


# Without root


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run without root already")
def test_it_works_without_root(puppet: str) -> None:
    python = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()), None)
    if python is None or subprocess.run([python, "-c", "import sys; assert sys.version_info >= (3, 10)"]).returncode:
        pytest.skip("NOT TESTED, there is no Python that another user could run")
    nobody = pwd.getpwnam("nobody")
    # Where another user can read it, which tests' own folders are not.
    folder = Path("/var/tmp") / f"agentcore-test-{os.getpid()}"
    shutil.copytree(Path(__file__).parents[3] / "emulator" / "agentcore_emulator" / "guest", folder / "guest")
    try:
        project = folder / "project"
        project.mkdir()
        (project / "agent.py").write_text(puppet)
        (project / "data").mkdir()
        (project / "data" / "old.txt").write_text("old")
        for name in ("upper", "scratch", "home", "tmp"):
            (folder / name).mkdir()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        plan = {
            "project": str(project),
            "layers": [],
            "upper": str(folder / "upper"),
            "scratch": str(folder / "scratch"),
            "home": str(folder / "home"),
            "home_path": "",
            "tmp": str(folder / "tmp"),
            "hidden": [],
            "kept": [str(folder / "guest")],
            "storage": ["/mnt/data", str(folder / "home")],
        }
        program = f"""
import os, shutil, sys
sys.path.insert(0, {str(folder)!r})
from guest import namespaces
namespaces.become_init()
child = namespaces.Cradle().fork()
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
namespaces.isolate()
namespaces.settle(namespaces.Plan(**{plan!r}))
namespaces.disarm()
os.chdir({str(project)!r})
assert os.getpid() == 1 and os.geteuid() == {nobody.pw_uid}
open("/mnt/data/kept", "w").close()
shutil.rmtree("data")
os.mkdir("data")
assert os.listdir("data") == []
open("agent.py", "a").write("changed")
assert open("agent.py").read().endswith("changed")
"""
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, **user)  # type: ignore[call-overload]
        if done.returncode and "unshare" in done.stderr:
            pytest.skip(f"NOT TESTED, users have no namespaces here: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        assert (folder / "home" / "kept").exists()
        assert (project / "data" / "old.txt").read_text() == "old"
    finally:
        shutil.rmtree(folder)


def test_the_death_of_a_zygote_ends_nobody_else(
    write_agent: Callable[[str], Path], puppet: str, platform: list[str]
) -> None:
    agent = write_agent(puppet)
    environ = {**os.environ, "PROJECT": str(agent), "PWD": str(agent.parent)}
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environ) as bystander,
        EmulatorThread(agent, *platform) as emulator,
    ):
        emulator.invoke({})
        [session] = emulator.sessions()
        # The second field is the command's name in parentheses and may hold anything.
        zygote = int(Path(f"/proc/{session['pid']}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(zygote, signal.SIGKILL)
        assert emulator.invoke({})["count"] == 1
        emulator.stop()
        assert bystander.poll() is None, "a developer's own program in the project's folder"
        bystander.kill()
